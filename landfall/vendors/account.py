"""Says what every vendor's account settings have in common."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from landfall.settings import SecretRef, SettingsError


def _form(value: object) -> str:
    return "text" if isinstance(value, str) else "secret"


# The callable decides before validation, so that a wrong value gets one complaint and not one for each form.
TextOrSecret = Annotated[
    Annotated[str, Field(min_length=1), Tag("text")] | Annotated[SecretRef, Tag("secret")],
    Discriminator(_form),
]

_DURATION = TypeAdapter(timedelta)


def _length(value: object) -> timedelta:
    # pydantic would take a number of seconds, too, and a length with a minus.
    if isinstance(value, str) and value.startswith("P"):
        try:
            length = _DURATION.validate_python(value)
        except ValidationError:
            length = timedelta()
        if length:
            return length
    raise ValueError("write it as an ISO 8601 duration longer than nothing, for example PT36H or P7D")


def _table_of_lengths(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError('write it as { REPORT_TYPE = "PT36H" }')  # noqa: TRY004 - pydantic reports ValueError only
    return value


Targets = Annotated[dict[str, Annotated[timedelta, BeforeValidator(_length)]], BeforeValidator(_table_of_lengths)]


class Account(BaseModel):
    """One `[accounts.NAME]` table of landfall.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vendor: str = Field(description="Which vendor it is at.")
    base_url: str = Field(description="Where the vendor's API is; a sandbox or a test server goes here.")
    max_started: int = Field(default=5, ge=1, description="Reports that may be in the making at once.")
    max_downloads: int = Field(default=4, ge=1, description="Downloads at once, in each worker.")
    rate_burst: float | None = Field(
        default=None, ge=1, allow_inf_nan=False, description="Starts at once that the vendor's rate limit allows."
    )
    rate_refill: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Starts a second that it allows in the long run."
    )
    tenant_weights: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default_factory=dict, description="Shares in the queue by the label `tenant`; the others weigh 1."
    )
    request_timeout: float = Field(
        default=30.0, gt=0, allow_inf_nan=False, description="Seconds that an API call may take."
    )
    download_hosts: tuple[str, ...] = Field(
        default=(), description='Hosts that files may come from, "*" as wildcard; none: any.'
    )
    allow_private_hosts: bool | None = Field(
        default=None, description="Allow downloads by http and from private addresses; default: where base_url is one."
    )

    max_file_bytes: int | None = Field(
        default=None, ge=1, description="Largest file that is downloaded; none: any that the store has room for."
    )
    retention_days: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="`landfall prune` removes files older than this; none: never.",
    )
    retention_count: int | None = Field(
        default=None, ge=0, description="`landfall prune` keeps so many of the newest files; none: all."
    )

    freshness: Targets = Field(
        default_factory=dict, description="How old what is stored may become, by report type; none: any age."
    )

    at_rest: Literal["identity", "gzip", "zstd"] = Field(
        default="identity", description="How files are packed in the store; identity: as they come."
    )
    parquet: bool = Field(
        default=False, description="Put a Parquet copy, all columns text, beside each file; needs landfall[parquet]."
    )

    @field_validator("base_url")
    @classmethod
    def _an_http_address(cls, value: str) -> str:
        if not _is_plain_address(value):
            raise ValueError("write it as http(s)://host[:port][/path]")
        return value.rstrip("/")

    @property
    def private_hosts_allowed(self) -> bool:
        """Whether files may come from private addresses, over plain http."""
        if self.allow_private_hosts is not None:
            return self.allow_private_hosts
        return _is_private(urlsplit(self.base_url).hostname or "")

    @property
    def keeps_some_files(self) -> bool:
        """Whether `landfall prune` judges the account's files by its settings."""
        return self.retention_days is not None or self.retention_count is not None

    def secrets(self, name: str) -> dict[str, SecretStr]:
        """Read every secret of the account called `name`. Raises SettingsError where one is missing."""
        references = ((field, getattr(self, field)) for field in type(self).model_fields)
        return {
            field: value.reveal(f"accounts.{name}.{field}")
            for field, value in references
            if isinstance(value, SecretRef)
        }


def reveal(setting: str, value: str | SecretRef) -> SecretStr:
    """Return a value that may stand in the file or be a secret. Raises SettingsError where the secret is missing."""
    return value.reveal(setting) if isinstance(value, SecretRef) else SecretStr(value)


def reveal_header(setting: str, value: str | SecretRef) -> SecretStr:
    """Reveal a value that goes into an HTTP header. Raises SettingsError, without the value, where it cannot."""
    revealed = reveal(setting, value)
    text = revealed.get_secret_value()
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise SettingsError(
            f"{setting}: its value holds line breaks, outer spaces or letters beyond ASCII; copy it again."
        )
    return revealed


def _is_plain_address(value: str) -> bool:
    """Whether it is a host over http(s), and nothing that a path cannot be added to or that hides a credential."""
    try:
        parts = urlsplit(value)
        reachable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return reachable and "@" not in parts.netloc and not set(value) & set("?#\\ ") and value.isprintable()


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
