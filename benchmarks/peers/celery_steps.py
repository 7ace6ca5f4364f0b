"""Lands exports as three Celery tasks (start, poll, download) in prefork workers, Redis as the broker."""

import time
from functools import cache

from celery import Celery
from celery.signals import worker_ready as celery_is_ready
from redis import Redis

from benchmarks.peers import stage
from benchmarks.peers.slots import Slots
from benchmarks.peers.sync_vendor import SyncVendor
from benchmarks.peers.work import Work

_PROCESSES = 10
_WORK = Work.given()

app = Celery("celery_steps", broker=_WORK.redis.replace("unix://", "redis+socket://"))
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1, worker_hijack_root_logger=False)


@cache
def _vendor() -> SyncVendor:
    return SyncVendor(_WORK)


@cache
def _slots() -> Slots:
    return Slots(Redis.from_url(_WORK.redis), _WORK.slots)


@app.task
def start(account: str, nth: int) -> None:
    """Start the report."""
    task = _vendor().start(account, nth)
    poll.apply_async((account, nth, task, time.time()), countdown=_WORK.delay(0))


@app.task
def poll(account: str, nth: int, task: str, started_at: float) -> None:
    """Ask how it stands; when it is finished, download it and give its slot away."""
    if not _vendor().is_finished(account, task):
        delay = _WORK.delay(time.time() - started_at)
        poll.apply_async((account, nth, task, started_at), countdown=delay)
        return
    following = _slots().leave(account)
    if following is not None:
        start.delay(account, following)
    download.delay(account, nth, task)


@app.task
def download(account: str, nth: int, task: str) -> None:
    """Fetch the file."""
    _vendor().download(account, task, nth)


@celery_is_ready.connect
def _tell(**_: object) -> None:
    stage.worker_ready()


def _ask(work: Work) -> None:
    for index, (account, nth) in enumerate(work.all):
        if _slots().enter(account, nth):
            start.delay(account, nth)
        if index == 0:
            stage.accepted()


def main() -> None:
    """Work or ask."""
    if stage.is_worker():
        quiet = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        app.worker_main(["worker", "--pool=prefork", f"--concurrency={_PROCESSES}", *quiet])
    else:
        stage.play(_ask, "benchmarks.peers.celery_steps")


if __name__ == "__main__":
    # Celery names tasks by their module: under this name, not as __main__, so that children find them.
    from benchmarks.peers.celery_steps import main as run

    run()
