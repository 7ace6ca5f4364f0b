"""Keeps exports, their events and accounts in SQLite or Postgres: rows in, rows out."""
