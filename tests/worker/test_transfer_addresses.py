"""Promises of where a download may lead."""

from typing import Any

import httpx
import pytest

from landfall.exports.errors import DownloadRefused, TransferBroken
from landfall.net.carrier import Carrier
from tests.asynchronous import run
from tests.worker.fetching import SIGNATURE, MemorySink, account, fetch, fetched
from tests.worker.file_server import FileServer, Script, status, whole
from worker.transfer.asking import Asker, redirected
from worker.transfer.patience import Patience

SMALL = b"id\n1\n"


def check(url: str, **settings: Any) -> None:
    Asker(account(**settings), Carrier(), Patience()).check(httpx.URL(url))


def refused(url: str, **settings: Any) -> str:
    with pytest.raises(DownloadRefused) as caught:
        check(url, **settings)
    assert "Planted" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("host", ["files.example.com", "FILES.example.COM", "a.b.example.com"])
def test_a_host_that_fits_download_hosts_is_allowed(host: str) -> None:
    check(f"https://{host}/f?{SIGNATURE}", download_hosts=("*.Example.com",))


@pytest.mark.parametrize(
    "host",
    [
        "evil-example.com",
        "example.com",
        "example.com.evil.org",
        "files.example.com.",
        "evil.org:443",
        "evil.org#.example.com",
        "evil.org?.example.com",
    ],
)
def test_a_host_that_only_looks_like_one_of_download_hosts_is_refused(host: str) -> None:
    assert "download_hosts" in refused(f"https://{host}/?{SIGNATURE}", download_hosts=("*.example.com",))


@pytest.mark.parametrize(
    "netloc", ["files.example.com@evil.org", "user:Planted@files.example.com", ":@files.example.com"]
)
def test_a_link_with_a_user_name_is_refused(netloc: str) -> None:
    if netloc.startswith(":"):
        assert httpx.URL(f"https://{netloc}/").host == "files.example.com"
    else:
        assert "user name" in refused(f"https://{netloc}/?{SIGNATURE}")


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher", "ws", "data"])
def test_a_scheme_that_is_no_http_is_refused_even_where_private_hosts_are_allowed(scheme: str) -> None:
    assert "not https" in refused(f"{scheme}://files.example.com/f?{SIGNATURE}")


def test_plain_http_is_refused_where_private_hosts_are_not_allowed() -> None:
    assert "not https" in refused(f"http://files.example.com/f?{SIGNATURE}", allow_private_hosts=False)


def test_a_private_host_gets_no_request_unless_it_is_allowed() -> None:
    async def asked() -> int:
        async with FileServer(whole(SMALL)) as server:
            for host, reason in (("127.0.0.1", "is no public address"), ("localhost", "leads to a private address")):
                url = server.url.replace("http:", "https:").replace("127.0.0.1", host)
                with pytest.raises(DownloadRefused) as caught:
                    await fetch(url, MemorySink(), allow_private_hosts=False)
                assert str(caught.value) == f"{host} {reason}"
            return len(server.asked)

    assert run(asked()) == 0


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(code: int) -> None:
    got = run(fetched(status(code, location="/elsewhere?Planted=1#part"), whole(SMALL)))
    assert (got.error, got.content, got.requests) == (None, SMALL, 2)


@pytest.mark.parametrize("hops", [5, 6])
def test_five_redirects_are_followed_and_no_more(hops: int) -> None:
    got = run(fetched(*[status(302, location="/again")] * hops, whole(SMALL)))
    assert (got.error is None) == (hops == 5)
    assert got.requests == 6


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (status(302), TransferBroken),
        (status(302, location="http://[::1"), TransferBroken),
        (status(302, location="//xn--zz.example/"), DownloadRefused),
        (status(302, location="file:///etc/passwd"), DownloadRefused),
        (status(302, location="http://user:Planted@127.0.0.1/"), DownloadRefused),
        (status(302, location=f"http://evil.example/?{SIGNATURE}"), DownloadRefused),
    ],
)
def test_a_redirect_that_leads_astray_is_not_followed(script: Script, error: type[Exception]) -> None:
    got = run(fetched(script, whole(SMALL), download_hosts=("127.0.0.1",)))
    assert isinstance(got.error, error)
    assert (got.requests, got.content) == (1, b"")


@pytest.mark.parametrize("location", ["http://files.example.com/", "ftp://files.example.com/", "file:///etc/passwd"])
def test_a_redirect_never_gives_up_https(location: str) -> None:
    with pytest.raises(DownloadRefused):
        redirected(httpx.URL(f"https://files.example.com/?{SIGNATURE}"), location)


def test_a_redirect_within_https_goes_where_it_says() -> None:
    url = redirected(httpx.URL("https://files.example.com/a/b?c=d"), "../e?f=%2B#g")
    assert str(url) == "https://files.example.com/e?f=%2B"


@pytest.mark.parametrize("link", ["http://[::1", "https://exa mple.com:x", "https://\x00/"])
def test_a_link_that_is_no_address_gets_one_clear_sentence(link: str) -> None:
    with pytest.raises(TransferBroken) as caught:
        run(fetch(f"{link}/{SIGNATURE}", MemorySink()))
    assert str(caught.value) == "the download link is no address"


def test_a_host_that_only_looks_like_punycode_is_an_error_of_the_export() -> None:
    with pytest.raises(TransferBroken) as caught:
        run(fetch(f"https://xn--zz.example/f?{SIGNATURE}", MemorySink()))
    assert str(caught.value) == "xn--zz.example is no name that a host can have"


def test_a_redirect_to_a_host_that_only_looks_like_punycode_is_an_error_of_the_export() -> None:
    got = run(fetched(status(302, location="http://xn--zz.example/"), whole(SMALL)))
    assert isinstance(got.error, TransferBroken)
    assert str(got.error) == "xn--zz.example is no name that a host can have"


def test_a_redirect_from_https_to_a_host_that_only_looks_like_punycode_is_refused_by_name() -> None:
    with pytest.raises(DownloadRefused) as caught:
        redirected(httpx.URL("https://files.example.com/"), "http://xn--zz.example/")
    assert str(caught.value) == "files.example.com redirects from https to xn--zz.example without it"
