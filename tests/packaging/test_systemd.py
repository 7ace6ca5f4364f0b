"""What the systemd units promise, read from the files and judged by systemd where it is there."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.commands import COMMANDS
from landfall.settings import Settings
from landfall.vendors.catalog import parse_accounts
from tests.stack import ROOT

FOLDER = ROOT / "deploy" / "systemd"
PROGRAM = "/opt/landfall/bin/landfall"
SERVICES = sorted(FOLDER.glob("*.service"))
UNITS = [*SERVICES, *FOLDER.glob("*.timer"), *FOLDER.glob("*.target")]
GRACE = Settings.model_fields["grace_seconds"].default
# systemd's own measure: 0 is without any reach, 10 is a service that nothing holds.
LEAST_SAFE = "20"

each_service = pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")

Unit = Mapping[str, list[str]]


def read(path: Path) -> Unit:
    """What a unit sets; a name that is set more than once has more than one value."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def confinement(path: Path) -> str:
    """The part of a unit that says what it may not do."""
    return path.read_text(encoding="utf-8").split("\n# What it may not do")[1].split("\n[Install]")[0].strip()


@each_service
def test_a_service_runs_a_command_of_landfall_as_its_own_user(path: Path) -> None:
    unit = read(path)
    (words,) = unit["ExecStart"]
    program, command, *_ = words.split()
    assert program == PROGRAM
    assert command in COMMANDS
    assert unit["User"] == unit["Group"] == ["landfall"]
    assert (FOLDER / "landfall.sysusers").read_text(encoding="utf-8").splitlines()[-1].startswith("u landfall ")


def test_every_service_is_confined_alike() -> None:
    assert len({confinement(path) for path in SERVICES}) == 1
    unit = read(SERVICES[0])
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]


@each_service
def test_a_service_s_settings_exist_and_are_in_its_own_folders(path: Path) -> None:
    unit = read(path)
    given = dict(word.split("=", 1) for line in unit["Environment"] for word in line.split())
    for name in given:
        assert name == "PGPASSFILE" or name.removeprefix("LANDFALL_").lower() in {*Settings.model_fields, "config"}
    assert given["LANDFALL_HOME"] == f"/var/lib/{unit['StateDirectory'][0]}"
    assert given["LANDFALL_CONFIG"] == "/etc/landfall/landfall.toml"


@each_service
def test_secrets_come_as_credentials_that_relative_paths_of_the_settings_name(path: Path) -> None:
    unit = read(path)
    (name, folder) = unit["LoadCredential"][0].split(":")
    assert folder == "/etc/landfall/secrets"
    assert unit["WorkingDirectory"] == ["%d"]
    text = (FOLDER / "landfall.example.toml").read_text(encoding="utf-8")
    assert parse_accounts(tomllib.loads(text)["accounts"]).keys() == {"shop-ab", "shop-bwp"}
    assert all(file.startswith(f"{name}_") for file in re.findall(r'file = "([^"]+)"', text))


def test_a_worker_that_is_stopped_has_the_time_to_end_its_steps_and_keeps_its_redis_for_it() -> None:
    unit = read(FOLDER / "landfall-worker@.service")
    assert int(unit["TimeoutStopSec"][0]) >= GRACE + 30
    assert unit["KillMode"] == ["mixed"]


def test_every_variable_of_the_example_exists() -> None:
    text = (FOLDER / "landfall.example.env").read_text(encoding="utf-8")
    names = re.findall(r"^#(LANDFALL_\w+)=", text, re.MULTILINE)
    assert names
    assert {name.removeprefix("LANDFALL_").lower() for name in names} <= Settings.model_fields.keys()


def test_a_unit_that_another_names_is_here_or_the_system_s_own() -> None:
    here = {path.name for path in UNITS}
    for path in UNITS:
        for name in ("Wants", "After", "PartOf", "Requires"):
            for word in " ".join(read(path).get(name, ())).split():
                if word.startswith("landfall"):
                    assert re.sub(r"@\d+\.", "@.", word) in here


# There is no systemd that starts a service here: this one does what it is told of the command alone.
STAND_IN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do printf '%s\\n' "$1" >> "$TOLD"; shift; done
CREDENTIALS_DIRECTORY=$(dirname "$TOLD") exec "$@"
"""
SAYING = """#!/bin/sh
printf '%s\\n' "$PGPASSFILE" "$@"
"""


def test_a_command_by_hand_has_the_user_settings_and_secrets_of_the_services(tmp_path: Path) -> None:
    script = (FOLDER / "landfall-run").read_text(encoding="utf-8").replace(PROGRAM, str(tmp_path / "landfall"))
    for name, text in (("landfall-run", script), ("systemd-run", STAND_IN), ("landfall", SAYING)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    told = tmp_path / "told"
    ran = subprocess.run(
        [tmp_path / "landfall-run", "keys", "create", "two words"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TOLD": str(told)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [f"{tmp_path}/secrets_pgpass", "keys", "create", "two words"]
    flags = [line.split("=", 1) for line in told.read_text(encoding="utf-8").splitlines()]
    unit = read(FOLDER / "landfall-api.service")
    properties = dict(
        value.split("=", 1) for name, value in [flag for flag in flags if len(flag) > 1] if name == "--property"
    )
    assert properties.keys() >= {"User", "EnvironmentFile", "LoadCredential", "StateDirectory"}
    assert properties.items() <= {name: values[0] for name, values in unit.items()}.items()
    given = {word for line in unit["Environment"] for word in line.split()}
    assert {flag[1] for flag in flags if flag[0] == "--setenv"} <= given


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units for a program and a user that this machine has."""
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
        text = re.sub(r"^(User|Group)=landfall$", r"\1=daemon", text, flags=re.MULTILINE)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(*words: str, at: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *words], cwd=at, capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_understands_every_unit(installed: Path) -> None:
    ran = analyze("verify", "--man=no", *(f"./{path.name}" for path in UNITS), at=installed)
    said = [line for line in ran.stderr.splitlines() if "landfall" in line]
    assert ran.returncode == 0, ran.stderr
    assert not said


@needs_systemd
@each_service
def test_systemd_finds_a_service_well_confined(path: Path, installed: Path) -> None:
    words = ("security", "--offline=yes", "--no-pager", f"--threshold={LEAST_SAFE}", f"./{path.name}")
    ran = analyze(*words, at=installed)
    if "unrecognized option" in ran.stderr or "Unknown" in ran.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert ran.returncode == 0, ran.stdout.splitlines()[-1:]
