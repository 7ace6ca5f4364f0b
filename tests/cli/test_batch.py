"""Checks the command that asks for many exports."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Up, body, landfall, one_line, run

EVENTS = ("--account", "shop-bwp", "report_type=USER_EVENTS")
DAYS = ("--from", "2026-01-01", "--to", "2026-01-04", "--window", "P1D")
ORDERS = {"experience_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "export_type": "orders"}


def exports(up: Up, batch: dict[str, Any]) -> list[dict[str, Any]]:
    found = body(run(up, "list", "--batch", batch["id"], "--json"))["items"]
    return sorted(found, key=lambda export: str(export["request"].get("start")))


def test_a_range_is_asked_for_in_windows_and_waited_for(running: Up) -> None:
    ended = run(running, "batch", *EVENTS, *DAYS, "--label", "run=windows", "--wait", "--json")
    assert ended.returncode == 0, ended.stderr
    batch = body(ended)
    assert (batch["exports"], batch["progress"]) == ({"total": 3, "by_state": {"stored": 3}}, 1.0)
    found = exports(running, batch)
    assert [export["request"]["start"] for export in found] == [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]
    assert {export["labels"]["run"] for export in found} == {"windows"}
    assert ended.stderr.splitlines()[-1] == f"{batch['id']} 3 stored"


def test_a_csv_file_lists_exports_a_line_each(running: Up, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(
        "account,report_type,start,end,priority,label.lot,experience_id,export_type,filters:\n"
        "shop-bwp,USER_EVENTS,2026-03-01,2026-03-02,4,a,,,\n"
        f',,2026-03-02,2026-03-03,,,{ORDERS["experience_id"]},orders,"{{""deviceType"": ""mobile""}}"\n'
    )
    ended = run(running, "batch", str(path), "--account", "shop-ab", "--json")
    assert ended.returncode == 0, ended.stderr
    bwp, ab = exports(running, body(ended))
    assert (bwp["account"], bwp["priority"], bwp["labels"]) == ("shop-bwp", 4, {"lot": "a"})
    assert (ab["account"], ab["request"]["filters"]) == ("shop-ab", {"deviceType": "mobile"})


def test_json_lines_list_exports_as_the_api_has_them(running: Up, tmp_path: Path) -> None:
    path = tmp_path / "days.jsonl"
    path.write_text("".join(json.dumps({"account": "shop-ab", "request": ORDERS}) + "\n\n" for _ in range(2)))
    ended = run(running, "batch", str(path))
    assert ended.returncode == 0, ended.stderr
    assert "1 export for 2 requests" in one_line(ended.stdout)


def test_under_one_key_a_batch_is_made_once(running: Up) -> None:
    words = ("batch", *EVENTS, *DAYS, "--idempotency-key", "batch of the tests", "--json")
    assert body(run(running, *words)) == body(run(running, *words))


def test_reuse_is_content_with_what_is_stored(running: Up) -> None:
    words = ("submit", "shop-bwp", "report_type=USER_EVENTS", "start=2026-02-01", "end=2026-02-02")
    stored = body(run(running, *words, "--wait", "--json"))
    again = run(running, *words, "--reuse")
    assert f"Export {stored['id']} is there already" in one_line(again.stdout)
    batch = body(
        run(
            running,
            "batch",
            *EVENTS,
            "--from",
            "2026-02-01",
            "--to",
            "2026-02-02",
            "--window",
            "P1D",
            "--reuse",
            "--json",
        )
    )
    assert [export["id"] for export in exports(running, batch)] == [stored["id"]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"account": "shop-ab"', "days.jsonl, line 1: it is not valid JSON"),
        ("[1]", "days.jsonl, line 1: write an export as"),
        ("\n", "days.jsonl: it lists no export"),
        ('{"account": "nobody", "request": {}}', "days.jsonl, line 1: account: there is no account 'nobody'"),
        ('\n\n{"account": "shop-bwp", "request": {"report_type": 1}}', "days.jsonl, line 3: report_type: "),
        ('{"account": "shop-bwp"}', "days.jsonl, line 1: request: field required"),
    ],
)
def test_a_bad_file_gets_one_sentence(running: Up, tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "days.jsonl").write_text(content)
    ended = run(running, "batch", str(tmp_path / "days.jsonl"))
    assert ended.returncode == 2
    assert complaint in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("account,priority\nshop-ab,high\n", "line 2: priority: 'high' is no whole number"),
        ("account,filters:\nshop-ab,{\n", "line 2: filters: it is not valid JSON"),
        ("account,a\nshop-ab,1,2\n", "line 2: it has a cell without a name"),
        ("account,report_type,start\nshop-bwp,USER_EVENTS\n", "line 2: it has fewer cells than the first line"),
        ("account,report_type\nshop-bwp,USER_EVENTS\n\nshop-bwp,EVENTS\n", "days.csv, line 4: report_type: "),
        ("account,report_type,callback_url\nshop-bwp,USER_EVENTS,https://example.com/\n", "line 2: callback_url: "),
    ],
)
def test_a_bad_table_gets_one_sentence(running: Up, tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "days.csv").write_text(content)
    ended = run(running, "batch", str(tmp_path / "days.csv"))
    assert ended.returncode == 2
    assert complaint in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nowhere.jsonl",), "nowhere.jsonl: it cannot be read"),
        (("a=1", "b=2"), "name one file"),
        (("a=1", "--window", "P1D"), "--from is missing"),
        ((*EVENTS[2:], *DAYS), "--account is missing"),
        ((*EVENTS, *DAYS, "--idempotency-key", ""), "idempotency-key: write it as"),
        ((*EVENTS, *DAYS, "--callback-url", "https://example.com/"), "callback_url: it needs callback_secret"),
        ((*EVENTS, *DAYS, "--deadline", "soon"), "deadline: "),
    ],
)
def test_words_that_do_not_fit_get_one_sentence(running: Up, words: tuple[str, ...], complaint: str) -> None:
    ended = run(running, "batch", *words)
    assert ended.returncode == 2
    assert complaint in one_line(ended.stderr)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_submit_asks_for_the_exports_of_a_file_as_batch_does(running: Up, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"days.{ending}"
    request = {"report_type": "USER_EVENTS", "start": "2026-06-01", "end": "2026-06-02"}
    table = f"{','.join(request)}\n{','.join(request.values())}\n"
    path.write_text(table if ending == "csv" else json.dumps({"request": request}))
    ended = run(running, "submit", "shop-bwp", "--file", str(path), "--label", f"of={ending}", "--wait", "--json")
    assert ended.returncode == 0, ended.stderr
    batch = body(ended)
    assert batch == body(run(running, "batches", "show", batch["id"], "--json"))
    assert (batch["labels"], batch["exports"]) == ({"of": ending}, {"total": 1, "by_state": {"stored": 1}})


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_may_be_as_a_spreadsheet_writes_it(running: Up, tmp_path: Path, separator: str) -> None:
    rows = [["account", "report_type", "start", "end"], ["shop-bwp", "USER_EVENTS", "2026-06-03", "2026-06-04"]]
    text = "".join(f"{separator.join(row)}\r\n" for row in rows)
    (tmp_path / "days.csv").write_text(text, encoding="utf-8-sig", newline="")
    ended = run(running, "submit", "--file", str(tmp_path / "days.csv"), "--json")
    assert ended.returncode == 0, ended.stderr
    assert body(ended)["exports"]["total"] == 1


def test_a_bad_line_of_a_submitted_file_is_named(running: Up, tmp_path: Path) -> None:
    (tmp_path / "days.jsonl").write_text('\n{"request": {"report_type": 1}}')
    ended = run(running, "submit", "shop-bwp", "--file", str(tmp_path / "days.jsonl"))
    assert ended.returncode == 2
    assert "days.jsonl, line 2: report_type: " in one_line(ended.stderr)


def test_a_file_that_is_not_utf_8_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text("account\nshop\n", encoding="utf-16")
    ended = landfall(tmp_path, "submit", "--file", "days.csv")
    assert ended.returncode == 2
    assert "it is not UTF-8 text; save it as UTF-8." in one_line(ended.stderr)


def test_what_is_not_for_a_file_is_refused_beside_one(tmp_path: Path) -> None:
    for words in (["--force"], ["--request", "{}"], ["a=b"]):
        ended = landfall(tmp_path, "submit", "shop-bwp", *words, "--file", "days.csv")
        assert ended.returncode == 2
        assert "does not go with --file" in one_line(ended.stderr)
