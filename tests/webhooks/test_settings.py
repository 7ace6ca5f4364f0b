"""Promises about `[webhooks.NAME]` and callback_secret: each mistake gets one sentence that names it and the cure."""

import base64
from typing import Any

import pytest

from landfall.settings import SettingsError
from landfall.webhooks import CALLBACK, shown_url
from tests.webhooks.house import hook, plant_secrets, webhooks

URL = "https://example.com/hook"
ENV = {"env": "HOOK_SECRET"}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_secrets(monkeypatch)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"secret": ENV}, "webhooks.ops.url is missing; add it."),
        ({"url": URL}, "webhooks.ops.secret is missing; add it."),
        (
            {"url": URL, "secret": ENV, "event": []},
            (
                "webhooks.ops.event: there is no such setting; known are url, secret, previous_secret, events, "
                "accounts, allow_private_hosts."
            ),
        ),
        (
            {"url": URL, "secret": "whsec_PlantedWebhookSecret"},
            'webhooks.ops.secret: a secret is not written into the file: use { env = "NAME" } or { file = "PATH" }.',
        ),
        ({"url": URL, "secret": 3}, 'webhooks.ops.secret: write it as { env = "NAME" } or { file = "PATH" }.'),
        (
            {"url": URL, "secret": ENV, "events": ["export.done"]},
            "webhooks.ops.events: name one or more of export.stored, export.failed, export.cancelled, batch.finished.",
        ),
        (
            {"url": URL, "secret": ENV, "accounts": ["shop-x"]},
            "webhooks.ops.accounts: there is no account 'shop-x'; known: shop-ab, shop-bwp.",
        ),
        (
            {"url": "http://example.com/hook", "secret": ENV},
            "webhooks.ops.url: write it as https://host/path, 2000 characters at most.",
        ),
        (
            {"url": "ftp://example.com/hook", "secret": ENV, "allow_private_hosts": True},
            "webhooks.ops.url: write it as https://host/path or http://host/path, 2000 characters at most.",
        ),
        (
            {"url": "https://me:PlantedPassword@example.com/", "secret": ENV},
            "webhooks.ops.url: it must hold no user and no password; what is sent there is signed instead.",
        ),
        (
            {"url": "https://example.com:0/\x00", "secret": ENV},
            "webhooks.ops.url: write it as https://host/path, 2000 characters at most.",
        ),
    ],
)
def test_a_mistake_gets_one_sentence(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        webhooks({"ops": table})
    assert str(refused.value) == sentence


@pytest.mark.parametrize("name", ["Ops", "", "a b", CALLBACK, "x" * 64])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^webhooks\..*rename it\.$"):
        webhooks({name: {"url": URL, "secret": ENV}})


@pytest.mark.parametrize("text", ["", "PlantedNoPrefix", "whsec_%%%", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_secret_that_is_none_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HOOK_SECRET", text)
    found = webhooks({"ops": hook(URL)}, callbacks=True)
    for name, setting in (("ops", "webhooks.ops.secret"), (CALLBACK, "callback_secret")):
        with pytest.raises(SettingsError) as refused:
            found.signing_secrets(name)
        assert str(refused.value).startswith(f"{setting}: ")
        assert not text or text not in str(refused.value)


def test_without_a_callback_secret_no_export_is_given_a_callback_url() -> None:
    fault = webhooks({}).fault_in_callback(URL)
    assert fault
    assert "callback_secret" in fault
    assert webhooks({}, callbacks=True).fault_in_callback(URL) is None


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://example.com/hook?export=1", True),
        ("https://example.com", True),
        ("http://example.com/hook", False),
        ("https://example.com/a b", False),
        ("https://u@example.com/", False),
        ("https:///hook", False),
        ("https://example.com:99999/", False),
        ("https://example.com/#here", False),
        ("https://example..com/", False),
        ("https://" + "x" * 64 + ".example.com/", False),
        ("https://[2606:4700::1111]:8443/hook", True),
        ("https://example.com/\u00e9", False),
        ("https://example.com/" + "x" * 2000, False),
    ],
)
def test_a_callback_url_is_https_and_holds_no_user(url: str, *, taken: bool) -> None:
    fault = webhooks({}, callbacks=True, private=False).fault_in_callback(url)
    assert (fault is None) == taken


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example/services/T0/B0/Planted", "https://hooks.example/…"),
        ("http://127.0.0.1:8900/Planted?key=Planted", "http://127.0.0.1:8900/…"),
        ("https://example.com?key=Planted", "https://example.com/…"),
        ("https://example.com/", "https://example.com/"),
        ("https://example.com", "https://example.com/"),
    ],
)
def test_of_an_address_its_host_alone_is_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown
