"""Checks that each row of the log says what its own body says: a right link proves only that nobody changed it since.

Whoever may add to the log could link a row of his own. What the door makes of a body is known, so such a row must at
least be what the door would have made of it. Judges neither body nor projections.
"""

from __future__ import annotations

from tracking.decoding import Decoded
from tracking.store.checks.faults import Faults
from tracking.store.projector import Accepted
from tracking.store.rebuild import Logged

_NAMES = ("source", "id", "type", "time", "moment", "boot", "sequence", "digest")


class BodyCheck:
    """Hears every row of the log while it is projected."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __call__(self, row: Logged, decoded: Decoded, event: Accepted) -> None:
        """Note a row that says something else than its body."""
        own = decoded.event
        said = (
            own.source, own.id, own.type, decoded.time_us, event.act.time_us, own.boot, own.sequence, decoded.digest,
        )  # fmt: skip
        stored = (
            row.path, row.event_id, row.type, row.time_us, row.at_us, row.boot, row.sequence, bytes(row.digest or b""),
        )  # fmt: skip
        if said != stored:
            names = ", ".join(name for name, one, other in zip(_NAMES, said, stored, strict=True) if one != other)
            self._faults.add("body", f"Event {row.position} does not say what its own body says: {names}.")
