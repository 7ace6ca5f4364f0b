"""Lists who runs what."""

from pathlib import Path

from benchmarks.cases import A_COLD, A_SHORT, A_WARM, B_COLD, B_WARM, C, S
from benchmarks.contender import Contender
from benchmarks.landfall_session import landfall
from benchmarks.peer_session import Peer, peer

OURS = [
    Contender("landfall-a-cold", "Landfall, A cold", A_COLD, landfall(), peer=False),
    Contender("landfall-a-warm", "Landfall, A warm", A_WARM, landfall(), peer=False),
    Contender("landfall-a-2", "Landfall, A warm, 2 workers", A_WARM, landfall(2), peer=False, default=False),
    Contender("landfall-a-4", "Landfall, A warm, 4 workers", A_WARM, landfall(4), peer=False, default=False),
    Contender("landfall-a-pg", "Landfall, A warm, Postgres", A_WARM, landfall(postgres=True), peer=False),
    Contender(
        "landfall-a-pg-4",
        "Landfall, A warm, Postgres, 4 workers",
        A_WARM,
        landfall(4, postgres=True),
        peer=False,
        default=False,
    ),
    Contender("landfall-b-warm", "Landfall, B warm", B_WARM, landfall(), peer=False),
    Contender("landfall-c-1", "Landfall, C, 1 worker", C, landfall(1), peer=False),
    Contender("landfall-c-2", "Landfall, C, 2 workers", C, landfall(2), peer=False),
    Contender(
        "landfall-c-pg-2", "Landfall, C, Postgres, 2 workers", C, landfall(2, postgres=True), peer=False, default=False
    ),
    Contender("landfall-c-4", "Landfall, C, 4 workers", C, landfall(4), peer=False, default=False),
    *(
        Contender(
            f"landfall-s-pg-{workers}",
            f"Landfall, S, Postgres, {workers} of 10 steps",
            S,
            landfall(workers, postgres=True, max_jobs=10),
            peer=False,
            default=False,
        )
        for workers in (1, 2, 4)
    ),
]

_AIRBYTE = Peer("airbyte_orchestrator", workers=0)
_AIRBYTE_TUNED = Peer("airbyte_orchestrator", workers=0, variables={"BENCH_AIRBYTE_WAIT": "0.05"})
_ARQ_DEFAULT = Peer("arq_steps", variables={"BENCH_ARQ_POLL_DELAY": "0.5"})
_SCRIPT = Peer("asyncio_script", workers=0)


def theirs(python: Path) -> list[Contender]:
    """The peers, run by the Python of their environment."""
    return [
        Contender("airbyte-a", "Airbyte CDK, as shipped, A (15 exports)", A_SHORT, peer(python, _AIRBYTE)),
        Contender("airbyte-tuned-a", "Airbyte CDK, wait 0.05 s, A", A_COLD, peer(python, _AIRBYTE_TUNED)),
        Contender("arq-naive-a", "arq, one task, exponential, A", A_COLD, peer(python, Peer("arq_naive"))),
        Contender(
            "arq-default-a", "arq, 3 tasks, poll delay 0.5 s, A", A_COLD, peer(python, _ARQ_DEFAULT), default=False
        ),
        Contender("arq-steps-a", "arq, 3 tasks, poll delay 0.02 s, A", A_COLD, peer(python, Peer("arq_steps"))),
        Contender("celery-a", "Celery, 3 tasks, prefork, A", A_COLD, peer(python, Peer("celery_steps"))),
        Contender("saq-a", "SAQ, 3 tasks, A", A_COLD, peer(python, Peer("saq_steps"))),
        Contender(
            "procrastinate-a",
            "Procrastinate, 3 tasks, A",
            A_COLD,
            peer(python, Peer("procrastinate_steps", postgres=True)),
        ),
        Contender("script-a", "plain asyncio script, A", A_COLD, peer(python, _SCRIPT)),
        Contender("arq-naive-c", "arq, one task, C", C, peer(python, Peer("arq_naive")), default=False),
        Contender("arq-steps-c-1", "arq, 3 tasks, C, 1 worker", C, peer(python, Peer("arq_steps"))),
        Contender("arq-steps-c-2", "arq, 3 tasks, C, 2 workers", C, peer(python, Peer("arq_steps", workers=2))),
        Contender("airbyte-full-a", "Airbyte CDK, as shipped, A", A_COLD, peer(python, _AIRBYTE), default=False),
        Contender("saq-c", "SAQ, 3 tasks, C", C, peer(python, Peer("saq_steps")), default=False),
        Contender("celery-c", "Celery, 3 tasks, C", C, peer(python, Peer("celery_steps")), default=False),
        Contender("script-c", "plain asyncio script, C", C, peer(python, _SCRIPT), default=False),
        Contender("airbyte-tuned-c", "Airbyte CDK, wait 0.05 s, C", C, peer(python, _AIRBYTE_TUNED), default=False),
        Contender("script-b", "plain asyncio script, B", B_COLD, peer(python, _SCRIPT), default=False),
    ]
