"""Checks the Redis that carries the messages: that of the settings, or the embedded one."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from redis import Redis, RedisError

from cli.address import running_url
from cli.doctor.finding import Finding, Installation, error, ok, warning, wrong_setting
from landfall.settings import SettingsError
from landfall.transport.embedded import EmbeddedRedis, find_program

_PATIENCE_SECONDS = 2.0
_OLDEST = (6, 2)


def look_at_redis(installation: Installation) -> Iterator[Finding]:
    """Whether it serves, and whether it keeps what it is given."""
    if url := installation.settings.redis_url:
        yield from _server(url)
    else:
        yield _embedded(installation)


def _server(url: str) -> Iterator[Finding]:
    where = _shown(url)
    redis = Redis.from_url(
        url, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS, decode_responses=True
    )
    try:
        redis.ping()
        told = _told(redis)
    except (RedisError, OSError) as problem:
        cure = "start it, correct LANDFALL_REDIS_URL, or leave it out for the embedded one"
        yield error("redis", f"{where} does not answer ({type(problem).__name__})", cure)
        return
    finally:
        redis.close()
    version = str(told.get("redis_version", ""))
    if version and tuple(map(int, version.split(".")[:2])) < _OLDEST:
        yield error("redis", f"{where} is version {version}", f"use Redis {'.'.join(map(str, _OLDEST))} or later")
    else:
        yield ok("redis", f"{where} answers" + (f", version {version}" if version else ""))
    yield from _keeping(told)


def _told(redis: Redis) -> dict[str, Any]:
    """What it says of itself, as far as it may be asked."""
    told: dict[str, Any] = {}
    for question in (("INFO",), ("CONFIG GET", "save")):
        with suppress(RedisError):
            told |= redis.execute_command(*question)  # type: ignore[no-untyped-call] # redis-py has no types for it
    return told


def _keeping(told: dict[str, Any]) -> Iterator[Finding]:
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found = f"maxmemory-policy is {policy}: once full it throws messages away, which costs seconds each"
        yield warning("redis", found, "set maxmemory-policy noeviction")
    if told.get("aof_enabled") == 0 and told.get("save") == "":
        found = "it keeps nothing on its disk: when it restarts, each message costs seconds"
        yield warning("redis", found, "set appendonly yes")


def _embedded(installation: Installation) -> Finding:
    home = installation.settings.home
    redis = EmbeddedRedis(home)
    if redis.alive():
        return ok("redis", f"the embedded one answers at {redis.socket}")
    try:
        program = find_program()
    except SettingsError as problem:
        return wrong_setting("redis", problem)
    if running_url(home):
        cure = f"look at {redis.folder / 'redis.log'}, then start `landfall up` again"
        return error("redis", "`landfall up` runs, but the embedded Redis does not answer", cure)
    return ok("redis", f"the embedded one can start ({program})")


def _shown(url: str) -> str:
    """The address without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
