"""Holds what the declarations of all tables share."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, Index, Integer, MetaData
from sqlalchemy.dialects.postgresql import JSONB

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Key = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    },
)


def index_where(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool]) -> None:
    """Declare an index over the rows for which a condition holds."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)
