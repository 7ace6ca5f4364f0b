"""Holds the schema's history, for Alembic."""
