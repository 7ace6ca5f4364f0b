"""Writes landfall.toml with a newcomer, secrets apart, and tries the credentials."""
