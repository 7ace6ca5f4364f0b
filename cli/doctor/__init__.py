"""Checks everything that Landfall needs and changes nothing."""
