"""Holds one module a revision."""
