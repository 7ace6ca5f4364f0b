"""Puts the API together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from redis.asyncio import Redis

from api import problems
from api.routes import accounts, exports, files, health
from api.services import Services
from landfall import __version__
from landfall.database import accounts as accounts_table
from landfall.database.opening import open_database
from landfall.database.revision import require_head
from landfall.settings import Settings
from landfall.storage.store import open_store
from landfall.transport.wakeup import Bell
from landfall.vendors.account import Account
from landfall.vendors.catalog import VENDORS, limits_of, parse_accounts

_REDIS_SECONDS = 2.0
_REF = "#/components/schemas/{model}"
_DESCRIPTION = "Lands vendor exports: ask for a report, look how it stands, fetch the CSV."


def create_app(settings: Settings, redis_url: str) -> FastAPI:
    """The API over the database of the settings. Raises SettingsError where they are wrong."""
    configured = parse_accounts(settings.accounts)
    app = FastAPI(
        title="Landfall",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        redoc_url=None,
        lifespan=_lifespan(settings, redis_url, configured),
    )
    problems.install(app)
    for router in (exports.router, files.router, accounts.router, health.router):
        app.include_router(router)
    _explain_vendors(app)
    return app


def _lifespan(settings: Settings, redis_url: str, configured: Mapping[str, Account]) -> Any:  # noqa: ANN401 - FastAPI's own type is private
    @asynccontextmanager
    async def open_services(app: FastAPI) -> AsyncIterator[None]:
        store = open_store(settings.storage_url)
        redis = Redis.from_url(redis_url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS)
        async with open_database(settings) as database:
            await require_head(database)
            await database.write(lambda connection: accounts_table.register(connection, limits_of(configured)))
            app.state.services = Services(database, Bell(redis), configured, store)
            yield
            await redis.aclose()

    return open_services


def _explain_vendors(app: FastAPI) -> None:
    """Write each vendor's request schema into the OpenAPI document, where Submission refers to it."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        models = [(schemas.request, "validation") for schemas in VENDORS.values()]
        _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]  # its literal type is too narrow for a list
        document["components"]["schemas"] |= definitions["$defs"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
