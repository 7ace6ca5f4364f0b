"""Offers Landfall to programs that await: what landfall_client.client offers, under the same names."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

import httpx

from landfall_client import procedures, steering, submitting, waiting
from landfall_client.asking import Answer, ask
from landfall_client.asking import request as json_request
from landfall_client.async_carrying import AsyncHttpxCarrier, new_async_http
from landfall_client.async_driving import AsyncDriver
from landfall_client.async_exports import AsyncBatch, AsyncConnection, AsyncExport
from landfall_client.effects import Request
from landfall_client.facts import Account, Event
from landfall_client.place import found_place
from landfall_client.submitting import Moment


class AsyncLandfall:
    """A Landfall at an address; a context manager, to be shared by the tasks of one event loop.

    `url`: LANDFALL_URL where it is not given, else http://127.0.0.1:8700. `key`: LANDFALL_API_KEY, else what stands in
    the file LANDFALL_API_KEY_FILE. `timeout`: seconds for each wait on the network. `patience`: seconds for which a call
    is tried again that got no answer, or 429 or 503. `http`: an httpx.AsyncClient of your own, which stays yours to close.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 10.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Connect with nobody yet. Raises WrongSettings."""
        self._place = found_place(url, key, timeout=timeout, patience=patience)
        self._http = http or new_async_http(timeout)
        self._is_ours = http is None
        self._driver = AsyncDriver(AsyncHttpxCarrier(self._place, self._http))
        self._connection = AsyncConnection(self._place, self._driver)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncLandfall({self.url!r})"

    @property
    def url(self) -> str:
        """The address."""
        return self._place.url

    async def close(self) -> None:
        """End the connections."""
        if self._is_ours:
            await self._http.aclose()

    async def submit(
        self,
        account: str,
        request: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        deadline: timedelta | str | None = None,
        callback_url: str | None = None,
        force: bool = False,
        reuse: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,  # noqa: ANN401 - any JSON value, a date or a moment
    ) -> AsyncExport:
        """Ask for an export; `fields` are the request's, beside or instead of `request`.

        The same request in flight is answered with that export: `force` makes another. `reuse` is content with a stored
        one. It is sent under `idempotency_key`, or one of its own, so that another try makes no second export. Raises
        Invalid, which names the field, and the other ApiErrors; Unreachable.
        """
        body = submitting.export_body(
            account,
            request,
            fields,
            priority=priority,
            labels=labels,
            deadline=deadline,
            callback_url=callback_url,
            force=force,
            reuse=reuse,
        )
        return self._connection.export((await self._ask(submitting.submission(body, idempotency_key))).body)

    async def submit_many(
        self,
        exports: Iterable[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncBatch:
        """Ask for up to 10 000 exports, all or none; each has `account`, `request` and what else `submit` takes."""
        body = submitting.listed(exports, labels, priority)
        return self._connection.batch((await self._ask(submitting.batch_submission(body, idempotency_key))).body)

    async def submit_windows(
        self,
        account: str,
        request: Mapping[str, Any] | None = None,
        *,
        begin: Moment,
        end: Moment,
        window: timedelta | str,
        time_zone: str | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        deadline: timedelta | str | None = None,
        callback_url: str | None = None,
        reuse: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,  # noqa: ANN401 - as `submit` takes them
    ) -> AsyncBatch:
        """Ask for one export of each window of a range, for example window="P1D"; the rest as `submit` has it."""
        each = submitting.export_body(
            account, request, fields, deadline=deadline, callback_url=callback_url, reuse=reuse
        )
        body = submitting.windows(
            each, begin=begin, end=end, window=window, time_zone=time_zone, labels=labels, priority=priority
        )
        return self._connection.batch((await self._ask(submitting.batch_submission(body, idempotency_key))).body)

    async def export(self, export_id: str) -> AsyncExport:
        """The export of this id as it stands. Raises NotFound."""
        return self._connection.export(await self._driver.run(steering.export(self._place, export_id)))

    async def exports(
        self,
        *,
        state: str | Sequence[str] | None = None,
        account: str | None = None,
        vendor: str | None = None,
        labels: Mapping[str, str] | None = None,
        batch: str | None = None,
        error: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[AsyncExport]:
        """All exports that the filters let through, newest first, `limit` at most; pages are asked for as they are needed."""
        query = procedures.export_query(
            state=state,
            account=account,
            vendor=vendor,
            labels=labels,
            batch=batch,
            error=error,
            since=since,
            until=until,
        )
        async for raw in self._driver.iterate(procedures.pages(self._place, "/v1/exports", query, limit)):
            yield self._connection.export(raw)

    async def as_completed(
        self,
        exports: Iterable[AsyncExport],
        timeout: float | None = None,  # noqa: ASYNC109 - the wait alone ends with it, and says so; what was asked for goes on
    ) -> AsyncIterator[AsyncExport]:
        """Each of the exports as it has ended, however it did: look at its `state`, or `check()` it.

        A look costs a list or two, however many they are. Raises WaitTimeout, Unreachable, ApiError.
        """
        raw = [export.raw for export in exports]
        async for ended in self._driver.iterate(waiting.many_ended(self._place, raw, timeout)):
            yield self._connection.export(ended)

    async def wait_all(
        self,
        exports: Iterable[AsyncExport],
        timeout: float | None = None,  # noqa: ASYNC109 - the wait alone ends with it, and says so; what was asked for goes on
    ) -> list[AsyncExport]:
        """The same exports in the same order, once all have ended, however they did."""
        asked = list(exports)
        ended = {export.id: export async for export in self.as_completed(asked, timeout)}
        return [ended[export.id] for export in asked]

    async def batch(self, batch_id: str) -> AsyncBatch:
        """The batch of this id as it stands. Raises NotFound."""
        return self._connection.batch(await self._driver.run(steering.batch(self._place, batch_id)))

    async def batches(self, *, limit: int | None = None) -> AsyncIterator[AsyncBatch]:
        """All batches, newest first, `limit` at most."""
        async for raw in self._driver.iterate(procedures.pages(self._place, "/v1/batches", {"limit": 100}, limit)):
            yield self._connection.batch(raw)

    def events(self, *, accounts: Sequence[str] = (), states: Sequence[str] = ()) -> AsyncIterator[Event]:
        """What happens to all exports from now on, for ever; a connection that breaks is taken up again."""
        return self._driver.iterate(procedures.all_events(self._place, accounts, states))

    async def accounts(self) -> list[Account]:
        """The vendor accounts: their slots, what waits for one, what holds each back."""
        return await self._driver.run(steering.accounts(self._place))

    async def pause(self, account: str) -> Account:
        """Have nothing started for the account; needs a key of scope admin."""
        return await self._driver.run(steering.pause(self._place, account))

    async def resume(self, account: str) -> Account:
        """Let the account go on; likewise."""
        return await self._driver.run(steering.pause(self._place, account, go_on=True))

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any call of the API's reference that is answered with JSON; has `status`, `headers`, `text` and `body`.

        Tried again where no answer came, if it is a GET, PUT or DELETE. Raises ApiError, Unreachable.
        """
        repeatable = method.upper() in {"GET", "PUT", "DELETE"}
        return await self._ask(json_request(method, path, query, body, headers=headers, repeatable=repeatable))

    async def _ask(self, asked: Request) -> Answer:
        return await self._driver.run(ask(self._place, asked))
