"""Judges an Intelligems export request as the vendor's schema does."""

import re
from collections.abc import Callable
from typing import Any

EXPORT_TYPES = ("orders", "order_line_items", "order_reconciliation")
_EXPERIENCE_ID = re.compile(
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    "|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff"
)
_TIMESTAMP = re.compile("[0-9]{10}")
_COUNTRY = re.compile("[A-Z]{2}")
_BEHAVIORS = ("viewedProductPage", "viewedCollectionPage", "addedToCart", "viewedCheckout")

Problems = dict[str, list[str]]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_countries(value: Any) -> bool:  # noqa: ANN401 - JSON
    return _is_texts(value) and all(_COUNTRY.fullmatch(each) for each in value)


def _is_behavior(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, dict) and all(
        value.get(each) is None or isinstance(value[each], bool) for each in _BEHAVIORS
    )


_FILTERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "deviceType": (lambda value: value in ("any", "mobile", "desktop"), "must be any, mobile or desktop"),
    "visitorType": (lambda value: value in ("any", "new", "returning"), "must be any, new or returning"),
    "countryCodes": (_is_countries, "must be an array of ISO 3166-1 alpha-2 codes"),
    "sourceSitesOrChannels": (_is_texts, "must be an array of strings"),
    "userBehavior": (_is_behavior, "must be an object of booleans"),
    "experimentProductsOnly": (lambda value: isinstance(value, bool), "must be a boolean"),
    "onlyProductIds": (_is_texts, "must be an array of strings"),
    "onlyProductHandles": (_is_texts, "must be an array of strings"),
}


def _filter_problems(filters: object) -> list[str]:
    if filters is None:
        return []
    if not isinstance(filters, dict):
        return ["must be an object"]
    judged = ((name, filters.get(name), *rule) for name, rule in _FILTERS.items())
    return [f"{name} {wanted}" for name, value, fits, wanted in judged if value is not None and not fits(value)]


def _timestamp_problems(value: object) -> list[str]:
    if value is None or (isinstance(value, str) and _TIMESTAMP.fullmatch(value)):
        return []
    return ["must be a string of 10 digits, epoch seconds"]


def problems_of(experience_id: str, body: object) -> Problems:
    """Return what is wrong, by field; nothing where the request is good."""
    problems: Problems = {}
    if not _EXPERIENCE_ID.fullmatch(experience_id):
        problems["experienceId"] = ["must be a UUID"]
    if not isinstance(body, dict):
        return problems | {"body": ["must be a JSON object"]}
    if body.get("exportType") not in EXPORT_TYPES:
        problems["exportType"] = [f"must be one of {', '.join(EXPORT_TYPES)}"]
    for field in ("startTs", "endTs"):
        problems[field] = _timestamp_problems(body.get(field))
    problems["filters"] = _filter_problems(body.get("filters"))
    return {field: errors for field, errors in problems.items() if errors}
