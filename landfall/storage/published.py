"""Says what a publication comes to, and that an artifact is gone."""

from dataclasses import dataclass


class ArtifactMissing(Exception):
    """The store does not have what a URI names; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a file is. `adopted` says that it was there already, whole, and the draft was dropped."""

    uri: str
    adopted: bool
