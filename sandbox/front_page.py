"""Says on one plain-text page what the sandbox is and how to steer it."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from sandbox.addresses import base_url_for
from sandbox.fault_kinds import FAULT_KINDS


def _page(url: str) -> str:
    control = f"{url}/_sandbox"
    faults = "\n".join(f"  {name:<19} {kind.does}" for name, kind in FAULT_KINDS.items())
    return f"""\
The sandbox: a stand-in for Intelligems and Buy with Prime, on loopback.

  Intelligems     {url}/intelligems/v25-10-beta
                  access token: any string that begins with sandbox-
  Buy with Prime  {url}/buywithprime
                  client id: any string that begins with sandbox-; secret: the client id followed by -secret

What it has witnessed:
  curl {control}/stats
  curl {control}/reports

Forget everything:
  curl -X POST {control}/reset

Ask for a fault, list those that wait, drop them:
  curl -X POST {control}/faults -d '{{"fault": "throttle", "count": 2}}'
  curl -X POST {control}/faults -d '{{"fault": "server_error", "operation": "poll", "status": 503}}'
  curl {control}/faults
  curl -X DELETE {control}/faults

Faults (fields: fault, count, vendor, account, report, operation, after_bytes, seconds, status, bytes, body):
{faults}
"""


async def front_page(request: Request) -> PlainTextResponse:
    """Answer ``GET /``."""
    return PlainTextResponse(_page(base_url_for(request)))
