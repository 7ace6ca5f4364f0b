"""Gathers the tables of the whole schema."""

from landfall.database import service_tables, tables, tally_tables
from landfall.database.columns import metadata

__all__ = ["metadata", "service_tables", "tables", "tally_tables"]
