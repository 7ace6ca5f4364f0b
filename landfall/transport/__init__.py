"""Reaches the Redis that carries wake-ups between Landfall's processes."""
