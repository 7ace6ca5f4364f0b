"""Checks that every export's file gets a name of its own that stays inside the store."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.settings import Settings, SettingsError
from landfall.storage.keys import artifact_key, check_template
from tests.exports.jobs import make_job

DEFAULT = Settings.model_fields["key_template"].default
SAFE_PART = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,199}")
GOOD = [
    DEFAULT,
    "{export_id}",
    "{vendor}/{label.team}/{export_id}.{generation}.csv",
    "year={yyyy}/month={mm}/{label.a}{label.b}{label.a.b-c}-{export_id}.csv",
    "{label.x}" * 100 + "{export_id}",
    "{export_id}/{label.x}",
]
values = st.text() | st.sampled_from(["", ".", "..", "...", "../..", "/etc", "\\", "a\0b", "ü" * 300, "\ud800", ".x"])


def test_the_default_template_names_account_type_and_day() -> None:
    check_template(DEFAULT)
    assert artifact_key(DEFAULT, make_job()) == "shop-bwp/USER_EVENTS/2026/01/31/exp_1.csv"


def test_the_day_is_that_of_acceptance_in_utc() -> None:
    late = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert artifact_key("{yyyy}-{mm}-{dd}-{export_id}", make_job(created_at=late)) == "2025-12-31-exp_1"


def test_labels_and_the_generation_can_be_named() -> None:
    job = make_job(labels={"team": "growth & co", "a.b-c": "1"}, generation=2)
    template = "{vendor}/{label.team}/{label.a.b-c}/{label.missing}/{export_id}.{generation}.csv"
    check_template(template)
    assert artifact_key(template, job) == "buy_with_prime/growth___co/1/none/exp_1.2.csv"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("", "_"),
        (".", "_."),
        ("..", "_.."),
        (".git", "_.git"),
        ("a/../b", "a_.._b"),
        ("é\n", "__"),
        ("a=b.c-d", "a=b.c-d"),
    ],
)
def test_a_value_is_made_safe(value: str, part: str) -> None:
    assert artifact_key("{label.x}/{export_id}", make_job(labels={"x": value})) == f"{part}/exp_1"


def test_a_part_that_is_too_long_loses_the_end_of_its_labels_and_never_the_export() -> None:
    job = make_job(labels={"x": "x" * 200, "y": "y" * 200}, id="exp_" + "0" * 32)
    part = artifact_key("{label.x}-{export_id}-{label.y}.csv", job)
    assert part == f"{'x' * 79}-{job.id}-{'y' * 79}.csv"
    assert len(part) == 200


@pytest.mark.parametrize("template", GOOD)
@given(account=values, kind=values, label=values)
def test_no_value_leaves_the_store_or_hides_a_file(template: str, account: str, kind: str, label: str) -> None:
    check_template(template)
    labels = {"x": label, "a": label, "team": label}
    key = artifact_key(template, make_job(account=account, report_type=kind, vendor=kind, labels=labels))
    parts = key.split("/")
    assert len(parts) == template.count("/") + 1
    assert all(SAFE_PART.fullmatch(part) for part in parts)
    assert "exp_1" in key


@given(
    template=st.lists(
        st.sampled_from(["/", ".", "..", "a", "{export_id}", "{label.x}", "{", "}", "{yyyy}", "\\", " ", "-"]),
        max_size=9,
    ).map("".join),
    label=values,
)
def test_every_template_that_passes_the_check_names_only_safe_files(template: str, label: str) -> None:
    try:
        check_template(template)
    except SettingsError:
        return
    assert all(SAFE_PART.fullmatch(part) for part in artifact_key(template, make_job(labels={"x": label})).split("/"))


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("", r"lacks \{export_id\}.+add it"),
        ("{account}.csv", r"lacks \{export_id\}.+add it"),
        ("/{export_id}", "begins with a slash; write it relative"),
        ("{acount}/{export_id}", r"there is no \{acount\}; use \{account\}, .+\{label.NAME\}"),
        ("{label.}/{export_id}", r"there is no \{label.\}"),
        ("{export_id!r}", r"there is no \{export_id!r\}"),
        ("{export_id:>99}", r"there is no \{export_id:>99\}"),
        ("{}/{export_id}", r"there is no \{\}"),
        ("a//{export_id}", "holds an empty part"),
        ("{export_id}/", "holds an empty part"),
        ("./{export_id}", r"its part \. begins with a dot"),
        ("../{export_id}", r"its part \.\. begins with a dot"),
        (".hidden/{export_id}", r"its part \.hidden begins with a dot"),
        ("a/.{export_id}", "begins with a dot"),
        ("a\\{export_id}", r"holds '\\\\'; write letters"),
        ("a\n{export_id}", r"holds '\\n'; write letters"),
        ("ü{export_id}", r"holds '\\xfc'; write letters"),
        ("a b/{export_id}", "holds ' '; write letters"),
        ("{export_id}}", "holds '}'; write letters"),
        ("{{export_id}}", "holds '{'; write letters"),
        ("{label.a/b}/{export_id}", "there is no"),
        ("x" * 161 + "{export_id}", "is longer than 200 bytes; shorten it"),
        ("{label.x}" * 161 + "{export_id}", "is longer than 200 bytes; shorten it"),
    ],
)
def test_a_template_that_cannot_work_is_refused_in_one_sentence(template: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=rf"^key_template: .*{complaint}") as caught:
        check_template(template)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("template", [DEFAULT, "{export_id}/{yyyy}.csv", "{label.x}-{export_id}"])
def test_a_name_that_was_given_up_is_not_given_again(template: str) -> None:
    names = {artifact_key(template, make_job(withdrawals=number)) for number in range(3)}
    assert len(names) == 3
    assert artifact_key(DEFAULT, make_job(withdrawals=1)).endswith("/exp_1-1.csv")
