"""Promises of the client commands, against the real API, worker and sandbox."""

import csv
import hashlib
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.running import Up, body, command, environment, landfall, one_line, run, until

UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
INTELLIGEMS = ["shop-ab", f"experience_id={UUID}", "export_type=orders", "start=2026-01-01", "end=2026-02-01"]
FILTERS = 'filters:={"deviceType":"mobile"}'
# It grows from one answer to the next.
_AGE = re.compile(r'(?<="age_seconds":)[0-9.]+')
BUY_WITH_PRIME = ["shop-bwp", "report_type=USER_EVENTS", "start=2026-01-01", "end=2026-02-01"]


def stored(running: Up, *words: str) -> dict[str, Any]:
    ended = run(running, "submit", *(words or BUY_WITH_PRIME), "--wait", "--json", "--force")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = body(ended)
    return found


@pytest.fixture(scope="module")
def export(running: Up) -> dict[str, Any]:
    """One that is stored, for all who only look at it."""
    return stored(running)


def inject(vendors: dict[str, str], **fault: Any) -> None:
    assert httpx.post(vendors["control"] + "/faults", json=fault, trust_env=False).status_code == 201


@pytest.mark.parametrize("words", [[*INTELLIGEMS, FILTERS], BUY_WITH_PRIME], ids=["intelligems", "buy_with_prime"])
def test_submit_and_wait_ends_with_file_rows_and_checksum(running: Up, words: list[str]) -> None:
    ended = run(running, "submit", *words, "--wait", "--force")
    assert ended.returncode == 0, ended.stderr
    first, second = ended.stdout.splitlines()
    path = Path(first.removeprefix("stored: file://"))
    content = path.read_bytes()
    rows = sum(1 for _ in csv.reader(path.read_text(encoding="utf-8").splitlines(keepends=True))) - 1
    assert second.startswith(f"{rows} rows, ")
    assert second.endswith(f"sha256 {hashlib.sha256(content).hexdigest()}")
    assert ended.stderr.splitlines()[-1].endswith(" stored")


def test_submit_says_which_export_it_is_and_the_same_again_is_the_same(running: Up, vendors: dict[str, str]) -> None:
    inject(vendors, fault="slow_answer", vendor="intelligems", seconds=3)
    words = [*INTELLIGEMS[:3], "start=2026-03-01", "end=2026-03-02"]
    first, second = run(running, "submit", *words), run(running, "submit", *words)
    assert first.stdout.startswith("Export exp_")
    assert "is accepted: " in first.stdout
    assert "is in flight already (--force makes another)" in second.stdout
    assert first.stdout.split()[1] == second.stdout.split()[1]


def test_fields_priority_labels_and_deadline_arrive(running: Up) -> None:
    words = ["--priority", "3", "--label", "team=growth", "--label", "run=7", "--deadline", "PT1H", "--force"]
    request = json.dumps({"report_type": "USER_EVENTS", "start": "2026-01-01", "end": "2026-01-05"})
    ended = run(running, "submit", "shop-bwp", "end=2026-01-03", "--request", request, *words, "--json")
    export = body(ended)
    assert export["priority"] == 3
    assert export["labels"] == {"team": "growth", "run": "7"}
    assert export["request"]["end"].startswith("2026-01-03")
    listed = body(run(running, "list", "--label", "run:7", "--json"))["items"]
    assert [each["id"] for each in listed] == [export["id"]]


