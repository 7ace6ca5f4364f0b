"""What docker-compose.yml promises, read from the file itself."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from landfall.settings import Settings
from landfall.vendors.catalog import parse_accounts
from tests.deploy import composition
from tests.deploy.composition import ROOT

COMPOSE = ROOT / "deploy" / "compose"
GIVEN = composition.example()
FILE = composition.read(GIVEN)
SERVICES: Mapping[str, Mapping[str, Any]] = FILE["services"]
ONE_SHOTS = {"migrate", "bucket", "landfall"}
MADE_BY_SETUP = ("./deploy/compose/landfall.toml", "./deploy/compose/secrets")
_SECONDS = {"s": 1.0, "m": 60.0}

each_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_keeps_to_the_schema_of_the_compose_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*checker, composition.FILE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@each_service
def test_a_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in {"", "root", "0"}
    assert service["deploy"]["resources"]["limits"].keys() >= {"memory", "pids"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@each_service
def test_a_service_that_goes_on_is_started_again_and_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) is (name not in ONE_SHOTS)
    assert service["restart"] == ("no" if name in ONE_SHOTS else "unless-stopped")


@each_service
def test_a_port_is_published_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


@each_service
def test_an_image_is_named_with_the_version_that_was_chosen(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert tag
    assert "/" not in tag
    assert tag != "latest"


@each_service
def test_every_path_that_is_mounted_is_in_the_repository_or_made_by_setup(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source = mount.split(":")[0]
        if not source.startswith((".", "/")):
            assert source in FILE["volumes"]
        elif not source.startswith(MADE_BY_SETUP):
            assert (ROOT / source).exists(), source
            assert mount.endswith(":ro")


@each_service
def test_every_secret_network_and_service_that_is_named_is_declared(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= FILE["secrets"].keys()
    assert set(service["networks"]) <= FILE["networks"].keys()
    for other, how in service.get("depends_on", {}).items():
        one_shot = other in ONE_SHOTS
        assert how["condition"] == ("service_completed_successfully" if one_shot else "service_healthy")


@each_service
def test_no_secret_stands_in_a_variable(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|KEY|TOKEN", variable):
            assert variable.endswith("_FILE"), variable
            assert value.startswith("/run/secrets/")
            assert value.rpartition("/")[2] in SERVICES[name]["secrets"]
        assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), variable


def test_every_secret_is_a_file_of_the_folder_that_setup_makes() -> None:
    for name, how in FILE["secrets"].items():
        assert how == {"file": f"{GIVEN['LANDFALL_SECRETS']}/{name}"}


def test_every_variable_is_explained_in_the_example_with_the_default_of_the_file() -> None:
    asked = {each for text in composition.texts(composition.raw()) for each in composition.variables_of(text)}
    assert {name for name, _, _ in asked} == GIVEN.keys()
    assert {name: value for name, kind, value in asked if kind != "?"} == {
        name: value for name, value in GIVEN.items() if name != "LANDFALL_SECRETS"
    }


def test_without_setup_compose_says_what_to_run() -> None:
    with pytest.raises(composition.MissingVariableError, match="run deploy/compose/setup first"):
        composition.read({})


def test_every_setting_that_is_given_to_landfall_is_one() -> None:
    # The command's own, of which docs/reference/cli.md tells; the rest of a name that with-secrets takes off.
    known = {f"LANDFALL_{name}".upper() for name in Settings.model_fields} | {"LANDFALL_CONFIG", "LANDFALL_URL"}
    for name in ("api", "worker", "migrate", "landfall"):
        for variable in SERVICES[name]["environment"]:
            if variable.startswith("LANDFALL_") and variable != "LANDFALL_API_KEY_FILE":
                assert variable.removesuffix("_FILE") in known


def test_what_with_secrets_reads_is_what_the_services_have_as_files() -> None:
    script = (COMPOSE / "with-secrets").read_text(encoding="utf-8")
    names = re.search(r"for name in (.*); do", script)
    assert names
    given = {name for name in SERVICES["worker"]["environment"] if name.endswith("_FILE")}
    assert {f"{name}_FILE" for name in names[1].split()} == given


def test_a_worker_has_time_to_finish_its_steps_before_it_is_killed() -> None:
    period = SERVICES["worker"]["stop_grace_period"]
    grace = float(SERVICES["worker"]["environment"]["LANDFALL_GRACE_SECONDS"])
    assert float(period[:-1]) * _SECONDS[period[-1]] >= grace + 10


def test_two_workers_run_and_all_of_ours_take_the_same_image() -> None:
    assert SERVICES["worker"]["deploy"]["replicas"] == "2"
    ours = {name for name, service in SERVICES.items() if service["image"] == GIVEN["LANDFALL_IMAGE"]}
    assert ours == {"api", "worker", "migrate", "landfall", "sandbox"}


def test_the_image_is_built_once_by_a_service_that_comes_before_all_others_of_ours() -> None:
    """Bake builds every `build` at once, and the second export of a tag that is new fails: "already exists"."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert all("migrate" in SERVICES[name]["depends_on"] for name in ("api", "worker"))
    assert "profiles" not in SERVICES["migrate"]


def test_grafana_leaves_the_plugins_of_its_image_alone() -> None:
    assert SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"


def test_the_database_and_redis_are_on_a_network_without_a_way_out() -> None:
    assert FILE["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis", "migrate", "bucket"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_what_is_not_needed_every_day_waits_for_its_profile() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {
        "landfall": ["tools"],
        "sandbox": ["sandbox"],
        "grafana": ["monitoring"],
        "prometheus": ["monitoring"],
    }


def test_one_shots_are_awaited_by_a_service_that_goes_on() -> None:
    """`docker compose up --wait` takes the end of any other for a failure."""
    awaited = {other for service in SERVICES.values() for other in service.get("depends_on", {})}
    assert ONE_SHOTS - awaited == {"landfall"}


def test_the_accounts_of_the_example_are_good_ones() -> None:
    accounts = parse_accounts(
        tomllib.loads((COMPOSE / "landfall.example.toml").read_text(encoding="utf-8"))["accounts"]
    )
    assert accounts.keys() == {"sandbox-ab", "sandbox-bwp"}
    for account in accounts.values():
        assert account.base_url.startswith("http://sandbox:8600/")
