"""Checks what an error means for an export."""

import pytest

from landfall.exports import errors
from landfall.exports.outcomes import Advanced, GaveUp, Retrying, Waiting, outcome_of
from landfall.exports.states import State


@pytest.mark.parametrize(
    "error",
    [errors.Throttled, errors.RateLimited, errors.LinkExpired, errors.LinkNotReady, errors.StorageReadOnly],
)
def test_a_deferral_waits_as_long_as_it_was_asked_to(error: type[errors.Deferral]) -> None:
    assert outcome_of(error("later", delay=7.0)) == Waiting(error("later").fault, 7.0, effect=error.effect)


@pytest.mark.parametrize(
    "error",
    [
        errors.VendorUnreachable,
        errors.VendorUnavailable,
        errors.AnswerLost,
        errors.TransferBroken,
        errors.StorageUnavailable,
    ],
)
def test_a_temporary_error_is_tried_again(error: type[errors.TemporaryError]) -> None:
    unknown = error is errors.AnswerLost
    assert outcome_of(error("broke")) == Retrying(error("broke").fault, unknown=unknown, effect=error.effect)


@pytest.mark.parametrize("error", [errors.CredentialsRefused, errors.RequestRefused, errors.DownloadRefused])
def test_a_permanent_error_gives_up(error: type[errors.PermanentError]) -> None:
    assert outcome_of(error("no")) == GaveUp(error("no").fault, effect=error.effect)


def test_a_lost_report_is_ordered_anew() -> None:
    lost = errors.ReportLost("gone")
    assert outcome_of(lost) == Advanced(to=State.QUEUED, fault=lost.fault)


def test_every_error_names_an_action() -> None:
    every = errors.ExportError.__subclasses__()
    for error in every:
        every.extend(error.__subclasses__())
        assert error("x").fault.action.endswith("."), error
