"""Names where the files of an account go, and how they lie there."""

from dataclasses import dataclass, replace
from pathlib import Path

from landfall.exports.job import ExportJob
from landfall.storage.encodings import Encoding, stored_key
from landfall.storage.keys import artifact_key
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

    def key_of(self, job: ExportJob) -> str:
        """The name of the export's file, packed as it will be."""
        return stored_key(artifact_key(self.key_template, job), self.at_rest)

    def names_given_up(self, job: ExportJob) -> list[str]:
        """The names that the export's file had before it was withdrawn; what lies there is nobody's."""
        return [self.key_of(replace(job, withdrawals=number)) for number in range(job.withdrawals)]
