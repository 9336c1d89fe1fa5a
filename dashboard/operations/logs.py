"""How every part writes its log: to standard error, text for people or JSON lines for collectors, always in UTC.

What is worth saying is for the part to know; it may not say a secret.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Literal

import orjson

from tracking.clock import SECOND_US, to_rfc3339

_QUIET = ("uvicorn.access", "httpx", "alembic")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def configure_logging(log_format: Literal["text", "json"], part: str) -> None:
    """Send what every logger of this process says to standard error, as ``part``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(part) if log_format == "json" else PlainLines(part))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``part``, ``logger``, ``message``, ``exception`` if there is one."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a log call that is itself wrong is written as it stands."""
        said = {
            "time": _moment(record), "level": record.levelname, "part": self._part, "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return orjson.dumps({name: _printable(text) for name, text in said.items()}).decode()


class PlainLines(logging.Formatter):
    """One line a message, whatever somebody's barcode has smuggled into it; an exception's lines follow."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, control and direction characters made visible."""
        message = _CONTROL.sub(lambda found: repr(found.group())[1:-1], record.getMessage())
        line = f"{_moment(record)} {record.levelname} {self._part} {record.name}: {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _moment(record: logging.LogRecord) -> str:
    return to_rfc3339(int(record.created * 1000) * (SECOND_US // 1000))


def _printable(text: str) -> str:
    """A lone surrogate, which no encoder takes, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
