"""Whether the store that acknowledges is the one we knew, and as far as it was. Pure; nothing is sent from here."""

from __future__ import annotations

from devices.outbox.streams import StoreSeen


class StoreSight:
    """The store as its acknowledgements show it.

    A copy that was put back has another identity, or, put back by other means, a lower head. Acknowledgements that a
    broker delivers twice can look the same: then streams are asked for nothing, which costs an event each.
    """

    def __init__(self, seen: StoreSeen | None) -> None:
        self.seen = seen

    def has_gone_back(self, seen: StoreSeen | None) -> bool:
        """Take note of the store in an acknowledgement; return whether it may lack what was stored before."""
        known = self.seen
        if seen is None:
            return False
        if known is None or seen.store != known.store:
            self.seen = seen
            return known is not None
        if seen.head is None:
            return False
        self.seen = seen
        return known.head is not None and seen.head < known.head


def is_another(seen: StoreSeen | None, noted: StoreSeen | None) -> bool:
    """Say whether a store is not the one that was noted, or not as far as that was."""
    if seen is None or noted is None:
        return seen is not noted and seen is not None
    return StoreSight(noted).has_gone_back(seen)
