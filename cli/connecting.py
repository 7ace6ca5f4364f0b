"""Connects a command with the API that it talks to: the address and the key."""

from pathlib import Path

from cli.address import api_url
from cli.client import Api
from cli.credentials import find_key


def connect(url: str | None, key_file: Path | None = None) -> Api:
    """The API at the address that was typed or is known. Raises CommandError where either cannot be found out."""
    address = api_url(url)
    return Api(address, key=find_key(address, key_file))
