"""Sets up structured logging; nothing secret gets through."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_KEYS = re.compile(r"(?i)authorization|token|secret|password|api[-_]?key|signature|credential|cookie")
_SECRET_SHAPES = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [redacted]"),
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+"), r"\1?[redacted]"),
    (re.compile(r"(?i)(intelligems-access-token[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"), r"\1[redacted]"),
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), r"\1:[redacted]@"),
)
_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "arq": logging.WARNING,
    "arq.worker": logging.ERROR,
    "uvicorn.access": logging.WARNING,
}


def redact(text: str) -> str:
    """The text without bearer tokens, URL queries and passwords in URLs."""
    for shape, replacement in _SECRET_SHAPES:
        text = shape.sub(replacement, text)
    return text


def redact_event(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Redact by the name of a key and by the shape of its value: a structlog processor."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever a caller logs
    match value:
        case None | bool() | int() | float():
            return value
        case _ if _SECRET_KEYS.search(key):
            return "[redacted]"
        case dict():
            return {name: _redacted(str(name), each) for name, each in value.items()}
        case list() | tuple() | set():
            return [_redacted(key, each) for each in value]
        case _:
            return redact(str(value))


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
    renderer: Processor = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(root.level, least))


def get_logger(name: str) -> Any:  # noqa: ANN401 - structlog's lazy proxy has no narrower type
    """A logger whose lines name the module that wrote them."""
    return structlog.stdlib.get_logger(name)
