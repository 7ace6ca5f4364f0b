"""Classifies Buy with Prime's GraphQL errors."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Kind(Enum):
    """What a GraphQL error is about."""

    ACCESS_DENIED = "AccessDenied"
    INTERNAL = "InternalServer"
    THROTTLING = "Throttling"
    NOT_FOUND = "ResourceNotFound"
    VALIDATION = "Validation"
    UNKNOWN = "unknown"


_BY_NAME: Mapping[str, Kind] = MappingProxyType(
    {f"{kind.value}{suffix}": kind for kind in Kind for suffix in ("Error", "Exception") if kind is not Kind.UNKNOWN}
)
_BY_CODE: Mapping[str, Kind] = MappingProxyType(
    {
        "400": Kind.VALIDATION,
        "401": Kind.ACCESS_DENIED,
        "403": Kind.ACCESS_DENIED,
        "404": Kind.NOT_FOUND,
        "429": Kind.THROTTLING,
        "500": Kind.INTERNAL,
        "502": Kind.INTERNAL,
        "503": Kind.INTERNAL,
        "504": Kind.INTERNAL,
    }
)


def classify(error: object) -> Kind:
    """Go by the classification's `type`, else its `errorType`, else its `errorCode`; some errors lack `type`."""
    found = classification(error)
    named = (_BY_NAME.get(str(found.get(key))) for key in ("type", "errorType"))
    coded = _BY_CODE.get(str(found.get("errorCode")))
    return next((kind for kind in (*named, coded) if kind), Kind.UNKNOWN)


def classification(error: object) -> Mapping[str, object]:
    """The error's `extensions.classification`; a bare string (graphql-java's own errors) counts as its `type`."""
    extensions = error.get("extensions") if isinstance(error, Mapping) else None
    found = extensions.get("classification") if isinstance(extensions, Mapping) else None
    if isinstance(found, str):
        return {"type": found}
    return found if isinstance(found, Mapping) else {}
