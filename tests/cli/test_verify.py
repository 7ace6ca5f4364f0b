"""Promises of `landfall verify`: rot of every kind is found, and nothing else."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from landfall.database import artifacts
from tests.cli.running import body, landfall, one_line, write_accounts
from tests.planted_files import CONTENT, file_of, make_home, plant, transaction

MANIFEST = ".manifest.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to run the command in; its home has two good files of one account and one of the other."""
    write_accounts(tmp_path)
    home = tmp_path / ".landfall"
    make_home(home)
    plant(home, "exp_a")
    plant(home, "exp_b", b"", days_ago=10)
    plant(home, "exp_c", CONTENT * 1000, account="shop-ab", vendor="intelligems", days_ago=20)
    return tmp_path


def found(folder: Path, *words: str) -> list[tuple[str, str]]:
    """The ids and kinds of rot that it reports, after its exit code was right."""
    ended = landfall(folder, "verify", "--json", *words)
    rotten = body(ended)["rotten"]
    assert ended.returncode == (4 if rotten else 0), ended.stderr
    return [(each["id"], finding["rot"]) for each in rotten for finding in each["findings"]]


def manifest_of(path: Path) -> Path:
    return path.with_name(path.name + MANIFEST)


def test_files_that_are_what_they_were_are_well(folder: Path) -> None:
    ended = landfall(folder, "verify")
    assert ended.returncode == 0, ended.stderr
    assert one_line(ended.stdout).startswith("3 files, ")
    assert ended.stdout.endswith(": all well.\n")
    assert ended.stderr == ""


def test_a_file_that_is_gone_is_missing(folder: Path) -> None:
    file_of(plant(folder / ".landfall", "exp_x")).unlink()
    assert found(folder) == [("exp_x", "missing")]


def test_a_file_of_another_size_has_another_size(folder: Path) -> None:
    file_of(plant(folder / ".landfall", "exp_x")).write_bytes(CONTENT + b"4,more\n")
    assert found(folder) == [("exp_x", "size")]


def test_one_turned_bit_is_found(folder: Path) -> None:
    path = file_of(plant(folder / ".landfall", "exp_x"))
    path.write_bytes(CONTENT.replace(b"a, b", b"a, c"))
    assert found(folder) == [("exp_x", "checksum")]


def test_rows_that_are_not_those_of_the_database_are_found(folder: Path) -> None:
    plant(folder / ".landfall", "exp_x")
    with transaction(folder / ".landfall") as connection:
        connection.exec_driver_sql("UPDATE exports SET file_rows = 7 WHERE id = 'exp_x'")
    assert found(folder) == [("exp_x", "rows"), ("exp_x", "manifest_differs")]


def test_a_manifest_that_is_gone_is_missing(folder: Path) -> None:
    manifest_of(file_of(plant(folder / ".landfall", "exp_x"))).unlink()
    assert found(folder) == [("exp_x", "manifest_missing")]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b'{"export_id": 1}'])
def test_a_manifest_that_is_none_is_unreadable(folder: Path, text: bytes) -> None:
    manifest_of(file_of(plant(folder / ".landfall", "exp_x"))).write_bytes(text)
    assert found(folder) == [("exp_x", "manifest_unreadable")]


def test_a_manifest_of_another_file_differs(folder: Path) -> None:
    path = manifest_of(file_of(plant(folder / ".landfall", "exp_x")))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64}))
    assert found(folder) == [("exp_x", "manifest_differs")]


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_read(folder: Path) -> None:
    path = file_of(plant(folder / ".landfall", "exp_x"))
    manifest_of(path).unlink()
    manifest_of(path).mkdir()
    rotten = dict(found(folder))
    assert list(rotten) == ["exp_x"]
    assert rotten["exp_x"] in {"unreadable", "manifest_missing"}


