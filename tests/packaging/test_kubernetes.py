"""What the Kubernetes manifests promise, read from the files themselves."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import landfall
from api.auth import HEALTH
from cli.commands import COMMANDS
from landfall.settings import Settings
from landfall.vendors.catalog import parse_accounts
from tests.deploy import composition
from tests.deploy.dockerfile import stages
from tests.stack import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OPTIONAL = {"prune.yaml", "service-monitor.yaml", "secrets.example.yaml"}
MANIFESTS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
# Its kind is the Prometheus operator's, for which no schema is at hand.
KNOWN = [path for path in MANIFESTS if path.name != "service-monitor.yaml"]
WITH_SECRETS = (ROOT / "deploy" / "compose" / "with-secrets").read_text(encoding="utf-8")
GRACE = Settings.model_fields["grace_seconds"].default


def objects(*kinds: str) -> Iterator[dict[str, Any]]:
    for path in KNOWN:
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if not kinds or each["kind"] in kinds:
                yield each


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in objects(kind) if each["metadata"]["name"] == name)
    return found


def template(owner: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = owner["spec"]
    return dict((spec["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else spec)["template"])


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


PODS = {each["metadata"]["name"]: template(each)["spec"] for each in objects("Deployment", "CronJob")}
API, WORKER = (PODS[f"landfall-{name}"]["containers"][0] for name in ("api", "worker"))
SETTINGS = dict(
    line.split("=", 1) for line in (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines() if line
)

each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=list(PODS))


def test_the_manifests_keep_to_the_schemas_of_kubernetes() -> None:
    checker = [sys.executable, "-m", "kubernetes_validate", "--strict", *map(str, KNOWN)]
    checked = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_not_optional_is_applied() -> None:
    assert set(KUSTOMIZATION["resources"]) | OPTIONAL == {path.name for path in MANIFESTS}
    for generated in KUSTOMIZATION["configMapGenerator"]:
        for name in (*generated.get("envs", ()), *generated.get("files", ())):
            assert (FOLDER / name).is_file()


def test_the_image_has_the_tag_of_this_release() -> None:
    (image,) = KUSTOMIZATION["images"]
    assert image["newTag"] == landfall.__version__
    assert {each["image"] for pod in PODS.values() for each in containers(pod)} == {image["name"]}


def test_no_object_says_which_namespace_it_is_in() -> None:
    assert not [each for each in objects() if "namespace" in each["metadata"]]


@each_pod
def test_a_pod_is_confined(pod: Mapping[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    own = pod["securityContext"]
    assert own["runAsNonRoot"] is True
    assert f"{own['runAsUser']}:{own['runAsGroup']}" == stages()[1].all("USER")[0]
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    for each in containers(pod):
        context = each["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert each["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert "memory" in each["resources"]["limits"]


@each_pod
def test_a_pod_s_commands_are_the_image_s_and_landfall_s(pod: Mapping[str, Any]) -> None:
    for each in containers(pod):
        wrapper, program, command, *_ = each["command"]
        assert (wrapper, program) == ("with-secrets", "landfall")
        assert command in COMMANDS


@each_pod
def test_a_pod_mounts_what_it_declares_and_can_write_where_landfall_does(pod: Mapping[str, Any]) -> None:
    declared = {volume["name"] for volume in pod["volumes"]}
    for each in containers(pod):
        mounted = {mount["mountPath"]: mount for mount in each["volumeMounts"]}
        assert {mount["name"] for mount in mounted.values()} == declared
        assert not mounted[SETTINGS["LANDFALL_HOME"]].get("readOnly")
        assert str(Path(SETTINGS["LANDFALL_CONFIG"]).parent) in mounted


@each_pod
def test_a_pod_reads_config_maps_that_are_generated_and_secrets_that_the_example_has(pod: Mapping[str, Any]) -> None:
    generated = {each["name"] for each in KUSTOMIZATION["configMapGenerator"]}
    secrets = {each["metadata"]["name"] for each in objects("Secret")}
    sources = [source for each in containers(pod) for source in each["envFrom"]]
    assert {source["configMapRef"]["name"] for source in sources} <= generated
    for volume in pod["volumes"]:
        if "configMap" in volume:
            assert volume["configMap"]["name"] in generated
        elif "secret" in volume:
            assert volume["secret"]["secretName"] in secrets


def variables() -> dict[str, str]:
    added = {
        each["name"]: each.get("value", "")
        for pod in PODS.values()
        for c in containers(pod)
        for each in c.get("env", ())
    }
    return {**SETTINGS, **added}


def test_every_setting_exists_and_takes_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables().items():
        if name.startswith("LANDFALL_") and not name.endswith("_FILE"):
            assert name.removeprefix("LANDFALL_").lower() in {*Settings.model_fields, "config"}
            monkeypatch.setenv(name, value.replace("$(POD_IP)", "10.0.0.7"))
    monkeypatch.setenv("LANDFALL_CONFIG", str(FOLDER / "landfall.toml"))
    settings = Settings()
    assert settings.grace_seconds == GRACE
    assert set(settings.api_hosts) >= {named("Service", "landfall")["metadata"]["name"], "10.0.0.7"}
    assert parse_accounts(settings.accounts).keys() == {"shop-ab", "shop-bwp"}


def test_every_secret_is_a_file_that_is_mounted_and_that_with_secrets_reads() -> None:
    (known,) = re.findall(r"^for name in (.*); do$", WITH_SECRETS, re.MULTILINE)
    files = {name.removesuffix("_FILE"): value for name, value in SETTINGS.items() if name.endswith("_FILE")}
    assert set(files) == set(known.split())
    keys = named("Secret", "landfall")["stringData"].keys()
    assert set(files.values()) == {f"/run/landfall/{key}" for key in keys}
    assert not [
        name for name in SETTINGS if re.search(r"PASSWORD|SECRET|KEY_ID|TOKEN", name) and not name.endswith("_FILE")
    ]


def test_the_secrets_of_the_accounts_are_those_of_the_example() -> None:
    text = (FOLDER / "landfall.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)
    assert (
        set(re.findall(r'file = "/run/accounts/([^"]+)"', text))
        == named("Secret", "landfall-accounts")["stringData"].keys()
    )


def test_the_probes_ask_for_what_the_api_answers_under_a_name_that_it_answers_to() -> None:
    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        asked = API[probe]["httpGet"]
        assert asked["path"] == path
        assert path in HEALTH
        assert asked["port"] == API["ports"][0]["name"]
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
    assert (
        API["ports"][0]["containerPort"]
        == int(SETTINGS["LANDFALL_API_PORT"])
        == Settings.model_fields["api_port"].default
    )


def test_a_worker_is_asked_for_by_the_script_of_the_image() -> None:
    script = WORKER["readinessProbe"]["exec"]["command"][-1]
    assert script in {each.target for each in stages()[1].copies()}
    assert (
        WORKER["readinessProbe"]["exec"]["command"]
        == composition.raw()["services"]["worker"]["healthcheck"]["test"][1:]
    )
    assert script in WORKER["livenessProbe"]["exec"]["command"][-1]


def test_a_pod_that_ends_has_the_time_that_its_process_takes() -> None:
    assert PODS["landfall-worker"]["terminationGracePeriodSeconds"] >= GRACE + 30
    preparing = int(API["lifecycle"]["preStop"]["exec"]["command"][1])
    assert PODS["landfall-api"]["terminationGracePeriodSeconds"] >= preparing + 10 + 5


def test_an_eviction_leaves_an_api_and_takes_one_worker_at_a_time() -> None:
    for name in ("landfall-api", "landfall-worker"):
        budget, deployment = named("PodDisruptionBudget", name), named("Deployment", name)
        assert budget["spec"]["selector"] == deployment["spec"]["selector"]
        assert deployment["spec"]["selector"]["matchLabels"] == template(deployment)["metadata"]["labels"]
        assert deployment["spec"]["replicas"] > budget["spec"].get("minAvailable", 0)
        # Pods that are not ready, as all are while the database is away, hold up no node.
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert named("PodDisruptionBudget", "landfall-worker")["spec"]["maxUnavailable"] == 1


def test_nothing_reaches_a_worker_and_only_its_port_is_reached_of_an_api() -> None:
    everybody, api = named("NetworkPolicy", "landfall")["spec"], named("NetworkPolicy", "landfall-api")["spec"]
    assert everybody["ingress"] == []
    assert set(everybody["policyTypes"]) == {"Ingress", "Egress"}
    assert api["ingress"][0]["ports"] == [{"protocol": "TCP", "port": "http"}]
    service = named("Service", "landfall")["spec"]
    assert api["podSelector"]["matchLabels"] == service["selector"]


def test_prometheus_tells_two_apis_apart_by_their_instance_alone() -> None:
    (endpoint,) = yaml.safe_load((FOLDER / "service-monitor.yaml").read_text(encoding="utf-8"))["spec"]["endpoints"]
    (dropped,) = (each["regex"] for each in endpoint["relabelings"] if each["action"] == "labeldrop")
    # What the operator adds to `instance`, `namespace`, `service` and `job`.
    assert all(re.fullmatch(dropped, name) for name in ("pod", "container", "endpoint"))
    assert not re.fullmatch(dropped, "instance")
