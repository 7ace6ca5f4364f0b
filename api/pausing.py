"""Pauses accounts and resumes them."""

from functools import partial
from http import HTTPStatus

from api.auth import Caller
from api.problems import ProblemError
from api.services import Services
from landfall.database import steering
from landfall.log import get_logger

_log = get_logger(__name__)


async def pause(given: Services, caller: Caller, name: str) -> None:
    """Have no export of the account started until it is resumed. Raises ProblemError (404)."""
    _check_account(given, caller, name)
    if await given.database.write(partial(steering.pause, account=name, by=caller.name)):
        _log.info("account paused", account=name, key=caller.name)


async def resume(given: Services, caller: Caller, name: str) -> None:
    """Have the account's exports started again. Raises ProblemError (404)."""
    _check_account(given, caller, name)
    if await given.database.write(partial(steering.resume, account=name)):
        _log.info("account resumed", account=name, key=caller.name)
        given.wake_a_worker()


def _check_account(given: Services, caller: Caller, name: str) -> None:
    if name not in given.accounts or not caller.sees(name):
        raise ProblemError(HTTPStatus.NOT_FOUND, caller.no_account(name, given.accounts))
