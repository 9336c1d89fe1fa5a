"""What is wrong now, as pages and monitors are told it: found with the lookout's facts, cut to who may see it.

What may not go in: judging (``tracking.queries.troubles`` does), asking the database (the lookout does).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import orjson

from dashboard.api.lookout import Lookout
from tracking.access import Principal
from tracking.clock import Clock
from tracking.errors import StorageFull, StoreUnavailable
from tracking.queries.health import Vitals
from tracking.queries.troubles import Trouble, troubles
from tracking.queries.words import Answer, moment

WITHOUT_DATABASE = Trouble(
    "database_unreachable",
    "alarm",
    "The database does not answer: nothing can be stored or shown. Connectors keep their events until it does.",
)


def troubles_now(lookout: Lookout, clock: Clock) -> list[Trouble]:
    """Return everything that is wrong at this moment; a database that does not answer is the one thing then."""
    try:
        return troubles_seen(lookout, clock, lookout.vitals())
    except StoreUnavailable:
        return [WITHOUT_DATABASE]


def troubles_seen(lookout: Lookout, clock: Clock, seen: Vitals) -> list[Trouble]:
    """Return everything that is wrong by the facts at hand, and whether the database takes writes."""
    return [*_write_troubles(lookout), *troubles(seen, clock, lookout.room())]


def _write_troubles(lookout: Lookout) -> list[Trouble]:
    error = lookout.write_trouble()
    if error is None:
        return []
    if isinstance(error, StorageFull):
        return [Trouble("storage_full", "alarm", f"{error} Connectors keep their events until there is room again.")]
    return [Trouble("database_busy", "warning", f"The database takes no writes just now: {error}")]


def visible(found: Iterable[Trouble], principal: Principal | None) -> list[Trouble]:
    """Return what somebody may be told: what is wrong in their laboratories, and what belongs to none."""
    return [one for one in found if one.lab is None or (principal is not None and principal.may_see(one.lab))]


def entry(trouble: Trouble) -> Answer:
    """Return a trouble as it is sent."""
    return {
        "word": trouble.word, "severity": trouble.severity, "lab": trouble.lab, "source": trouble.source,
        "since": moment(trouble.since_us), "sentence": trouble.sentence,
    }  # fmt: skip


class TroubleWatch:
    """The troubles of this moment for all readers of the stream: found once, serialised once for each scope."""

    def __init__(self, find: Callable[[], Sequence[Trouble]]) -> None:
        self._find = find
        self._guard = threading.Lock()
        self._found: Sequence[Trouble] | None = None
        self._told: dict[frozenset[str] | None, bytes] = {}

    @property
    def has_looked(self) -> bool:
        """Whether anything is known yet."""
        return self._found is not None

    def look(self) -> bool:
        """Find them anew; tell whether anything has changed. May take some seconds."""
        found = self._find()
        with self._guard:
            if found == self._found:
                return False
            self._found, self._told = found, {}
            return True

    def told(self, principal: Principal) -> bytes:
        """Return as JSON what a reader may be told; readers of equal scope share the bytes."""
        with self._guard:
            if principal.labs not in self._told:
                found = visible(self._found or (), principal)
                self._told[principal.labs] = orjson.dumps([entry(one) for one in found])
            return self._told[principal.labs]
