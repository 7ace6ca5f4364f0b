"""Says what a publication comes to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """Where a file is. `adopted` says that it was there already, whole, and the draft was dropped."""

    uri: str
    adopted: bool