@pytest.mark.parametrize(
    ("words", "field", "cure"),
    [
        (["nobody", *BUY_WITH_PRIME[1:]], "account: ", "known: shop-ab, shop-bwp"),
        (["shop-ab", "experience_id=7c9e", "export_type=orders"], "experience_id: ", "no UUID"),
        (["shop-ab", f"experience_id={UUID}", "export_type=clicks"], "export_type: ", "'orders'"),
        ([*INTELLIGEMS[:3], "start=2026-02-01", "end=2026-01-01"], "end", "later than start"),
        ([*BUY_WITH_PRIME, "colour=red"], "colour: ", "no such field"),
        ([*INTELLIGEMS, 'filters:={"deviceType":7}'], "filters.deviceType", ""),
        ([*BUY_WITH_PRIME[:2], "start=soon", "end=2026-01-01"], "start: ", "ISO 8601"),
        ([*BUY_WITH_PRIME, "--priority", "5000"], "priority: ", "1000"),
        ([*BUY_WITH_PRIME, "--deadline", "tomorrow"], "deadline: ", ""),
    ],
)
def test_bad_input_gets_one_sentence_that_names_the_field(running: Up, words: list[str], field: str, cure: str) -> None:
    before = body(run(running, "list", "--json"))["items"]
    ended = run(running, "submit", *words)
    assert ended.returncode == 2
    assert ended.stdout == ""
    line = one_line(ended.stderr)
    assert line.startswith(field)
    assert cure in line
    assert [each["id"] for each in body(run(running, "list", "--json"))["items"]] == [each["id"] for each in before]


def test_an_export_that_fails_ends_with_its_reason_its_cure_and_exit_code_3(
    running: Up, vendors: dict[str, str]
) -> None:
    inject(vendors, fault="forbidden", vendor="intelligems")
    ended = run(running, "submit", *INTELLIGEMS, "--wait", "--force")
    assert ended.returncode == 3
    assert ended.stdout == ""
    line = ended.stderr.splitlines()[-1]
    assert " failed: credentials_refused: " in line
    assert "Renew the account's credentials" in line
    shown = run(running, "show", line.split()[3])
    assert "error     credentials_refused: " in shown.stdout
    assert "action    Renew" in shown.stdout
    assert run(running, "fetch", line.split()[3]).returncode == 3


