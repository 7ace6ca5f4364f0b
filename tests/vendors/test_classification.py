"""Promises of what a GraphQL error is taken for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfall.vendors.buy_with_prime.classification import Kind, classify


@pytest.mark.parametrize(
    ("classification", "kind"),
    [
        ({"type": "ResourceNotFoundError", "errorType": "ResourceNotFoundException", "errorCode": 404}, Kind.NOT_FOUND),
        ({"errorType": "ResourceNotFoundException"}, Kind.NOT_FOUND),
        ({"errorCode": 404}, Kind.NOT_FOUND),
        ({"type": "ThrottlingError"}, Kind.THROTTLING),
        ({"type": "ThrottlingException"}, Kind.THROTTLING),
        ({"errorType": "ThrottlingException", "errorCode": 400}, Kind.THROTTLING),
        ({"errorCode": 429}, Kind.THROTTLING),
        ({"type": "AccessDeniedError"}, Kind.ACCESS_DENIED),
        ({"errorCode": "403"}, Kind.ACCESS_DENIED),
        ({"type": "InternalServerError"}, Kind.INTERNAL),
        ({"errorCode": 503}, Kind.INTERNAL),
        ({"type": "ValidationError", "code": "InvalidDateRange", "errorCode": 400}, Kind.VALIDATION),
        ({"errorType": "ValidationException"}, Kind.VALIDATION),
        ({"type": "BrandNewError", "errorType": "ValidationException"}, Kind.VALIDATION),
        ({"type": "BrandNewError", "errorCode": 418}, Kind.UNKNOWN),
        ("ValidationError", Kind.VALIDATION),
        ({}, Kind.UNKNOWN),
        (None, Kind.UNKNOWN),
    ],
)
def test_type_is_believed_before_error_type_before_error_code(classification: Any, kind: Kind) -> None:
    assert classify({"message": "x", "extensions": {"classification": classification}}) is kind


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_an_error_of_any_shape_is_classified(error: object) -> None:
    assert isinstance(classify(error), Kind)
