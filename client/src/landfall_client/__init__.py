"""Asks Landfall for vendor exports and brings their files home."""

import importlib
from typing import TYPE_CHECKING, Any

from landfall_client.asking import Answer
from landfall_client.errors import (
    ApiError,
    Conflict,
    ExportCancelled,
    ExportFailed,
    FileDiffers,
    FileGone,
    FileNotSaved,
    Forbidden,
    Invalid,
    LandfallError,
    NotFound,
    NotLandfall,
    NotStored,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unreachable,
    UnreadableRows,
    WaitTimeout,
    WrongSettings,
)
from landfall_client.facts import (
    Account,
    BatchFacts,
    BatchFailure,
    Event,
    Explanation,
    ExportError,
    ExportFacts,
    File,
)

if TYPE_CHECKING:
    from landfall_client.async_client import AsyncLandfall
    from landfall_client.async_exports import AsyncBatch, AsyncExport
    from landfall_client.client import Landfall
    from landfall_client.exports import Batch, Export

__version__ = "0.1.0"

# Loaded when they are asked for: the landfall command uses what lies below them, and httpx takes longer to import than
# most of its answers to come.
_OF_HTTPX = {
    "AsyncBatch": "async_exports",
    "AsyncExport": "async_exports",
    "AsyncLandfall": "async_client",
    "Batch": "exports",
    "Export": "exports",
    "Landfall": "client",
}

__all__ = [
    "Account",
    "Answer",
    "ApiError",
    "AsyncBatch",
    "AsyncExport",
    "AsyncLandfall",
    "Batch",
    "BatchFacts",
    "BatchFailure",
    "Conflict",
    "Event",
    "Explanation",
    "Export",
    "ExportCancelled",
    "ExportError",
    "ExportFacts",
    "ExportFailed",
    "File",
    "FileDiffers",
    "FileGone",
    "FileNotSaved",
    "Forbidden",
    "Invalid",
    "Landfall",
    "LandfallError",
    "NotFound",
    "NotLandfall",
    "NotStored",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "UnreadableRows",
    "WaitTimeout",
    "WrongSettings",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - one of the classes above
    if name in _OF_HTTPX:
        return getattr(importlib.import_module(f"{__name__}.{_OF_HTTPX[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
