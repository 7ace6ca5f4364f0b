"""Checks what an object store needs to be told, signs and sweeps, against a real S3 service."""

from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from landfall.exports.errors import StorageFull, StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.bucket import Patience
from landfall.storage.objects import open_objects
from landfall.storage.published import Published
from tests.services.proxy import Answer, Proxy
from tests.services.swift import SECRET, Swift
from tests.storage.conftest import Place
from tests.storage.files import EVERYTHING, KEY, LARGE, MANIFEST, SIZES, begun, body, complaint, publish

HASTY = Patience(silence=0.5, retries=1, first_wait=0.01)


def get(address: str) -> tuple[int, bytes]:
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# --- wrong settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("s3://", "write s3://bucket/prefix"),
        ("gs:///prefix", "write gs://bucket/prefix"),
        ("s3://bucket/../other", "no part may begin with a dot"),
        ("s3://bucket/a//b", "no part may begin with a dot"),
        ("s3://bucket/a?versions", "write s3://bucket/prefix"),
        ("az://container/.hidden", "write az://container/prefix"),
        ("ftp://bucket", "write s3://bucket/prefix"),
    ],
)
def test_a_wrong_url_is_refused_with_the_right_form(url: str, cure: str) -> None:
    with pytest.raises(SettingsError, match=f"^storage_url: .*{cure}"):
        open_objects(url)


def test_a_url_that_holds_a_secret_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError) as refusal:
        open_objects("s3://key:hush-hush@bucket/prefix")
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "missing"),
    [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")],
)
def test_half_of_a_pair_of_keys_is_refused(monkeypatch: pytest.MonkeyPatch, given: str, missing: str) -> None:
    monkeypatch.setenv(given, "hush-hush")
    monkeypatch.delenv(missing, raising=False)
    with pytest.raises(SettingsError, match=f"{given} is set and {missing} is not"):
        open_objects("s3://bucket/prefix")


def test_azure_without_an_account_is_refused_with_the_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(SettingsError, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        open_objects("az://container/prefix")


def test_absent_keys_are_named(bucket: Place, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{closed_port}")
    store = open_objects(bucket.url, HASTY)
    with pytest.raises(StorageUnavailable, match="no credentials were found; set AWS_ACCESS_KEY_ID"):
        store.check()


@pytest.mark.parametrize(
    ("variable", "value"), [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "test:nobody")]
)
@SIZES
def test_wrong_keys_are_named(
    bucket: Place, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, mib: float
) -> None:
    monkeypatch.setenv(variable, value)
    store = open_objects(bucket.url)
    assert f"{bucket.url}: the store refuses the credentials (" in complaint(store, mib)
    with pytest.raises(StorageUnavailable, match="refuses the credentials"):
        store.check()


@SIZES
@pytest.mark.usefixtures("s3_keys")
def test_a_missing_bucket_is_named(mib: float) -> None:
    store = open_objects("s3://never-made/prefix")
    assert complaint(store, mib) == (
        "s3://never-made/prefix: there is no such bucket; create it or correct LANDFALL_STORAGE_URL."
    )
    with pytest.raises(StorageUnavailable, match="there is no such bucket"):
        store.check()


def test_a_bucket_without_a_prefix_is_a_store_too(s3_keys: Swift) -> None:
    url = f"s3://{s3_keys.make_bucket('no-prefix')}"
    assert publish(open_objects(url)) == Published(f"{url}/{KEY}", adopted=False)
    assert sorted(s3_keys.objects("no-prefix")) == [KEY, MANIFEST]


# --- no room ------------------------------------------------------------------------------------------------------


@SIZES
def test_a_full_store_makes_the_file_wait_and_nothing_is_published(s3_keys: Swift, mib: float) -> None:
    name = f"full-{int(mib)}"
    for container in (name, f"{name}+segments"):
        s3_keys.make_bucket(container, quota_bytes=500)
    with pytest.raises(StorageFull, match="has no room left"):
        publish(open_objects(f"s3://{name}/prefix"), mib)
    assert s3_keys.objects(name) == {}


# --- signed addresses ---------------------------------------------------------------------------------------------


def test_a_signed_address_reads_the_file_without_keys(bucket: Place) -> None:
    address = bucket.store.signed_url(publish(bucket.store).uri, 60)
    assert address is not None
    assert SECRET not in address
    assert get(address) == (200, b"".join(body(0.001)))


def test_a_signed_address_is_refused_after_its_time(bucket: Place) -> None:
    address = bucket.store.signed_url(publish(bucket.store).uri, 1)
    assert address is not None
    while get(address)[0] == 200:  # the suite's own time limit ends a store that never refuses
        pass
    assert get(address)[0] == 403


def test_a_changed_signed_address_is_refused(bucket: Place) -> None:
    address = bucket.store.signed_url(publish(bucket.store).uri, 1)
    assert address is not None
    assert get(address.replace("X-Amz-Expires=1&", "X-Amz-Expires=3600&"))[0] == 403


def test_nothing_is_signed_outside_of_the_store(bucket: Place) -> None:
    assert bucket.store.signed_url("s3://other/key.csv", 60) is None


# --- the sweep ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sweep_counts_what_it_aborts_and_finds_nothing_the_second_time(bucket: Place) -> None:
    begun(bucket.store, LARGE)
    begun(bucket.store, LARGE)
    assert bucket.store.sweep(EVERYTHING) == 2
    assert bucket.store.sweep(EVERYTHING) == 0


def test_the_sweep_leaves_the_uploads_of_others_alone(bucket: Place) -> None:
    begun(open_objects(f"{bucket.url}-of-others"), LARGE)
    assert bucket.store.sweep(EVERYTHING) == 0
    assert open_objects(f"{bucket.url}-of-others").sweep(EVERYTHING) == 1


@pytest.mark.slow
def test_the_sweep_aborts_no_upload_in_a_bucket_without_a_prefix(s3_keys: Swift) -> None:
    name = s3_keys.make_bucket("shared")
    begun(open_objects(f"s3://{name}/of-others"), LARGE)
    assert open_objects(f"s3://{name}").sweep(EVERYTHING) == 0
    assert open_objects(f"s3://{name}/of-others").sweep(EVERYTHING) == 1


def test_the_sweep_removes_old_probes(bucket: Place, proxy: Proxy) -> None:
    proxy.fail("DELETE", ".parts", Answer(403, "AccessDenied"))
    with pytest.raises(StorageUnavailable, match=r"refuses the credentials \(AccessDenied\)"):
        open_objects(bucket.url, HASTY).check()
    proxy.heal()
    assert len(bucket.visible()) == 1
    assert bucket.store.sweep(timedelta(hours=1)) == 0
    assert bucket.store.sweep(EVERYTHING) == 1
    assert bucket.visible() == []
