"""Puts the API together."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from redis.asyncio import Redis

from api import auth, cross_origin, error_handlers, metering, openapi
from api.cursors import Cursors
from api.doorman import Doorman
from api.envelope import Envelope
from api.feed import Feed
from api.gate import Gate
from api.keyring import Keyring
from api.logins import Logins
from api.pages.preview import Previews
from api.pages.routes import PAGES
from api.readiness import Readying
from api.routes import accounts, batches, events, explain, exports, files, health, keys, metrics, steering, webhooks
from api.scrape import Scrape
from api.services import Services
from api.submitting import Submitting
from landfall import __version__
from landfall.database import accounts as accounts_table
from landfall.database.cursor_key import cursor_key
from landfall.database.opening import open_database
from landfall.database.revision import require_head
from landfall.database.urls import is_postgres
from landfall.settings import Settings
from landfall.storage.store import open_store
from landfall.transport.wakeup import Bell
from landfall.vendors.account import Account
from landfall.vendors.catalog import limits_of, parse_accounts
from landfall.vendors.policies import policies_of
from landfall.webhooks import parse_webhooks

_REDIS_SECONDS = 2.0
# FastAPI's own tells a collector of queries, of what was sent and of stack traces; ours is landfall.tracing.
_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
_DESCRIPTION = "Lands vendor exports: ask for a report, look how it stands, fetch the CSV."


def create_app(settings: Settings, redis_url: str) -> FastAPI:
    """The API over the database of the settings. Raises SettingsError where they are wrong."""
    configured = parse_accounts(settings.accounts)
    app = FastAPI(
        title="Landfall",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
        lifespan=_lifespan(settings, redis_url, configured),
        telemetry=_NO_TELEMETRY,
    )
    # First, so that it is the innermost: what others add sees refusals too.
    doorman = app.state.doorman = Doorman(settings)
    app.add_middleware(Gate, doorman=doorman)
    error_handlers.install(app)
    for router in (
        exports.router,
        steering.router,
        events.router,
        explain.router,
        batches.router,
        files.router,
        accounts.router,
        health.router,
        keys.router,
        metrics.router,
        webhooks.router,
        *PAGES,
    ):
        app.include_router(router)
    auth.require_scopes(app)
    openapi.complete(app)
    cross_origin.install(app, settings.api_cors_origins)
    app.add_middleware(Envelope, settings=settings)
    # Last, so that it is the outermost: it counts refusals too.
    app.state.request_metrics = metering.install(app)
    return app


def _lifespan(settings: Settings, redis_url: str, configured: Mapping[str, Account]) -> Any:  # noqa: ANN401 - FastAPI's own type is private
    told = parse_webhooks(settings)

    @asynccontextmanager
    async def open_services(app: FastAPI) -> AsyncIterator[None]:
        store = open_store(settings.storage_url)
        redis = Redis.from_url(redis_url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS)
        async with open_database(settings) as database:
            await require_head(database)
            await database.write(lambda connection: accounts_table.register(connection, limits_of(configured)))
            cursors = Cursors(await database.write(cursor_key))
            submitting = Submitting(database, by_account=is_postgres(settings.database_url))
            app.state.services = Services(
                database,
                Bell(redis),
                configured,
                store,
                cursors,
                submitting,
                policies=policies_of(settings, configured),
                webhooks=told,
            )
            app.state.keyring = Keyring(database)
            app.state.logins = Logins(database)
            app.state.feed = Feed(database)
            app.state.previews = Previews(store)
            hasty = open_store(settings.storage_url, hasty=True)
            readying = Readying(database, redis, hasty, reserve_bytes=settings.storage_reserve_bytes)
            app.state.readying = readying
            app.state.scrape = Scrape(database, app.state.request_metrics, readying, configured.keys())
            yield
            await app.state.feed.aclose()
            await app.state.keyring.aclose()
            await app.state.logins.aclose()
            await redis.aclose()

    return open_services