def test_rot_is_told_in_a_line_for_each_finding_and_exit_code_4(folder: Path) -> None:
    file_of(plant(folder / ".landfall", "exp_x")).unlink()
    ended = landfall(folder, "verify")
    assert ended.returncode == 4
    header, line = (each.split("\t") for each in ended.stdout.splitlines())
    assert header == ["ID", "ACCOUNT", "ROT", "DETAIL"]
    assert line[:3] == ["exp_x", "shop-bwp", "missing"]
    words = "1 of 4 files rotted; restore them from a backup or submit their exports again."
    assert one_line(ended.stderr) == f"landfall verify: {words}"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 3),
        (["exp_b"], 1),
        (["exp_b", "exp_c", "exp_b"], 2),
        (["--account", "shop-ab"], 1),
        (["--account", "shop-bwp"], 2),
        (["--since", "2999-01-01"], 0),
        (["--until", "2999-01-01"], 3),
        (["--until", "2001-01-01"], 0),
        (["--since", "2001-01-01T00:00:00Z"], 3),
    ],
)
def test_what_is_read_can_be_narrowed(folder: Path, words: list[str], count: int) -> None:
    assert body(landfall(folder, "verify", "--json", *words))["verified"] == count


def test_a_file_that_retention_removed_is_not_missing(folder: Path) -> None:
    job = plant(folder / ".landfall", "exp_x")
    file_of(job).unlink()
    with transaction(folder / ".landfall") as connection:
        artifacts.mark_removed(connection, job.id, "retention: older than 90 days")
    assert found(folder) == []
    ended = landfall(folder, "verify", "exp_x")
    assert ended.returncode == 3
    assert "the file of export exp_x was removed by retention on " in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["exp_none"], 2, "there is no export 'exp_none'; `landfall list` shows the ids."),
        (["--account", "nobody"], 2, "--account: there is no account 'nobody'; known: shop-ab, shop-bwp."),
        (
            ["--since", "soon"],
            2,
            "--since: 'soon' is no date or moment; write it as 2026-01-31 or 2026-01-31T10:00:00Z.",
        ),
        (
            ["exp_c", "--account", "shop-bwp"],
            2,
            "export exp_c is not among those that --account, --since and --until leave; ",
        ),
    ],
)
def test_wrong_words_get_one_sentence(folder: Path, words: list[str], code: int, sentence: str) -> None:
    ended = landfall(folder, "verify", *words)
    assert ended.returncode == code
    assert one_line(ended.stderr).startswith(f"landfall verify: {sentence}")


def test_without_a_database_it_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / ".landfall").mkdir()
    ended = landfall(tmp_path, "verify")
    assert ended.returncode == 1
    assert "there is no database" in one_line(ended.stderr)
    assert "`landfall up` makes a new one" in one_line(ended.stderr)


class _Refusing(BaseHTTPRequestHandler):
    """Answers as S3 does where the secret key is wrong."""

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_a_store_that_refuses_the_credentials_is_told_in_whole_sentences(folder: Path) -> None:
    with transaction(folder / ".landfall") as connection:
        connection.exec_driver_sql("UPDATE exports SET file_uri = 's3://bucket/p/' || id || '.csv'")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        Thread(target=server.serve_forever).start()
        ended = landfall(
            folder,
            "verify",
            env={
                "LANDFALL_STORAGE_URL": "s3://bucket/p",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "id",
                "AWS_SECRET_ACCESS_KEY": "wrong",
            },
        )
        server.shutdown()
    assert ended.returncode == 1
    said = one_line(ended.stderr)
    assert said.startswith(
        "landfall verify: the store cannot be used: s3://bucket/p: the store refuses the credentials"
    )
    assert said.endswith("and what they may do. Mend that or correct LANDFALL_STORAGE_URL, then try again.")


def test_no_api_has_to_run_and_none_is_asked(folder: Path) -> None:
    assert landfall(folder, "verify", env={"LANDFALL_URL": "http://127.0.0.1:9"}).returncode == 0
    (folder / Path("landfall.toml")).unlink()
    assert landfall(folder, "verify").returncode == 0


def values(folder: Path) -> list[Any]:
    with transaction(folder / ".landfall") as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM exports ORDER BY id")]


def test_it_changes_nothing(folder: Path) -> None:
    before = values(folder), sorted((folder / ".landfall" / "files").rglob("*"))
    landfall(folder, "verify")
    assert (values(folder), sorted((folder / ".landfall" / "files").rglob("*"))) == before
