"""Routes requests to both vendors, the file host and the control calls."""

from typing import TextIO

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox import control
from sandbox.answers import witnessed
from sandbox.buy_with_prime import graphql
from sandbox.downloads import download
from sandbox.front_page import front_page
from sandbox.intelligems import export
from sandbox.settings import Settings
from sandbox.token_endpoint import token
from sandbox.world import World

INTELLIGEMS_PATH = "/intelligems/v25-10-beta"
BUY_WITH_PRIME_PATH = "/buywithprime"
CONTROL_PATH = "/_sandbox"


def make_app(settings: Settings, base_url: str, log: TextIO | None) -> Starlette:
    """Return the application that answers at ``base_url``."""
    export_path = INTELLIGEMS_PATH + "/analytics/experience/{experience_id}/export"
    app = Starlette(
        routes=[
            Route("/", front_page),
            Route(export_path, witnessed("intelligems", export), methods=["POST"]),
            Route(BUY_WITH_PRIME_PATH + "/token", witnessed("buy_with_prime", token), methods=["POST"]),
            Route(BUY_WITH_PRIME_PATH + "/graphql", witnessed("buy_with_prime", graphql), methods=["POST"]),
            Route("/files/{key}.csv", witnessed(None, download), methods=["GET", "HEAD"]),
            Route(CONTROL_PATH + "/stats", control.stats),
            Route(CONTROL_PATH + "/reports", control.reports),
            Route(CONTROL_PATH + "/reset", control.reset, methods=["POST"]),
            Route(CONTROL_PATH + "/faults", control.add_fault, methods=["POST"]),
            Route(CONTROL_PATH + "/faults", control.list_faults, methods=["GET"]),
            Route(CONTROL_PATH + "/faults", control.remove_faults, methods=["DELETE"]),
        ]
    )
    app.state.base_url = base_url
    app.state.new_world = lambda: World(settings, log)
    app.state.world = app.state.new_world()
    return app
