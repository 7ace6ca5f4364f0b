"""Packs what is written into a draft, to be unpacked by whoever reads the file."""

from collections.abc import Callable

from landfall.storage.content import Tally
from landfall.storage.encodings import Encoding
from landfall.storage.packing import Packer
from landfall.storage.published import Published
from landfall.storage.store import Draft


class PackedDraft:
    """A draft that takes the plain file and keeps a packed one; `held` counts plain bytes.

    A packer's state dies with its process, so nothing is resumed from an earlier one; within one it goes on.
    """

    def __init__(self, draft: Draft, encoding: Encoding) -> None:
        """Begin anew, whatever the draft holds."""
        self.held = 0
        self.tag: str | None = None
        self.tally = Tally()
        self._draft = draft
        self._encoding = encoding
        self._packer = Packer(encoding)
        self._finished = False
        if draft.held:
            draft.restart()

    def replay(self, keep: Callable[[bytes], None]) -> None:
        """Nothing to hand over: a packed draft begins empty."""

    def remember(self, tag: str | None) -> None:
        """Keep the strong ETag of what is being written, for as long as this draft lives."""
        self.tag = tag if not self.held or tag == self.tag else None
        self._draft.remember(None)  # under no tag: once closed, the part is not kept

    def write(self, chunk: bytes) -> None:
        """Pack and append. Raises StorageUnavailable, StorageFull; the draft is of no use then."""
        self._append(self._packer.pack(chunk))
        self.held += len(chunk)

    def restart(self) -> None:
        """Drop what is held and begin at byte 0 again."""
        self._draft.restart()
        self.held, self.tag, self.tally, self._packer = 0, None, Tally(), Packer(self._encoding)

    def finish(self) -> None:
        """Write the end of the packed file: `tally` is then that of the whole. Nothing happens a second time."""
        if not self._finished:
            self._finished = True
            self._append(self._packer.finish())

    def publish(self, manifest: bytes) -> Published:
        """Finish and make the file visible. Raises StorageUnavailable, StorageFull."""
        self.finish()
        return self._draft.publish(manifest)

    def discard(self) -> None:
        """Remove the part."""
        self._draft.discard()

    def close(self) -> None:
        """Let go of the part, which nobody could go on with."""
        self._draft.close()

    def _append(self, packed: bytes) -> None:
        if packed:
            self._draft.write(packed)
            self.tally.update(packed)
