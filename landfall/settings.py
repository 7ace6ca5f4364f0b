"""Reads Landfall's settings from the environment and landfall.toml."""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableValue

from landfall.addresses import Hosts, Networks, Origins, RedisUrl
from landfall.complaints import first_complaint

DEFAULT_CONFIG = "landfall.toml"
_PREFIX = "LANDFALL_"


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one sentence that names it and the cure."""


class SecretRef(BaseModel):
    """Where a secret is to be read from: `{ env = "NAME" }` or `{ file = "PATH" }`, never the secret itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_a_literal(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError('a secret is not written into the file: use { env = "NAME" } or { file = "PATH" }')  # noqa: TRY004 - pydantic reports ValueError only
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError('give either { env = "NAME" } or { file = "PATH" }')
        return self

    def reveal(self, setting: str) -> SecretStr:
        """Read the secret. Raises SettingsError, naming the setting and the cure, where there is none."""
        if self.env is not None:
            value, source, cure = os.environ.get(self.env, ""), f"the environment variable {self.env}", "set it"
        else:
            source, cure = f"the file {self.file}", "write the secret into it"
            try:
                value = (self.file or Path()).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                value = ""
        if not value:
            raise SettingsError(f"{setting}: {source} is empty or missing; {cure}.")
        return SecretStr(value)


class Settings(BaseSettings):
    """Everything that can be set; environment variables (prefix LANDFALL_) win over landfall.toml."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    home: Path = Field(default=Path(".landfall"), description="Folder of all state: database, files, embedded Redis.")
    database_url: str = Field(
        default="", description="Unset: sqlite:///<home>/landfall.db; or postgresql://user:password@host:5432/database."
    )
    database_pool_size: int = Field(
        default=10, ge=2, le=200, description="Connections to Postgres that one process keeps."
    )
    redis_url: RedisUrl = Field(
        default="", description="redis://, rediss:// or unix://; unset: an embedded Redis under <home>."
    )
    storage_url: str = Field(
        default="",
        description="Unset: file://<home>/files; or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix.",
    )
    key_template: str = Field(
        default="{account}/{type}/{yyyy}/{mm}/{dd}/{export_id}.csv", description="Name of each file in the store."
    )
    storage_reserve_bytes: int = Field(
        default=64 << 20, ge=0, description="A download waits while the store's disk has less room than this."
    )
    api_host: str = Field(default="127.0.0.1", min_length=1, description="Address that the API listens on.")
    api_port: int = Field(default=8700, ge=0, le=65535, description="Port that the API listens on; 0: any free one.")
    api_hosts: Hosts = Field(
        default=(), description="Names that the API answers to, beside this machine's own; `*`: any."
    )
    api_cors_origins: Origins = Field(default=(), description="Origins whose pages may call the API from a browser.")
    api_proxies: Networks = Field(
        default=(), description="Addresses or networks of the proxies whose X-Forwarded-For the API believes."
    )
    api_max_body_bytes: int = Field(
        default=16 << 20, ge=1024, le=1 << 30, description="A request with a longer body is refused."
    )
    api_patience_seconds: float = Field(
        default=30.0, gt=0.0, le=3600.0, description="A request is given up when none of it comes for so long."
    )
    api_rate_limit: float = Field(
        default=500.0, ge=0.0, description="Requests a second that each key may send to an API process; 0: any number."
    )
    api_rate_burst: int = Field(default=1000, ge=1, description="How many of them may come at once.")
    api_wrong_keys: int = Field(
        default=20, ge=0, description="Wrong keys that an address may try at once, then one a second; 0: any number."
    )
    max_jobs: int = Field(default=50, ge=1, le=1000, description="Steps that one worker runs at once.")
    lease_seconds: float = Field(
        default=15.0, ge=1.0, description="A step whose worker is silent for this long is taken from it."
    )
    sweep_seconds: float = Field(
        default=1.0, ge=0.05, le=4.0, description="How often a worker looks for overdue exports."
    )
    poll_floor_seconds: float = Field(
        default=1.0, gt=0.0, le=3600.0, description="Least wait between two polls of a report."
    )
    poll_cap_seconds: float = Field(
        default=60.0, gt=0.0, le=3600.0, description="Longest wait between two polls of a report."
    )
    retry_base_seconds: float = Field(
        default=1.0,
        gt=0.0,
        le=3600.0,
        description="Wait after a step's first failure; it doubles with each. Nobody asks for an access token for five times as long after a request for one has failed.",
    )
    max_crashes: int = Field(
        default=3, ge=1, description="Workers that may fall silent in one step, one after the other, before it fails."
    )
    lost_start_seconds: float = Field(
        default=600.0, ge=0.0, description="How long the slot of a start whose answer was lost is held, at least."
    )
    history_days: float | None = Field(
        default=None,
        ge=1.0,
        le=36500.0,
        description="Ended exports are listed for so long, then archived; unset: always.",
    )
    grace_seconds: float = Field(default=20.0, ge=0.0, description="How long a stopping worker lets its steps finish.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, JSON lines elsewhere."
    )
    accounts: dict[str, dict[str, Any]] = Field(default_factory=dict, description="The vendor accounts, by name.")
    webhooks: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Who is told of ends, by name.")
    callback_secret: SecretRef | None = Field(default=None, description="Signs what an export's callback_url is sent.")
    callback_previous_secret: SecretRef | None = Field(
        default=None, description="Signs it too, while callback_secret is exchanged."
    )
    callback_allow_private_hosts: bool = Field(
        default=False, description="Allow a callback_url plain http and addresses that are not public."
    )
    webhook_timeout_seconds: float = Field(
        default=15.0, gt=0.0, le=60.0, description="How long a receiver of webhooks may take to answer."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_path())

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        try:
            return Path(os.path.normpath(home.expanduser().absolute()))
        except RuntimeError:
            raise ValueError("there is no such user's folder; write the path without ~") from None

    @model_validator(mode="after")
    def _fill_in_what_follows_from_home(self) -> Self:
        home = self.home
        object.__setattr__(self, "database_url", self.database_url or f"sqlite:///{quote(str(home / 'landfall.db'))}")
        object.__setattr__(self, "storage_url", self.storage_url or (home / "files").as_uri())
        return self

    @property
    def api_url(self) -> str:
        """The address under which the API is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.api_host, self.api_host)  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.api_port}"


