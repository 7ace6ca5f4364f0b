"""Finds a port of this machine that nobody uses."""

import socket


def free_port() -> int:
    """One that is free by now; somebody else may take it before it is listened on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
