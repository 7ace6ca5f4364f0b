"""Defines how the health of a process reads."""

from typing import Literal

from pydantic import BaseModel, Field

Part = Literal["database", "schema", "redis", "store", "workers"]


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class CheckView(BaseModel):
    """How one part stands."""

    ok: bool
    detail: str = Field(description="What was found, and what helps, in words that hold no address and no secret.")


class Readiness(BaseModel):
    """Whether exports can be accepted, and what is missing to build them."""

    status: Literal["ready", "degraded", "unavailable"] = Field(
        description="unavailable: no export is accepted. degraded: accepted, and built once the rest is mended."
    )
    checks: dict[Part, CheckView]
