"""Says what keeps the API from listening, and the cure."""

import errno
import os

from landfall.settings import SettingsError

_THE_PORT_S_FAULT = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})


def listening_refused(host: str, port: int, error: OSError | UnicodeError) -> SettingsError:
    """Tell which of api_host and api_port is at fault."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _THE_PORT_S_FAULT:
        cure = "stop what uses it or set LANDFALL_API_PORT"
        return SettingsError(f"api_port: {host}:{port} cannot be listened on ({os.strerror(number)}); {cure}.")
    # socket.create_server adds the address to the system's words; it stands in the sentence already.
    reason = str(error.strerror).partition(" (while")[0] if isinstance(error, OSError) else "not a host name"
    cure = "set LANDFALL_API_HOST to one, for example 127.0.0.1"
    return SettingsError(f"api_host: {host} is no address of this machine ({reason}); {cure}.")
