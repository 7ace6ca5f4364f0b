"""What both distributions hold."""

import re
from pathlib import Path

from packaging.requirements import Requirement

import landfall
import landfall_client
from tests.packaging.building import PLANTED, Built, project_of, sources, wheel_at_once
from tests.stack import ROOT

# What code of ours is made of; another kind that comes in by mistake (a database, a key, a log) stands out.
KINDS = {
    "",
    ".css",
    ".gz",
    ".html",
    ".js",
    ".json",
    ".mako",
    ".py",
    ".sql",
    ".svg",
    ".toml",
    ".txt",
    ".typed",
    ".woff2",
}
SECRETS = re.compile(r"(^|/)(\.env|api-key|.*\.(db|pem|key|log|part))$|^(deploy/compose/)?landfall\.toml$|/secrets/")


def packages() -> list[str]:
    """The folders that the server's wheel is made of."""
    return list(project_of(ROOT)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def always(built: Built) -> list[Requirement]:
    """What a distribution needs without any extra."""
    return [need for need in map(Requirement, built.needs()) if need.marker is None]


def test_both_distributions_have_one_version(server: Built, client: Built) -> None:
    assert landfall.__version__ == landfall_client.__version__
    assert server.wheel.name.startswith(f"landfall-{landfall.__version__}-py3-none-any")
    assert client.wheel.name.startswith(f"landfall_client-{landfall.__version__}-py3-none-any")


def test_the_server_s_wheel_brings_its_own_names_and_no_other(server: Built) -> None:
    assert server.top_level() == {Path(package).name for package in packages()}
    assert "tests" not in server.top_level()


def test_every_file_of_a_package_is_in_the_wheel_and_no_other_is(server: Built, checkout: Path) -> None:
    there = {
        f"{Path(package).name}/{path.relative_to(checkout / package).as_posix()}"
        for package in packages()
        for path in sources(checkout, package)
    }
    assert server.packed().keys() == there
    for needed in (
        "api/pages/templates/overview.html",
        "api/pages/static/vendor/vendored.toml",
        "landfall_client/py.typed",
        "migrations/env.py",
    ):
        assert needed in there


def test_nothing_else_than_code_and_what_it_reads_is_in_the_wheel(server: Built) -> None:
    assert {Path(name).suffix for name in server.packed()} <= KINDS
    assert not [name for name in server.files() if SECRETS.search(name)]


def test_the_licences_of_what_others_wrote_are_in_the_wheel(server: Built) -> None:
    listed = {name.partition(".dist-info/licenses/")[2] for name in server.files()}
    theirs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "api/pages/static/vendor").glob("*.txt")}
    assert theirs | {"LICENSE"} == listed - {""}


def test_a_wheel_is_the_same_by_way_of_the_sdist(server: Built, client: Built, checkout: Path, tmp_path: Path) -> None:
    for project, built in ((checkout, server), (checkout / "client", client)):
        at_once = Built(wheel_at_once(project, tmp_path / project.name), built.sdist)
        assert at_once.files() == built.files()


def test_the_sdist_holds_no_state_no_secret_and_nothing_that_was_made(server: Built) -> None:
    held = server.in_the_sdist()
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "PKG-INFO", "requirements/run.txt"} <= held
    assert not held & set(PLANTED)
    assert not [name for name in held if SECRETS.search(name)]


def test_the_client_brings_one_name_and_needs_httpx_alone(client: Built) -> None:
    assert client.top_level() == {"landfall_client"}
    assert [need.name for need in always(client)] == ["httpx"]


def test_the_client_is_the_same_in_both_wheels(server: Built, client: Built) -> None:
    in_the_server = {name: digest for name, digest in server.packed().items() if name.startswith("landfall_client/")}
    assert in_the_server == client.packed()


def test_what_the_client_needs_with_its_extras_or_without_the_server_asks_for_in_the_same_words(
    server: Built, client: Built
) -> None:
    asked = {(need.name, str(need.specifier)) for need in always(server)}
    assert {(need.name, str(need.specifier)) for need in map(Requirement, client.needs())} <= asked


def test_no_address_but_a_project_s_own_is_in_the_metadata(server: Built, client: Built) -> None:
    for built in (server, client):
        head, _, _ = built.metadata().partition("\n\n")
        assert not re.search(r"https?://", head)
