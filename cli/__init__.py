"""Gives people the landfall command: a client of the HTTP API, and the launcher of Landfall's processes."""
