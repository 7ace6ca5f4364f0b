"""Reads the command line into the settings of one sandbox."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


def _number(text: str, least: float, *, above: bool = False) -> float:
    value = float(text)
    if not math.isfinite(value) or value < least or (above and value == least):
        raise ValueError(text)
    return value


def _amount(text: str) -> float:
    """A number of at least 0."""
    return _number(text, 0)


def _more_than_nothing(text: str) -> float:
    """A number above 0."""
    return _number(text, 0, above=True)


def _any_whole(text: str) -> int:
    """A whole number."""
    return int(text)


def _whole(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _at_least_one(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _port(text: str) -> int:
    """A port from 0 (any free one) to 65535."""
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - the highest TCP port there is
        raise ValueError(text)
    return value


def _flag(default: Any, read: Callable[[str], Any], explanation: str) -> Any:  # noqa: ANN401 - as typing of dataclasses.field is
    return field(default=default, metadata={"read": read, "help": explanation})


@dataclass(frozen=True, slots=True)
class Settings:
    """What one sandbox is told at its start; every duration is in real seconds."""

    host: str = _flag("127.0.0.1", str, "address to listen on")
    port: int = _flag(8600, _port, "port to listen on; 0 takes a free one")
    seed: int = _flag(7, _any_whole, "seed of build times and CSV bodies")
    build_mean: float = _flag(2.0, _amount, "mean seconds a report takes to build")
    build_sigma: float = _flag(0.5, _amount, "sigma of the lognormal build times")
    bytes: int = _flag(200_000, _whole, "size of a report's CSV, in bytes at most")
    max_started: int = _flag(5, _at_least_one, "Buy with Prime reports STARTED at once, an account")
    intelligems_timeout: float = _flag(25.0, _amount, "seconds an Intelligems POST waits for its report")
    link_seconds_bwp: float = _flag(300.0, _amount, "life of a Buy with Prime download URL")
    link_seconds_intelligems: float = _flag(900.0, _amount, "life of an Intelligems download URL")
    link_token: str = _flag("", str, "session token that stands in every download URL, as with temporary keys")
    token_seconds: float = _flag(900.0, _amount, "life of a Buy with Prime access token")
    report_days: float = _flag(7.0, _amount, "days after which a report is gone")
    rate_burst: int = _flag(20, _at_least_one, "Intelligems requests an account may send in one burst")
    rate_refill: float = _flag(0.5, _more_than_nothing, "Intelligems requests that come back each second")
    control_log: Path | None = _flag(None, Path, "file that gets one JSON line a vendor request")  # noqa: RUF009 - it gives a field


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def checked(text: str) -> Any:  # noqa: ANN401 - each flag reads a type of its own
        try:
            return read(text)
        except ValueError:
            message = f"{text!r} will not do; give {(read.__doc__ or '').rstrip('.').lower()}"
            raise argparse.ArgumentTypeError(message) from None

    return checked


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the flags of ``arguments`` (the process's own when None).

    Raises:
        SystemExit: a flag is unknown or its value is out of bounds; the sentence is on standard error.

    """
    parser = argparse.ArgumentParser("sandbox", description="The vendors' stand-in, on loopback.", allow_abbrev=False)
    for each in fields(Settings):
        flag, read = "--" + each.name.replace("_", "-"), _reader(each.metadata["read"])
        parser.add_argument(flag, type=read, default=each.default, help=f"{each.metadata['help']} ({each.default})")
    return Settings(**vars(parser.parse_args(arguments)))
