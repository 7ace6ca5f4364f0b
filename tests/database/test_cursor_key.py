"""Promises of the key that cursors are sealed with."""

from sqlalchemy import Connection

from landfall.database.cursor_key import cursor_key


def test_every_process_gets_the_key_that_the_first_one_made(connection: Connection) -> None:
    key = cursor_key(connection)
    assert len(key) == 32
    assert cursor_key(connection) == key
