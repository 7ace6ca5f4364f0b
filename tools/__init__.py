"""Keeps what the repository holds of others."""
