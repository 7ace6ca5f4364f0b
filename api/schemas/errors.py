"""Defines how a fault reads."""

from pydantic import BaseModel, Field

from landfall.exports.job import Fault


class ErrorView(BaseModel):
    """Why an export failed, or what its last attempt ran into."""

    code: str
    message: str
    action: str = Field(description="What helps.")

    @classmethod
    def of(cls, fault: Fault | None) -> "ErrorView | None":
        """The view of a fault, None where there is none."""
        if fault is None:
            return None
        return cls.model_construct(code=fault.code, message=fault.message, action=fault.action)
