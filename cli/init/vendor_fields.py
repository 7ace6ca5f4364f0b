"""Lists what an account at each vendor must be given, as its schema has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from landfall.settings import SecretRef
from landfall.vendors.catalog import VENDORS


@dataclass(frozen=True, slots=True)
class VendorField:
    """A setting that an account cannot do without: text in the file, a secret kept elsewhere, or either."""

    name: str
    may_be_text: bool
    may_be_secret: bool

    @property
    def flag(self) -> str:
        """Its option on the command line."""
        return f"--{self.name.replace('_', '-')}"


def fields_of(vendor: str) -> Sequence[VendorField]:
    """What an account at this vendor needs, in the order of its schema."""
    fields = VENDORS[vendor].account.model_fields
    needed = {name: field.annotation for name, field in fields.items() if field.is_required() and name != "vendor"}
    return [
        VendorField(name, kind is not SecretRef, any(part is SecretRef for part in _parts(kind)))
        for name, kind in needed.items()
    ]


def every_field() -> Sequence[VendorField]:
    """The fields of all vendors, each name once."""
    return list({field.name: field for vendor in VENDORS for field in fields_of(vendor)}.values())


def _parts(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    """The annotation and those that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
