"""Judges what was typed or given before it is written, without ever repeating what may be a secret."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from cli.failures import WrongInputError
from cli.init.vendor_fields import VendorField
from landfall.settings import SecretRef

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL_VARIABLES = {"database_url": "LANDFALL_DATABASE_URL", "redis_url": "LANDFALL_REDIS_URL"}


def in_variable(where: str, name: str) -> SecretRef:
    """A secret in an environment variable. Raises WrongInputError."""
    if not _VARIABLE.fullmatch(name):
        raise WrongInputError(f"{where}: it takes the name of an environment variable, never the secret itself.")
    return SecretRef(env=name)


def in_file(where: str, path: str) -> SecretRef:
    """A secret in a file that is there. Raises WrongInputError."""
    found = Path(path).expanduser()
    try:
        if found.is_file():
            return SecretRef(file=found)
    except OSError:
        pass
    raise WrongInputError(f"{where}: it takes the path of a file that holds the secret, and there is no such file.")


def as_text(field: VendorField, text: str) -> str:
    """What may stand in the file as it is. Raises WrongInputError."""
    if not text.strip() or not text.isprintable():
        raise WrongInputError(f"{field.name}: it is empty or holds line breaks; copy it again.")
    return text.strip()


def without_password(name: str, url: str) -> str:
    """A URL that may stand in the file. Raises WrongInputError where it holds a password."""
    try:
        parts = urlsplit(url)
        secret = bool(parts.password) or any(key == "password" for key, _ in parse_qsl(parts.query))
    except ValueError:
        secret = False  # what reads it will say what is wrong with it
    if secret:
        instead = _URL_VARIABLES.get(name)
        cure = f"set {instead} to it" if instead else "leave credentials to the environment"
        raise WrongInputError(f"{name}: a password is not written into the file; {cure} instead.")
    return url
