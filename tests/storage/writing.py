"""Writes a file into a store from a process of its own: writing.py URL KEY MIB [stop], with the least memory noted."""

import resource
import sys
from pathlib import Path

from landfall.storage.store import open_store

STATUS = Path("/proc/self/status")


def peak_kib() -> int:
    """The most memory this process has had; getrusage() would count its parent's at the fork, too."""
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))


def main(url: str, key: str, mib: int, *, stop: bool) -> None:
    before = peak_kib()
    draft = open_store(url).draft(key, "mark")
    for number in range(mib):
        draft.write(bytes([number % 251]) * (1 << 20))
    if stop:
        print("held", draft.held, flush=True)  # noqa: T201 - read by the test
        sys.stdin.read()
    draft.publish(b"{}\n")
    print("grown", peak_kib() - before, flush=True)  # noqa: T201 - read by the test


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), stop=sys.argv[4:] == ["stop"])
