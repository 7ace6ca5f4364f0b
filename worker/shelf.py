"""Names where the files of an account go, and how they lie there."""

from dataclasses import dataclass
from pathlib import Path

from landfall.storage.encodings import Encoding
from landfall.storage.store import Store


@dataclass(frozen=True, slots=True)
class Shelf:
    """The store, the template of its keys, and the bytes of its disk that stay free.

    `at_rest` is how files are packed, `parquet` asks for a Parquet copy beside each; what it takes to make one lies in
    `workspace` meanwhile.
    """

    store: Store
    key_template: str
    reserve: int
    workspace: Path
    at_rest: Encoding = "identity"
    parquet: bool = False
