"""Lands vendor exports: starts them, waits for them, proves and stores their CSV files."""

__version__ = "0.1.0"
