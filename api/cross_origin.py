"""Lets pages of other origins call the API, where the settings name them; without, no answer says so."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_TAKEN = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Range", "X-Request-Id")
_SHOWN = (
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
)


def install(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Answer the questions of browsers that come from these origins."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_TAKEN,
            expose_headers=_SHOWN,
        )
