"""Defines how an export is asked for."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.durations import written_as
from landfall.vendors.catalog import VENDORS

_REQUEST_REFS = [{"$ref": f"#/components/schemas/{schemas.request.__name__}"} for schemas in VENDORS.values()]

Label = Annotated[str, Field(max_length=200)]
LABEL_KEY = re.compile(r"[A-Za-z0-9_.-]{1,63}")
LabelKey = Annotated[str, Field(pattern=f"^{LABEL_KEY.pattern}$")]


class Submission(BaseModel):
    """A request for an export."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(description="The account's name in landfall.toml.", examples=["shop-ab"])
    request: Annotated[dict[str, Any], WithJsonSchema({"oneOf": _REQUEST_REFS})] = Field(
        description="What to export, in the schema of the account's vendor.",
    )
    priority: int = Field(default=0, ge=-1000, le=1000, description="Higher goes first; equal ones by age.")
    labels: dict[LabelKey, Label] = Field(default_factory=dict, max_length=20, description="Your own names for it.")
    deadline: Annotated[timedelta, Field(strict=False, gt=timedelta(0), le=timedelta(days=7)), written_as("PT12H")] = (
        Field(
            default=timedelta(hours=12),
            description="ISO 8601 duration: how long the vendor may take, counted from the start of the report.",
            examples=["PT12H"],
        )
    )
    callback_url: str | None = Field(
        default=None,
        description="Is told of the export's end as a webhook is (see docs/reference/webhooks.md); needs `callback_secret` in the "
        "settings. Where an export that was there already answers, that one's counts.",
        examples=["https://example.com/landfall"],
    )
    force: bool = Field(default=False, description="Make another export even if the same request is in flight.")
    reuse: Literal["stored"] | None = Field(
        default=None,
        description="`stored`: be content with a stored export of the same request, if its range was over when it was "
        "made and its file is still kept.",
    )
