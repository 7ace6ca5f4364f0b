"""Gathers the tables of the whole schema."""

from landfall.database import service_tables, tables
from landfall.database.columns import metadata

__all__ = ["metadata", "service_tables", "tables"]
