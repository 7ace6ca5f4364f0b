"""Finds what an earlier attempt has published, so that it need not be fetched again, or must not be found any more."""

from landfall.exports.job import Artifact, ExportJob
from landfall.storage.content import Tally
from landfall.storage.manifest import Manifest
from landfall.storage.parquet import copy_of, described
from landfall.storage.store import ArtifactMissing, Store


def find_published(store: Store, key: str, job: ExportJob) -> Artifact | None:
    """The file of the key, if it is that of the export's present report and still the one that its manifest tells of.

    None otherwise: then it has to be fetched. Raises StorageUnavailable.
    """
    uri = store.uri(key)
    told = described(store, uri)
    if told is None or (told.export_id, told.generation, told.report_id) != (job.id, job.generation, job.report_id):
        return None
    return _artifact(uri, told) if _is_whole(store, uri, told) else None


def is_published(store: Store, key: str, export_id: str, *, newest: int) -> bool:
    """Whether the file of the key is the export's, of report number `newest` or of one before it.

    Raises StorageUnavailable.
    """
    told = described(store, store.uri(key))
    return told is not None and told.export_id == export_id and told.generation <= newest


def remove_published(store: Store, key: str, export_id: str, *, newest: int) -> bool:
    """Remove the export's file under the key, and its copy, if it is of report number `newest` or of one before it.

    False where there is none. Only for a key that nobody publishes under meanwhile: no store looks and removes in one.
    Raises StorageUnavailable.
    """
    uri = store.uri(key)
    if not is_published(store, key, export_id, newest=newest):
        return False
    if copy := copy_of(store, uri):
        store.remove(copy)
    store.remove(uri)
    return True


def _is_whole(store: Store, uri: str, told: Manifest) -> bool:
    tally = Tally()
    try:
        for _ in tally.passing(store.open(uri)):
            pass
    except ArtifactMissing:
        return False
    return (tally.bytes, tally.sha256) == (told.bytes, told.sha256)


def _artifact(uri: str, told: Manifest) -> Artifact:
    return Artifact(
        uri=uri,
        bytes=told.bytes,
        rows=told.rows,
        sha256=told.sha256,
        columns=told.columns,
        empty=told.rows == 0,
        header_hash=told.header_hash,
    )
