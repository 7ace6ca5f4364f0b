"""Makes the Postgres role that may read the ops_ views and nothing else."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from landfall.database import views
from landfall.settings import SettingsError

ROLE = "landfall_readonly"
_LONGEST_STATEMENT = "30s"
_ITERATIONS = 4096
_FEWEST_CHARACTERS = 12
_MAY_NOT = "42501"
_STANDING = text("SELECT rolsuper FROM pg_roles WHERE rolname = :role")
# What `allow` leaves behind for this database alone: other databases of the server may have a role of the same name.
_ALLOWED_HERE = text(
    "SELECT count(*) FROM pg_db_role_setting AS s JOIN pg_roles AS r ON r.oid = s.setrole"
    " JOIN pg_database AS d ON d.oid = s.setdatabase WHERE r.rolname = :role AND d.datname = current_database()"
)
_PLACE = text(
    "SELECT quote_ident(current_database()), quote_ident(current_schema()), quote_ident(current_user),"
    " quote_literal(current_schema())"
)
_MAY_CONNECT = text("SELECT has_database_privilege(:role, current_database(), 'CONNECT')")
_TOO_MUCH = text(
    "SELECT has_schema_privilege(:role, current_schema(), 'CREATE'),"
    " has_database_privilege(:role, current_database(), 'TEMPORARY')"
)


def allow(connection: Connection, password: str | None = None) -> Sequence[str]:
    """Make the role, or make it right; with a password it may log in. Raises SettingsError.

    Returns what it may do beside reading because everybody may, as statements that would take that away.
    """
    if password is not None:
        _check(password)
    database, schema, user, schema_text = connection.execute(_PLACE).one()
    try:
        _make(connection)
        if password is not None:
            connection.execute(_plain(f"ALTER ROLE {ROLE} LOGIN PASSWORD '{_verifier(password)}'"))
        for setting in (
            "default_transaction_read_only = on",
            f"statement_timeout = '{_LONGEST_STATEMENT}'",
            f"search_path = {schema_text}",
        ):
            connection.execute(_plain(f"ALTER ROLE {ROLE} IN DATABASE {database} SET {setting}"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _MAY_NOT:
            raise
        raise SettingsError(
            f"database_url: {user} may not make or change the role {ROLE}; have an administrator run "
            f"`ALTER ROLE {user} CREATEROLE`, or migrate once as a user who may."
        ) from None
    connection.execute(_plain(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {ROLE}"))
    connection.execute(_plain(f"REVOKE ALL ON SCHEMA {schema} FROM {ROLE}"))
    # Everybody may connect, unless somebody took that away.
    if not connection.execute(_MAY_CONNECT, {"role": ROLE}).scalar_one():
        connection.execute(_plain(f"GRANT CONNECT ON DATABASE {database} TO {ROLE}"))
    _grant(connection)
    creates, temporary = connection.execute(_TOO_MUCH, {"role": ROLE}).one()
    return [
        *([f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"] if creates else []),
        *([f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"] if temporary else []),
    ]


def renew(connection: Connection) -> bool:
    """Let the role read views that were made anew; False where it was never allowed to read this database."""
    if connection.dialect.name != "postgresql":
        return False
    if not connection.execute(_ALLOWED_HERE, {"role": ROLE}).scalar_one():
        return False
    _grant(connection)
    return True


def _make(connection: Connection) -> None:
    found = connection.execute(_STANDING, {"role": ROLE}).one_or_none()
    if found is None:
        connection.execute(_plain(f"CREATE ROLE {ROLE} NOLOGIN"))
    elif found.rolsuper:
        raise SettingsError(f"the role {ROLE} is a superuser; take that away with `ALTER ROLE {ROLE} NOSUPERUSER`.")


def _grant(connection: Connection) -> None:
    _, schema, *_ = connection.execute(_PLACE).one()
    names = ", ".join(f"{schema}.{name}" for name in views.metadata.tables)
    connection.execute(_plain(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}"))
    connection.execute(_plain(f"GRANT SELECT ON {names} TO {ROLE}"))


def _check(password: str) -> None:
    if len(password) < _FEWEST_CHARACTERS or not (password.isascii() and password.isprintable()):
        raise SettingsError(
            f"the password of {ROLE} needs at least {_FEWEST_CHARACTERS} printable ASCII characters; choose another."
        )


def _verifier(password: str) -> str:
    """What Postgres keeps of a password (RFC 5802, as `pg_authid` spells it): the password itself is not sent."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(each).decode("ascii") for each in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt_text}${stored_text}:{server_text}"


def _plain(statement: str) -> TextClause:
    return text(statement.replace(":", r"\:"))
