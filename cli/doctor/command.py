"""Checks everything that Landfall needs, and prints a cure for whatever is amiss."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from cli.doctor.clocks import look_at_clocks
from cli.doctor.database import look_at_database
from cli.doctor.elsewhere import look_elsewhere, url_elsewhere
from cli.doctor.finding import Check, Finding, Status
from cli.doctor.machine import look_at_home, look_at_python
from cli.doctor.redis import look_at_redis
from cli.doctor.rounds import look_at_all
from cli.doctor.secrets import without_secrets
from cli.doctor.service import look_at_api, look_at_work
from cli.doctor.settings_file import examine_settings, look_at_secrets
from cli.doctor.store import look_at_store
from cli.doctor.vendors import look_at_credentials, look_at_hosts
from cli.failures import DONE
from cli.output import answer, remark
from cli.parsing import AsJson
from cli.tables import print_table

_AMISS = 1
_CHECKS: dict[str, Check] = {
    "home": look_at_home,
    "database": look_at_database,
    "redis": look_at_redis,
    "store": look_at_store,
    "clock": look_at_clocks,
    "secrets": look_at_secrets,
    "hosts": look_at_hosts,
    "credentials": look_at_credentials,
    "api": look_at_api,
    "work": look_at_work,
}


def doctor(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Leave out what asks the vendors.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check settings, database, Redis, store, clocks, vendors, API, workers and exports; nothing is changed.

    Exit code 0 where no error was found, warnings or not, else 1. Without a settings file, and with LANDFALL_URL, only that
    API is looked at.
    """
    findings = _examine(offline=offline)
    if as_json:
        answer(json.dumps({"items": [asdict(each) for each in findings], "next": None}))
    else:
        _print(findings)
        remark(_summary(findings))
    return _AMISS if any(each.status is Status.ERROR for each in findings) else DONE


def _examine(*, offline: bool) -> list[Finding]:
    if url := url_elsewhere():
        return without_secrets([*look_at_python(), *look_elsewhere(url)], None)
    installation, findings = examine_settings(offline=offline)
    looks = {name: partial(check, installation) for name, check in _CHECKS.items()} if installation else {}
    return without_secrets([*look_at_python(), *findings, *look_at_all(looks)], installation)


def _print(findings: Sequence[Finding]) -> None:
    if sys.stdout.isatty():
        # Side by side, two columns of sentences leave each other too little room.
        print_table(("CHECK", "STATE", "FOUND"), [(each.check, each.status, _in_words(each)) for each in findings])
        return
    rows = [(each.check, each.status, each.found, each.cure) for each in findings]
    print_table(("CHECK", "STATE", "FOUND", "CURE"), rows)


def _in_words(finding: Finding) -> str:
    return f"{finding.found}. Cure: {finding.cure}" if finding.cure else finding.found


def _summary(findings: Sequence[Finding]) -> str:
    count = {status: sum(each.status is status for each in findings) for status in Status}
    return f"{count[Status.OK]} ok, {count[Status.WARNING]} to be looked at, {count[Status.ERROR]} wrong."
