"""Names how a command can fail, each with its exit code.

CommandError            1   it cannot be done
├── UnreachableError    1   no Landfall answers
├── WrongInputError     2   what was typed is wrong
│   └── RefusedError    2   the API says so, field by field
├── NotStoredError      3   the export did not end stored
└── RotFoundError       4   stored files are not what they were
"""

from typing import ClassVar

DONE = 0
INTERRUPTED = 130


class CommandError(Exception):
    """The command cannot do what it was asked for; the text is one sentence with the cure."""

    exit_code: ClassVar[int] = 1


class UnreachableError(CommandError):
    """Nothing answers where Landfall was looked for."""


class WrongInputError(CommandError):
    """What was typed is wrong; the text names the word and what to write instead."""

    exit_code = 2


class RefusedError(WrongInputError):
    """The API refused the input; the text has one line for each field."""


class NotStoredError(CommandError):
    """The export failed, was cancelled or is not finished."""

    exit_code = 3


class RotFoundError(CommandError):
    """Files in the store are missing or are no longer what was published."""

    exit_code = 4
