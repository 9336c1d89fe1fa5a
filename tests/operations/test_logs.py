"""A log line is one line, in UTC, whatever a barcode has smuggled into the message."""

from __future__ import annotations

import json
import logging
import sys

from dashboard.operations.logs import JsonLines, PlainLines, configure_logging

HOSTILE = "scanned \r\nERROR all is lost \x1b[31m \u202e \ud800"


def record(message: str, *, failing: bool = False) -> logging.LogRecord:
    failure = None
    if failing:
        try:
            int("wrong")
        except ValueError:
            failure = sys.exc_info()
    made = logging.LogRecord("devices.ingest", logging.WARNING, __file__, 1, message, None, failure)
    made.created = 1_795_000_000.25
    return made


def test_a_json_line_says_when_who_and_what() -> None:
    line = JsonLines("ingest").format(record("two\nlines", failing=True))
    assert "\n" not in line
    said = json.loads(line)
    assert said.pop("exception").endswith("with base 10: 'wrong'")
    assert said == {
        "time": "2026-11-18T11:06:40.250Z", "level": "WARNING", "part": "ingest", "logger": "devices.ingest",
        "message": "two\nlines",
    }  # fmt: skip


def test_a_hostile_message_stays_on_its_line() -> None:
    assert json.loads(JsonLines("ingest").format(record(HOSTILE)))["message"].startswith("scanned \r\nERROR")
    plain = PlainLines("ingest").format(record(HOSTILE))
    assert plain.startswith("2026-11-18T11:06:40.250Z WARNING ingest devices.ingest: scanned \\r\\nERROR")
    assert not set(plain) & set("\r\n\x1b\u202e")


def test_a_part_logs_as_the_settings_say() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure_logging("json", "forecast")
        assert [type(handler.formatter) for handler in root.handlers] == [JsonLines]
        configure_logging("text", "forecast")
        assert [type(handler.formatter) for handler in root.handlers] == [PlainLines]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
