"""Sets up structured logging; nothing secret gets through."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from landfall.redaction import MARK, names_a_secret, redact

_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "arq": logging.WARNING,
    "arq.worker": logging.ERROR,
    "uvicorn.access": logging.WARNING,
}
# A terminal would obey them: a path that somebody asks for may hold any. JSON has escapes of its own.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# uvicorn hands its colours along as a field.
_NOT_FOR_THE_LOG = frozenset({"color_message"})
_OF_MANY_LINES = frozenset({"exception", "stack"})
_BREAKS = re.compile("[\t\n]")


def redact_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Redact by the name of a key and by the shape of its value: a structlog processor."""
    return {key: _redacted(key, value) for key, value in event.items() if key not in _NOT_FOR_THE_LOG}


def _redacted(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever a caller logs
    match value:
        case None | bool() | float():
            return value
        case int():
            return int(value)  # an IntEnum, such as HTTPStatus, is told by its number
        case _ if names_a_secret(key):
            return MARK
        case dict():
            return {name: _redacted(str(name), each) for name, each in value.items()}
        case list() | tuple() | set():
            return [_redacted(key, each) for each in value]
        case _:
            return redact(str(value))


def escape_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Write out what a terminal would obey: a structlog processor."""
    return {key: _escaped(key, value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(key: str, text: str) -> str:
    text = _CONTROL.sub(_as_escape, text)
    return text if key in _OF_MANY_LINES else _BREAKS.sub(_as_escape, text)


def _as_escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def set_up_logging(level: str, form: str) -> None:
    """Log to stderr: JSON lines, or text where `form` is "text" or stderr is a terminal and `form` is "auto"."""
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        redact_event,
    ]
    renderers: list[Processor] = (
        [escape_event, structlog.dev.ConsoleRenderer()] if text else [structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        ),
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # No line tells of threads, processes and tasks: to find them out takes as long as to write the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(root.level, least))


def get_logger(name: str) -> Any:  # noqa: ANN401 - structlog's lazy proxy has no narrower type
    """A logger whose lines name the module that wrote them."""
    return structlog.stdlib.get_logger(name)
