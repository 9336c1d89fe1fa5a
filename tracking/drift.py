"""Fields that events bear and this version's vocabulary does not have: counted by type, told once. Refuses nothing.

An instrument that was renewed before histotwin says more than is understood here. Its events are stored whole, so what
they say can be read later; that somebody should look is told by the log and by the counts.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from tracking.corrections import CLAIMS
from tracking.events import Event

MOST_FIELDS = 200
_KNOWN = frozenset({"dataschema", "traceparent", "tracestate", "partitionkey", *CLAIMS})
_log = logging.getLogger(__name__)


def unknown_fields(event: Event) -> Iterator[str]:
    """Yield the names of an event's fields that nobody here knows, those of ``data`` with its name before them.

    The attributes that CloudEvents and its extensions define are known, although nothing here asks for them, and so are
    those that the door itself writes.
    """
    if extra := event.model_extra:
        yield from (name for name in extra if name not in _KNOWN)
    if extra := event.data.model_extra:
        yield from (f"data.{name}" for name in extra)


class Drift:
    """How often each unknown field came since this process began, by (type, field); at most ``MOST_FIELDS`` kinds."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def note(self, event: Event) -> None:
        """Count an event's unknown fields; the first of a kind is told."""
        for field in unknown_fields(event):
            kind = event.type, field[:80]
            if kind not in self.counts:
                if len(self.counts) >= MOST_FIELDS:
                    continue
                _log.warning("%s sends %s, unknown here, with %s: kept.", event.source, ascii(kind[1]), event.type)
            self.counts[kind] += 1
