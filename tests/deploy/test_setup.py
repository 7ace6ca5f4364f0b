"""What deploy/compose/setup makes, and what its neighbours in the image do with it."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.deploy import composition
from tests.deploy.composition import ROOT, set_up

COMPOSE = ROOT / "deploy" / "compose"
TO_BE_FILLED = {"operator_key", "prometheus_key"}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return set_up(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_secret_of_the_compose_file_is_made(secrets: Path) -> None:
    for name in composition.read(composition.example())["secrets"]:
        assert (secrets / name).is_file(), name
        assert bool((secrets / name).read_bytes()) is (name not in TO_BE_FILLED), name
    assert (secrets.parent / "landfall.toml").is_file()


def test_secrets_are_read_by_containers_and_by_nobody_else_on_the_machine(secrets: Path) -> None:
    assert mode(secrets) == 0o700
    for path in secrets.rglob("*"):
        assert mode(path) == (0o755 if path.is_dir() else 0o644 if path.name in TO_BE_FILLED else 0o444), path


def test_no_two_secrets_are_the_same(secrets: Path) -> None:
    random = [path.read_text() for path in secrets.glob("*_password")] + [(secrets / "s3_secret").read_text()]
    assert len(set(random)) == len(random) == 5
    assert all(len(each) == 48 for each in random)


def test_both_sides_of_redis_and_of_the_store_know_the_same_secret(secrets: Path) -> None:
    password = (secrets / "redis.conf").read_text().removeprefix("requirepass ").strip()
    assert (secrets / "redis_url").read_text().strip() == f"redis://:{password}@redis:6379/0"
    (identity,) = json.loads((secrets / "s3.json").read_text())["identities"]
    pair = {"accessKey": (secrets / "s3_key_id").read_text(), "secretKey": (secrets / "s3_secret").read_text()}
    assert identity["credentials"] == [pair]


def test_a_second_run_changes_nothing(secrets: Path, tmp_path: Path) -> None:
    (secrets / "operator_key").write_text("lf_key")
    (tmp_path / ".env").write_text("LANDFALL_WORKERS=3\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    set_up(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_no_secret_gets_into_what_is_built_of_the_folder(secrets: Path, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "landfall").mkdir()
    shutil.copy2(ROOT / "landfall" / "__init__.py", tmp_path / "landfall")
    words = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", "dist"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (built,) = (tmp_path / "dist").iterdir()
    with tarfile.open(built) as archive:
        packed = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    assert Path("deploy/compose/setup") in packed
    made = {path.relative_to(tmp_path) for path in secrets.rglob("*")} | {Path("deploy/compose/landfall.toml")}
    assert packed & made == set()


def with_secrets(*command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = os.environ["PATH"]
    words = [str(COMPOSE / "with-secrets"), *command]
    return subprocess.run(words, env={"PATH": path, **environment}, capture_output=True, text=True, check=False)


def test_a_command_gets_the_secret_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss 'word\"\n")
    ran = with_secrets("sh", "-c", 'printf %s "$PGPASSWORD"', PGPASSWORD_FILE=str(tmp_path / "password"))
    assert (ran.returncode, ran.stdout) == (0, "p@ss 'word\"")


def test_an_empty_secret_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    ran = with_secrets("true", AWS_SECRET_ACCESS_KEY_FILE=str(tmp_path / "empty"))
    assert ran.returncode == 1
    assert ran.stderr == (
        f"with-secrets: AWS_SECRET_ACCESS_KEY_FILE: {tmp_path}/empty is missing, empty or not readable; "
        "write the secret into it.\n"
    )
