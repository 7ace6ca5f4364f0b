"""Measures Landfall, and what others reach on the same work."""