@pytest.mark.slow
def test_ctrl_c_while_waiting_says_that_the_export_goes_on(running: Up, vendors: dict[str, str]) -> None:
    inject(vendors, fault="slow_answer", operation="start", seconds=3)
    with subprocess.Popen(
        command("submit", *BUY_WITH_PRIME, "--wait", "--force"),
        cwd=running.folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr
        export_id = waiting.stderr.readline().split()[0]
        waiting.send_signal(signal.SIGINT)
        rest = waiting.stderr.read()
    assert waiting.returncode == 130
    assert f"The export goes on without you; look at it with `landfall show {export_id}`." in rest
    assert "Traceback" not in rest
    until(lambda: body(run(running, "show", export_id, "--json"))["state"] == "stored", "the export ended stored")


def test_list_in_a_pipe_is_tab_separated_lines_below_a_header(running: Up, export: dict[str, Any]) -> None:
    lines = [line.split("\t") for line in run(running, "list", "--state", "stored").stdout.splitlines()]
    assert lines[0] == ["ID", "STATE", "ACCOUNT", "REQUEST", "CREATED", "ROWS", "BYTES"]
    mine = next(line for line in lines if line[0] == export["id"])
    assert mine[1:3] == ["stored", "shop-bwp"]
    assert mine[5:] == [str(export["file"]["rows"]), str(export["file"]["bytes"])]


def test_list_on_a_terminal_is_a_table(running: Up, export: dict[str, Any]) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            command("list", "--limit", "200"),
            cwd=running.folder,
            env=environment({"COLUMNS": "300", "TERM": "xterm"}),
            stdout=theirs,
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += terminal.read(65536)
            except OSError:  # Linux says so at the end of a terminal
                break
        assert process.wait(30) == 0
    assert export["id"].encode() in shown
    assert b"\t" not in shown
    assert b"\x1b[1mID" in shown


@pytest.mark.usefixtures("export")
def test_list_narrows_by_state_account_vendor_and_limit(running: Up) -> None:
    items = body(run(running, "list", "--state", "stored", "--account", "shop-bwp", "--limit", "1", "--json"))["items"]
    assert [(item["state"], item["account"]) for item in items] == [("stored", "shop-bwp")]
    assert body(run(running, "list", "--vendor", "intelligems", "--state", "queued", "--json"))["items"] == []


def test_a_list_that_goes_on_says_how_to_see_more(running: Up) -> None:
    for words in (INTELLIGEMS, BUY_WITH_PRIME):
        run(running, "submit", *words, "--force")
    both = body(run(running, "list", "--limit", "2", "--json"))["items"]
    first = run(running, "list", "--limit", "1")
    cursor = first.stderr.split("--cursor ")[1].split()[0]
    second = run(running, "list", "--limit", "1", "--cursor", cursor)
    assert [ended.stdout.splitlines()[1].split("\t")[0] for ended in (first, second)] == [each["id"] for each in both]


def test_a_callback_url_arrives(running: Up) -> None:
    ended = run(running, "submit", *BUY_WITH_PRIME, "--force", "--callback-url", "https://example.com/")
    assert (ended.returncode, one_line(ended.stderr).split(",")[0]) == (
        2,
        "callback_url: it needs callback_secret in landfall.toml",
    )


def test_list_since_takes_a_date_or_a_moment(running: Up, export: dict[str, Any]) -> None:
    for since, found in (
        (export["created_at"][:10], True),
        (export["created_at"], True),
        ("2999-01-01", False),
        ("2999-01-01T00:00:00+02:00", False),
    ):
        items = body(run(running, "list", "--since", since, "--limit", "200", "--json"))["items"]
        assert (export["id"] in {item["id"] for item in items}) == found, since


def test_show_tells_all_fields_and_the_timeline(running: Up, export: dict[str, Any]) -> None:
    text = run(running, "show", export["id"]).stdout
    for each in ("stored", "shop-bwp (buy_with_prime)", "report_type=USER_EVENTS", export["file"]["uri"]):
        assert each in text
    assert export["file"]["sha256"] in text
    assert "Timeline\n" in text
    assert "download" in text


def test_json_is_exactly_the_api_s(running: Up, export: dict[str, Any]) -> None:
    for words, path in (
        (("show", export["id"]), f"/v1/exports/{export['id']}"),
        (("list", "--state", "stored", "--limit", "1"), "/v1/exports?state=stored&limit=1"),
        (("accounts",), "/v1/accounts"),
    ):
        answer = httpx.get(running.url + path, headers={"authorization": f"Bearer {running.key}"}, trust_env=False)
        told = run(running, *words, "--json").stdout
        assert _AGE.sub("0", told) == _AGE.sub("0", answer.text) + "\n"


def test_an_export_that_does_not_exist_is_wrong_input(running: Up) -> None:
    ended = run(running, "show", "exp_none/../x")
    assert ended.returncode == 2
    assert "there is no" in one_line(ended.stderr) or "there is nothing" in one_line(ended.stderr)


def test_accounts_tell_slots_and_limits(running: Up) -> None:
    lines = [line.split("\t") for line in run(running, "accounts").stdout.splitlines()]
    assert lines[0][:6] == ["NAME", "VENDOR", "SLOTS_USED", "LIMIT", "MAX_STARTED", "QUEUED"]
    assert [line[:2] for line in lines[1:]] == [["shop-ab", "intelligems"], ["shop-bwp", "buy_with_prime"]]


def test_fetch_saves_what_was_stored(running: Up, export: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(running.key)
    folder = tmp_path / "folder"
    folder.mkdir()
    ended = landfall(folder, "fetch", export["id"], "--url", running.url, "--key-file", str(tmp_path / "key"))
    assert ended.returncode == 0, ended.stderr
    content = (folder / f"{export['id']}.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == export["file"]["sha256"]
    assert export["file"]["sha256"] in ended.stdout
    assert [path.name for path in folder.iterdir()] == [f"{export['id']}.csv"]


def test_fetch_overwrites_only_when_told_to(running: Up, export: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "mine.csv"
    target.write_text("mine")
    ended = run(running, "fetch", export["id"], "-o", str(target))
    assert ended.returncode == 1
    assert "is there already; name another with --output or overwrite it with --force." in one_line(ended.stderr)
    assert target.read_text() == "mine"
    assert run(running, "fetch", export["id"], "-o", str(target), "--force").returncode == 0
    assert hashlib.sha256(target.read_bytes()).hexdigest() == export["file"]["sha256"]


def test_fetch_through_a_link_replaces_what_it_leads_to_and_keeps_the_link(
    running: Up, export: dict[str, Any], tmp_path: Path
) -> None:
    target, link = tmp_path / "folder" / "mine.csv", tmp_path / "link.csv"
    target.parent.mkdir()
    target.write_text("mine")
    target.chmod(0o600)
    link.symlink_to("folder/mine.csv")
    assert run(running, "fetch", export["id"], "-o", str(link)).returncode == 1
    assert target.read_text() == "mine"
    ended = run(running, "fetch", export["id"], "-o", str(link), "--force")
    assert ended.returncode == 0, ended.stderr
    assert link.readlink() == Path("folder/mine.csv")
    assert hashlib.sha256(target.read_bytes()).hexdigest() == export["file"]["sha256"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_fetch_never_replaces_what_is_no_regular_file(
    running: Up, export: dict[str, Any], tmp_path: Path, force: list[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder" / f"{export['id']}.csv").mkdir(parents=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket"))
    for name, words in (
        ("pipe", "pipe is a pipe, which is never replaced; name another with --output, or - for standard output."),
        ("link", "pipe is a pipe, which is never replaced; "),
        ("socket", "socket is a socket, which is never replaced; "),
        ("folder", ".csv is a folder, which is never replaced; "),
        ("dangling", "dangling is a link that leads nowhere; remove it or name another with --output."),
    ):
        ended = run(running, "fetch", export["id"], "-o", str(tmp_path / name), *force)
        assert ended.returncode == 1, name
        assert words in one_line(ended.stderr)
    kinds = {path.name: stat.S_IFMT(path.lstat().st_mode) for path in tmp_path.iterdir()}
    assert kinds == {
        "pipe": stat.S_IFIFO,
        "link": stat.S_IFLNK,
        "socket": stat.S_IFSOCK,
        "folder": stat.S_IFDIR,
        "dangling": stat.S_IFLNK,
    }


def test_fetch_takes_the_longest_name_and_refuses_a_longer_one_in_one_sentence(
    running: Up, export: dict[str, Any], tmp_path: Path
) -> None:
    ended = run(running, "fetch", export["id"], "-o", str(tmp_path / ("x" * 255)))
    assert ended.returncode == 0, ended.stderr
    ended = run(running, "fetch", export["id"], "-o", str(tmp_path / ("x" * 256)))
    assert ended.returncode == 1
    assert "x cannot be written (File name too long); name another with --output." in one_line(ended.stderr)


def test_fetch_writes_into_a_folder_and_to_standard_output(running: Up, export: dict[str, Any], tmp_path: Path) -> None:
    assert run(running, "fetch", export["id"], "-o", str(tmp_path)).returncode == 0
    assert (tmp_path / f"{export['id']}.csv").stat().st_size == export["file"]["bytes"]
    piped = subprocess.run(
        command("fetch", export["id"], "-o", "-"),
        cwd=running.folder,
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert hashlib.sha256(piped.stdout).hexdigest() == export["file"]["sha256"]


def test_fetch_refuses_a_file_that_is_not_what_was_stored(running: Up, tmp_path: Path) -> None:
    export = stored(running)
    path = Path(export["file"]["uri"].removeprefix("file://"))
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    ended = run(running, "fetch", export["id"], "-o", str(tmp_path / "x.csv"))
    assert ended.returncode == 1
    assert "has another SHA-256 than what was stored" in one_line(ended.stderr)
    assert list(tmp_path.iterdir()) == []


def test_fetch_where_nothing_can_be_written_gets_one_sentence(
    running: Up, export: dict[str, Any], tmp_path: Path
) -> None:
    ended = run(running, "fetch", export["id"], "-o", str(tmp_path / "no" / "folder.csv"))
    assert ended.returncode == 1
    assert "folder.csv cannot be written (No such file or directory); name another" in one_line(ended.stderr)


def test_fetch_of_an_export_that_is_not_stored_names_its_state(running: Up, vendors: dict[str, str]) -> None:
    inject(vendors, fault="slow_answer", vendor="intelligems", seconds=3)
    export = body(run(running, "submit", *INTELLIGEMS, "--force", "--json"))
    ended = run(running, "fetch", export["id"])
    assert ended.returncode == 3
    sentence = rf"export {export['id']} is (queued|starting); its file is there once it is stored\."
    assert re.search(sentence, one_line(ended.stderr))
