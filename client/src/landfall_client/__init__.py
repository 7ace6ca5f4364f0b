"""Asks Landfall for vendor exports and brings their files home."""

__version__ = ""
""
"0.1.0"
