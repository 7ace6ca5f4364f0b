"""Promises of the process: how it starts, says so, and ends."""

import json
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.sandbox.conftest import Launch, Sandbox, sandbox_process


def _refused(*flags: str) -> tuple[int, str]:
    process = sandbox_process(*flags)
    _, complaint = process.communicate(timeout=20)
    return process.returncode, complaint


def test_the_ready_line_names_every_base_url(quick: Sandbox) -> None:
    url = quick.ready["url"]
    assert quick.ready == {
        "event": "ready",
        "url": url,
        "intelligems": f"{url}/intelligems/v25-10-beta",
        "buy_with_prime": f"{url}/buywithprime",
        "control": f"{url}/_sandbox",
    }


def test_where_it_listens_on_any_address_a_link_leads_to_the_one_that_its_client_knows(launch: Launch) -> None:
    sandbox = launch("--build-mean", "0", "--host", "0.0.0.0")  # noqa: S104 - for the length of a test, with made-up data
    port = urlsplit(sandbox.ready["url"]).port
    for name, url in sandbox.ready.items():
        sandbox.ready[name] = url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - compared
    for link in (sandbox.finished_link(), str(sandbox.export().json()["url"])):
        assert urlsplit(link).netloc == f"127.0.0.1:{port}"
        assert sandbox.http.get(link).status_code == 200
    assert f"http://127.0.0.1:{port}/_sandbox" in sandbox.http.get(sandbox.ready["url"]).text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0_even_while_it_answers(launch: Launch, number: signal.Signals) -> None:
    sandbox = launch("--build-mean", "0")
    url = sandbox.finished_link()
    sandbox.fault("slow_body", seconds=600)
    with sandbox.http.stream("GET", url) as answer:
        assert answer.status_code == 200
        sandbox.process.send_signal(number)
        assert sandbox.process.wait(10) == 0


def test_a_port_that_is_taken_is_one_sentence_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, complaint = _refused("--port", port)
    assert code == 1
    assert complaint.count("\n") == 1
    assert port in complaint


def test_a_control_log_that_cannot_be_written_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    code, complaint = _refused("--port", "0", "--control-log", str(tmp_path))
    assert code == 1
    assert complaint.count("\n") == 1
    assert "--control-log" in complaint


@pytest.mark.parametrize(
    "flags", [("--build-mean", "-1"), ("--bytes", "many"), ("--rate-refill", "0"), ("--port", "70000")]
)
def test_a_flag_out_of_bounds_is_named(flags: tuple[str, str]) -> None:
    code, complaint = _refused(*flags)
    assert code == 2
    assert flags[0] in complaint
    assert "Traceback" not in complaint


def test_the_front_page_lists_every_fault(quick: Sandbox) -> None:
    page = quick.http.get(quick.ready["url"]).text
    names = quick.fault("no such fault").json()["error"]
    assert all(name in page for name in names.rstrip(".").split("names are ")[1].split(", "))


def test_the_control_log_has_a_line_for_each_vendor_request_and_no_credential(launch: Launch, tmp_path: Path) -> None:
    log = tmp_path / "control.jsonl"
    sandbox = launch("--build-mean", "0", "--control-log", str(log))
    url = sandbox.finished_link()
    sandbox.http.get(url)
    sandbox.export(token="sandbox-very-secret")
    sandbox.process.terminate()
    sandbox.process.wait(10)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["operation"] for line in lines] == ["token", "start", "link", "download", "start"]
    assert all(set(line) >= {"time", "vendor", "account", "operation", "report", "status", "fault"} for line in lines)
    for secret in ("very-secret", "sandbox-bwp-secret", "Amz", sandbox.headers()["Authorization"].split()[1]):
        assert secret not in log.read_text()


def test_the_module_explains_its_flags() -> None:
    process = sandbox_process("--help")
    text, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "--link-seconds-intelligems" in text


def test_it_imports_nothing_of_ours() -> None:
    sources = Path(__file__).parents[2] / "sandbox"
    answer = subprocess.run(
        ["grep", "-rnE", r"^\s*(from|import) (landfall|worker|api|cli)\b", str(sources), "--include=*.py"],
        capture_output=True,
        check=False,
    )
    assert answer.stdout == b""
