"""Checks that a writer that dies or whose disk fails harms nothing that is published."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from landfall.storage.disk import DiskStore
from landfall.storage.disk_draft import PARTS

KEY = "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"
ROOT = Path(__file__).parents[2]
# Forks a writer for N = 1, 2, …, until one lives to the end: each works in a folder of its own, called N, and kills itself
# right before its N-th touch of the file system, every one of which Python's audit hooks tell of.
CRASHING = """
import itertools, os, signal, sys
from pathlib import Path
from landfall.storage.disk import DiskStore

TOUCHES = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.truncate", "fcntl.flock"}

def write(root, die_at):
    touches = itertools.count(1)
    def die(event, arguments):
        if event in TOUCHES and next(touches) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(die)
    draft = DiskStore(root).draft(sys.argv[2], "1:report")
    draft.remember('"tag"')
    draft.write(b"a,b\\n")
    draft.write(b"1,2\\n")
    draft.publish(b"{}\\n")
    draft.close()

for die_at in itertools.count(1):
    child = os.fork()
    if not child:
        write(Path(sys.argv[1]) / str(die_at), die_at)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""

# Publishes one file, and says what came of it.
PUBLISHING = """
import sys
from pathlib import Path
from landfall.exports.errors import StorageUnavailable
from landfall.storage.disk import DiskStore

draft = DiskStore(Path(sys.argv[1])).draft(sys.argv[2], "1:report")
draft.remember('"tag"')
draft.write(b"a,b\\n")
try:
    draft.publish(b"{}\\n")
except StorageUnavailable as error:
    print(error)
draft.close()
"""


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def finish(root: Path) -> None:
    held: list[bytes] = []
    with closing(DiskStore(root).draft(KEY, "1:report")) as draft:
        draft.replay(held.append)
        assert b"".join(held) == b"a,b\n1,2\n"[: draft.held]
        draft.write(b"a,b\n1,2\n"[draft.held :])
        draft.publish(b"{}\n")


def test_a_writer_killed_at_any_touch_of_the_disk_harms_nothing_and_the_next_one_ends_the_work(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path), KEY], cwd=ROOT, check=True)
    roots = [path for path in tmp_path.iterdir() if path.is_dir()]
    for root in roots:
        if (root / KEY).exists():
            assert (root / KEY).read_bytes() == b"a,b\n1,2\n"
        finish(root)
        assert (root / KEY).read_bytes() == b"a,b\n1,2\n"
        assert (root / f"{KEY}.manifest.json").read_bytes() == b"{}\n"
        DiskStore(root).sweep(timedelta(0))
        assert files(root) == [KEY, f"{KEY}.manifest.json"]
    assert len(roots) > 20


def test_a_part_whose_sync_failed_is_neither_published_nor_gone_on_with(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace, which makes a system call fail, is not installed")
    (tmp_path / PARTS).mkdir()
    failing = [strace, "-f", "-q", "-o", os.devnull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1"]
    command = [*failing, sys.executable, "-c", PUBLISHING, str(tmp_path), KEY]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if "ptrace" in done.stderr:
        pytest.skip("this user may not trace a process")
    assert done.stdout == f"{KEY}: Input/output error\n"
    assert files(tmp_path) == []
