"""Asks a vendor, by the cheapest call there is, whether it accepts the credentials of an account."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from landfall.exports.errors import AnswerLost, CredentialsRefused, ExportError, VendorUnreachable
from landfall.settings import SecretRef
from landfall.vendors.account import Account
from landfall.vendors.clients import connect
from landfall.vendors.vendor import ChecksCredentials

LONGEST_SECONDS = 8.0
# Two calls, a token and a question, have to fit.
_CALL_SECONDS = 4.0


class Outcome(StrEnum):
    """What became of the question."""

    GOOD = "good"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, in a sentence, and the cure where there is something to cure."""

    outcome: Outcome
    found: str
    cure: str = ""


async def check_credentials(name: str, account: Account) -> Verdict:
    """Ask within LONGEST_SECONDS; nothing is started at the vendor. Raises SettingsError where a secret is missing."""
    client = connect(name, account.model_copy(update={"request_timeout": _CALL_SECONDS}))
    try:
        if not isinstance(client, ChecksCredentials):
            return Verdict(
                Outcome.UNKNOWN,
                f"{account.vendor} has no call that only tells whether it accepts the credentials",
                f"submit an export to {name}; it tells",
            )
        async with asyncio.timeout(LONGEST_SECONDS):
            await client.check_credentials()
    except CredentialsRefused as error:
        return Verdict(Outcome.REFUSED, str(error), _renew(name, account))
    except (VendorUnreachable, AnswerLost) as error:
        return Verdict(Outcome.UNREACHABLE, str(error), _look_at_address(name, account))
    except TimeoutError:
        return Verdict(Outcome.UNREACHABLE, "the vendor did not answer in time", _look_at_address(name, account))
    except ExportError as error:
        cure = f"check accounts.{name}.base_url ({account.base_url}), or try again in a while"
        return Verdict(Outcome.UNKNOWN, str(error), cure)
    finally:
        await client.aclose()
    return Verdict(Outcome.GOOD, f"{account.vendor} accepts the credentials")


def _renew(name: str, account: Account) -> str:
    """Say where each of the account's credentials comes from."""
    found = ((field, getattr(account, field)) for field in type(account).model_fields)
    sources = [
        f"{field} ({'the variable ' + value.env if value.env else f'the file {value.file}'})"
        for field, value in found
        if isinstance(value, SecretRef)
    ]
    return f"correct {', '.join(sources) or 'the credentials'} of accounts.{name}, then restart the worker"


def _look_at_address(name: str, account: Account) -> str:
    return f"check the network and accounts.{name}.base_url ({account.base_url}), then try again"