def config_path() -> Path:
    """The settings file: LANDFALL_CONFIG, else landfall.toml in the current folder."""
    return Path(os.environ.get("LANDFALL_CONFIG") or DEFAULT_CONFIG)


def load_settings(*, need_config: bool = True) -> Settings:
    """Read the settings. Raises SettingsError, in one sentence, where they are missing or wrong."""
    path = config_path()
    try:
        _check_file(path, needed=need_config or bool(os.environ.get("LANDFALL_CONFIG")))
        return Settings()
    except ValidationError as error:
        raise SettingsError(_blame(error, path)) from None
    except UnreadableValue as error:
        table = "webhooks" if '"webhooks"' in str(error) else "accounts"
        variable = f"{_PREFIX}{table}".upper()
        raise SettingsError(f"{variable} is not valid JSON; write the {table} into {path} instead.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    except UnicodeDecodeError as error:
        line = bytes(error.object).count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path} is not UTF-8 in line {line}; save it as UTF-8.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None


def _check_file(path: Path, *, needed: bool) -> None:
    cure = "write one with `landfall init` or name it in LANDFALL_CONFIG"
    if path.is_dir():
        raise SettingsError(f"the settings file {path} is a folder; {cure}.")
    if path.exists() and not path.is_file():
        raise SettingsError(f"the settings file {path} is no regular file; {cure}.")
    if needed and not path.exists():
        raise SettingsError(f"there is no settings file {path}; {cure}.")


def _blame(error: ValidationError, path: Path) -> str:
    """Name the environment variable that a wrong value came from, else the settings file."""
    complaint, place = first_complaint(error), error.errors(include_url=False)[0]["loc"]
    if place:
        variable = f"{_PREFIX}{place[0]}".upper()
        if any(value and name.upper() == variable for name, value in os.environ.items()):
            return f"{variable}{complaint.removeprefix(str(place[0]))}."
    return f"{path}: {complaint}."
