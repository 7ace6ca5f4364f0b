"""Both wheels in environments that held nothing before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import landfall
from tests.packaging import installing
from tests.packaging.building import Built
from tests.packaging.installing import Environment
from tests.packaging.locks import RUN, needed_here, pins
from tests.stack import ROOT

pytestmark = pytest.mark.slow

TOP_LEVEL = "import pkgutil; print(*sorted(module.name for module in pkgutil.iter_modules()))"
NAMES_OF_THE_SERVER = {"api", "cli", "landfall", "migrations", "sandbox", "worker"}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    made = installing.make(tmp_path / "environment")
    yield made
    shutil.rmtree(made.folder)


def test_the_server_s_wheel_lands_the_demo_in_an_environment_of_the_run_time_lock_alone(
    environment: Environment, server: Built, elsewhere: Path
) -> None:
    environment.install("--require-hashes", "--requirement", RUN)
    environment.install("--no-deps", server.wheel)
    wanted = {pin.name for pin, _ in pins(RUN) if needed_here(pin)}
    assert environment.packages() == wanted | {"landfall"}
    assert environment.run("landfall", "--version", at=elsewhere).stdout.split() == ["landfall", landfall.__version__]
    shown = environment.run("landfall", "demo", at=elsewhere)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("agrees with the sandbox") == 12
    assert len([*elsewhere.rglob("files/**/*.csv")]) == 12
    assert str(ROOT) not in shown.stdout + shown.stderr


def test_the_server_installs_without_a_lock_from_its_folder(
    environment: Environment, checkout: Path, elsewhere: Path
) -> None:
    environment.install(checkout)
    assert environment.run("landfall", "--help", at=elsewhere).returncode == 0


def test_the_client_s_wheel_brings_httpx_and_nothing_of_the_server(
    environment: Environment, client: Built, elsewhere: Path
) -> None:
    environment.install(client.wheel)
    installed = environment.packages()
    assert {"httpx", "landfall-client"} <= installed
    assert installed <= {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "landfall-client", "typing-extensions"}
    names = set(environment.run("python", "-I", "-c", TOP_LEVEL, at=elsewhere).stdout.split())
    assert not names & NAMES_OF_THE_SERVER
    said = environment.run("python", "-I", "-c", "import landfall_client as it; print(it.__version__)", at=elsewhere)
    assert said.stdout.strip() == landfall.__version__, said.stderr
