"""Stands in for both vendors on loopback, as a witness that knows nothing of Landfall."""
