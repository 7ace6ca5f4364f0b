"""Defines how an explanation reads."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from landfall.exports.circumstances import Explanation


class DetailView(BaseModel):
    """One sentence, and what it says as data: further fields, which depend on the code."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="What it is about, for programs.")
    text: str


class ExpectedView(BaseModel):
    """What is likely to come; null where it is past, or nobody knows."""

    start_at: datetime | None = Field(description="When the export is likely to get a slot.")
    built_at: datetime | None = Field(description="When half of the reports of its kind would be finished.")
    next_step_at: datetime | None = Field(description="When the next step is due.")


class ExplanationView(BaseModel):
    """Why an export stands as it does."""

    summary: str = Field(description="One sentence.")
    details: list[DetailView]
    expected: ExpectedView

    @classmethod
    def of(cls, found: Explanation) -> "ExplanationView":
        """The view of an explanation."""
        expected = found.expected
        return cls(
            summary=found.summary,
            details=[DetailView(**{"code": each.code, "text": each.text, **each.data}) for each in found.details],
            expected=ExpectedView(
                start_at=expected.start_at, built_at=expected.built_at, next_step_at=expected.next_step_at
            ),
        )
