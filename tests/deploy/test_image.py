"""What the Dockerfile promises, read from the file, and its commands run as a container would run them."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.deploy import composition
from tests.deploy.composition import ROOT
from tests.deploy.dockerfile import defaults, stages
from tests.stack import until

BUILDER, FINAL = stages()
SERVICES = composition.read(composition.example())["services"]
ACCOUNT = '[accounts.shop]\nvendor = "intelligems"\naccess_token = { env = "IT_TOKEN" }\n'
# A mount namespace whose root cannot be written to but for one folder, in which the program is process 1 and not root.
AS_IN_A_CONTAINER = (
    'mount --bind "$1" "$1" && mount -o remount,bind,ro / && cd "$1/home" && shift'
    ' && exec unshare --user --map-user=10001 --map-group=10001 -- "$@"'
)
UNSHARED = (
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
    "sh",
    "-c",
    AS_IN_A_CONTAINER,
    "sh",
)


def test_every_path_that_is_copied_is_in_the_repository_and_let_through_by_dockerignore() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    copied = {
        source for stage in (BUILDER, FINAL) for each in stage.copies() if not each.stage for source in each.sources
    }
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert not [source for source in copied if not (ROOT / source).exists()]


def test_every_package_of_the_wheel_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {source for each in BUILDER.copies() for source in each.sources} >= set(packages)


def test_the_base_is_a_slim_image_of_one_minor_version() -> None:
    assert re.fullmatch(r"python:3\.\d+-slim-[a-z]+", defaults()["PYTHON_IMAGE"])
    assert BUILDER.image == FINAL.image == defaults()["PYTHON_IMAGE"]


def test_nothing_is_installed_without_its_hash() -> None:
    installs = [part for step in BUILDER.all("RUN") for part in re.split(r"&&|;", step) if " install " in part]
    assert len(installs) == 4
    for install in installs:
        assert "--require-hashes --only-binary :all:" in install or "--no-deps --no-index" in install
    assert not any("apt" in step or "curl" in step for stage in (BUILDER, FINAL) for step in stage.all("RUN"))


def test_the_image_runs_landfall_as_a_user_of_its_own() -> None:
    assert FINAL.words("ENTRYPOINT") == ["landfall"]
    assert FINAL.all("USER") == [SERVICES["api"]["user"]] == ["10001:10001"]
    home = FINAL.variables()["LANDFALL_HOME"]
    assert FINAL.all("VOLUME") == FINAL.all("WORKDIR") == [home]
    assert f"home:{home}" in SERVICES["worker"]["volumes"]
    assert not FINAL.all("HEALTHCHECK")


def test_what_the_compose_file_calls_is_in_the_image() -> None:
    targets = {each.target for each in FINAL.copies()}
    assert f"/usr/local/bin/{SERVICES['api']['entrypoint'][0]}" in targets
    assert SERVICES["worker"]["healthcheck"]["test"][-1] in targets


def test_scripts_of_the_image_can_be_executed() -> None:
    for name in ("setup", "with-secrets", "pinned", "postgres-init.sh"):
        assert os.access(ROOT / "deploy" / "compose" / name, os.X_OK), name


def pinned(*names: str) -> "subprocess.CompletedProcess[str]":
    words = ["sh", f"{ROOT}/deploy/compose/pinned", f"{ROOT}/requirements/dev.txt", *names]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_pin_is_taken_from_the_lock_with_all_of_its_hashes() -> None:
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    for line in pinned("duckdb", "hatchling").stdout.splitlines():
        assert line in lock
    taken = re.findall(r"^([a-z]+)==", pinned("duckdb", "hatchling").stdout, re.MULTILINE)
    assert taken == ["duckdb", "hatchling"]
    block = re.search(r"^duckdb==(?:.*\\\n)+.*$", lock, re.MULTILINE)
    assert block
    assert pinned("duckdb").stdout == f"{block[0]}\n"


def test_a_package_that_is_not_in_the_lock_is_one_sentence() -> None:
    ran = pinned("duckdbb")
    assert ran.returncode == 1
    assert "does not pin duckdbb; pin it with make lock" in ran.stderr


def _can_unshare() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    probe = [*UNSHARED[:6], "unshare", "--user", "--map-user=10001", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """A folder that alone can be written to, with a home and a settings file."""
    if not _can_unshare():
        pytest.skip("needs root on Linux, and namespaces")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "landfall.toml").write_text(ACCOUNT)
    (tmp_path / "tmp").mkdir()
    return tmp_path


def start(container: Path, *words: str) -> "subprocess.Popen[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    given = {
        "IT_TOKEN": "sandbox-it",
        "LANDFALL_HOME": str(container / "home"),
        "LANDFALL_API_PORT": "0",
        "TMPDIR": str(container / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (container / "log").open("ab") as log:
        return subprocess.Popen(
            [*UNSHARED, str(container), *words], env=plain | given, stdout=log, stderr=log, text=True
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sandbox", "--port", "0"), '"event": "ready"'),
        (("api",), "Application startup complete"),
        (("worker",), '"worker ready"'),
    ],
)
def test_sigterm_ends_process_1_that_is_not_root_and_may_write_to_its_home_alone(
    container: Path, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    landfall = [sys.executable, "-P", "-m", "cli"]
    assert start(container, *landfall, "migrate").wait(60) == 0
    ends_at_sigterm(container, start(container, *landfall, *words), told)


def ends_at_sigterm(container: Path, process: "subprocess.Popen[str]", told: str) -> None:
    log = container / "log"
    until(lambda: process.poll() is not None or told in log.read_text(), told)
    (first,) = psutil.Process(process.pid).children()
    status = Path(f"/proc/{first.pid}/status").read_text()
    assert re.search(r"^NSpid:(?:\t\d+)*\t1$", status, re.MULTILINE), status
    first.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, log.read_text()


@pytest.mark.slow
def test_the_steps_of_the_build_make_a_landfall_that_runs(container: Path) -> None:
    folder, venv = container / "build", container / "opt"
    copy_what_the_build_copies(folder)
    builder = container / "builder"
    subprocess.run([sys.executable, "-m", "venv", builder], check=True)
    path = {"PATH": f"{builder / 'bin'}:{os.environ['PATH']}", "EXTRAS": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for step in BUILDER.all("RUN"):
        run_step(step.replace("/opt/landfall", str(venv)), folder, os.environ | path)
    landfall = str(venv / "bin" / "landfall")
    assert start(container, landfall, "--version").wait(60) == 0
    assert start(container, landfall, "migrate").wait(60) == 0
    ends_at_sigterm(container, start(container, landfall, "api"), "Application startup complete")
    assert not (venv / "bin" / "pip").exists()
    for made in (venv, builder):
        shutil.rmtree(made)


def copy_what_the_build_copies(folder: Path) -> None:
    for each in BUILDER.copies():
        for source in each.sources:
            target = folder / source
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / source, target)


def run_step(step: str, folder: Path, environment: Mapping[str, str]) -> None:
    ran = subprocess.run(
        ["sh", "-c", step], env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    if ran.returncode and re.search(
        r"No matching distribution|ConnectionError|NewConnectionError|Temporary failure", ran.stderr
    ):
        pytest.skip("no package index can be reached")
    # What pip writes names where it looked.
    assert ran.returncode == 0, re.sub(r"[a-z]+://\S+", "<address>", ran.stderr[-2000:])
