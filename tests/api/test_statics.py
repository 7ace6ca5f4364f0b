"""Promises of the files that pages load, and of those among them that are others' work."""

import gzip
import tomllib
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from api.pages.statics import static_url
from tests import plain_http
from tests.api import raw
from tests.stack import ROOT, Stack
from tools.vendor import LISTS, content, parts

STATIC = ROOT / "api" / "pages" / "static"
HTMX = "vendor/htmx.min.js"
BUNDLE = "vendor/swagger-ui-bundle.js"


PACKED, PLAIN = "gzip", "identity"


def ask(api: Stack, address: str, coding: str = PACKED, *, method: str = "GET", held: str = "") -> httpx.Response:
    headers = {"accept-encoding": coding} | ({"if-none-match": held} if held else {})
    return plain_http.call(method, api.url + address, headers=headers)


def whole(name: str) -> bytes:
    path = STATIC / name
    return path.read_bytes() if path.exists() else gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes())


@pytest.mark.parametrize("name", [HTMX, BUNDLE])
@pytest.mark.parametrize("coding", [PACKED, PLAIN])
def test_a_file_comes_whole_without_a_key(api: Stack, name: str, coding: str) -> None:
    answer = ask(api, static_url(name), coding)
    assert (answer.status_code, answer.content) == (200, whole(name))
    assert answer.headers.get("content-encoding") == ("gzip" if coding == PACKED else None)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) == answer.num_bytes_downloaded


@pytest.mark.parametrize("coding", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0"])
def test_who_takes_no_gzip_gets_none(api: Stack, coding: str) -> None:
    answer = ask(api, static_url(HTMX), coding)
    assert "content-encoding" not in answer.headers
    assert answer.content == whole(HTMX)


@pytest.mark.parametrize("coding", ["gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "*"])
def test_who_takes_gzip_among_others_gets_it(api: Stack, coding: str) -> None:
    assert ask(api, static_url(HTMX), coding).headers["content-encoding"] == "gzip"


def test_what_is_asked_for_by_its_digest_may_be_kept_for_ever(api: Stack) -> None:
    assert ask(api, static_url(HTMX)).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef"])
def test_what_is_asked_for_by_another_digest_comes_but_is_not_kept(api: Stack, query: str) -> None:
    answer = ask(api, f"/static/{HTMX}{query}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, no-cache")


@pytest.mark.parametrize("coding", [PACKED, PLAIN])
def test_who_holds_a_file_gets_none(api: Stack, coding: str) -> None:
    tag = ask(api, static_url(HTMX), coding).headers["etag"]
    answer = ask(api, static_url(HTMX), coding, held=tag)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert answer.headers["cache-control"].endswith("immutable")


def test_the_packed_form_has_a_tag_of_its_own(api: Stack) -> None:
    tags = {ask(api, static_url(HTMX), coding).headers["etag"] for coding in (PACKED, PLAIN)}
    assert len(tags) == 2
    assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize("name", [HTMX, BUNDLE])
@pytest.mark.parametrize("coding", [PACKED, PLAIN])
def test_a_head_tells_what_a_get_would(api: Stack, name: str, coding: str) -> None:
    get, head = (ask(api, static_url(name), coding, method=method) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }


@pytest.mark.parametrize(
    "path",
    [
        "",
        "vendor",
        "vendor/",
        "nothing.js",
        "vendor/vendored.toml",
        "vendor/swagger-ui-bundle.js.gz",
        "../statics.py",
        "vendor/../../statics.py",
        "%2e%2e/statics.py",
        "..%2fstatics.py",
        "vendor/..%2f..%2fstatics.py",
        "/etc/passwd",
        "%2fetc/passwd",
        "vendor/htmx.min.js%00",
        "vendor\\htmx.min.js",
        "vendor/HTMX.min.js",
    ],
)
def test_there_is_nothing_else_to_be_had(api: Stack, path: str) -> None:
    answer = raw.ask(api.port, raw.head("GET", f"/static/{path}", "Connection: close"))
    assert (answer.status, answer.problem["code"]) == (404, "not_found")


def test_nothing_is_sent_there(api: Stack) -> None:
    answer = ask(api, f"/static/{HTMX}", method="POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_page_that_names_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(LookupError, match=r"no file 'htmx\.min\.js'.*vendor/htmx\.min\.js"):
        static_url("htmx.min.js")


@pytest.mark.parametrize("listed_in", LISTS, ids=lambda path: path.parts[-4])
def test_every_file_of_others_is_as_they_published_it(listed_in: Path) -> None:
    listed = {part.path: part.sha256 for part in parts(listed_in)}
    there = {path for path in listed_in.parent.iterdir() if path != listed_in}
    assert there == set(listed)
    assert {path: sha256(content(path)).hexdigest() for path in there} == listed


@pytest.mark.parametrize("listed_in", LISTS, ids=lambda path: path.parts[-4])
def test_every_package_of_others_brings_its_licence(listed_in: Path) -> None:
    for package in tomllib.loads(listed_in.read_text(encoding="utf-8"))["package"]:
        assert package["licence"], package["name"]
        assert any(name.endswith("LICENSE.txt") for name in package["files"]), package["name"]
