"""The node's log: one JSON object a line on standard error, and nothing in it that was not allowed.

Messages are written by this project and name no subject. Errors of other libraries may hold
anything, so of an exception only its type and place are kept, never its text.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

QUIET: Final = ("alembic", "httpcore", "httpx", "web3")
"""Libraries whose warnings only are kept; below that they repeat addresses."""

PLACES: Final = 3
"""Innermost places of an exception that are named."""


def configure_logging(stream: TextIO | None = None) -> None:
    """Send every log line of this process to one stream.

    Args:
        stream: Where lines go; standard error by default.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_texts_of_errors,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(ensure_ascii=False),
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def without_texts_of_errors(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an exception by its type and places; of asyncio's reports keep only that."""
    exc_info = line.pop("exc_info", None)
    line.pop("stack_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line.update(described(error))
    if line.get("logger") == "asyncio":
        line["event"] = "unhandled error in the event loop"
    return line


def described(error: BaseException) -> dict[str, str]:
    """Type and innermost places of an error."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    places = [f"{Path(one.filename).name}:{one.lineno}" for one in frames]
    return {"error_type": type(error).__name__, "places": " ".join(places)}
