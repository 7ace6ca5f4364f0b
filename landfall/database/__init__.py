"""Keeps exports, their events and accounts in SQLite: rows in, rows out."""
