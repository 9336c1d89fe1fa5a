"""How long somebody waits after wrong passwords: per name and per address. Pure: time is handed in, nothing is stored.

The wait doubles from one second after the fifth failure to five minutes; an hour after the last one it is forgotten.
Nobody is locked out for good, because that would let anybody lock out anybody (NIST SP 800-63B §5.2.2 wants a limit).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FREE_FAILURES = 5
LONGEST_WAIT_S = 300.0
FORGOTTEN_AFTER_S = 3600.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float


class Delays:
    """Remembers failures in memory by key, for example ``name:anna`` or ``address:10.0.0.7``."""

    def __init__(self) -> None:
        self._failures: dict[str, _Failures] = {}

    def wait_s(self, keys: Iterable[str], now_s: float) -> float:
        """Return how many seconds must still pass before any of the keys may try again; 0 when none."""
        return max((self._wait_of(key, now_s) for key in keys), default=0.0)

    def failed(self, keys: Iterable[str], now_s: float) -> None:
        """Note a wrong password under each key."""
        for key in keys:
            before = self._failures.pop(key, None)
            fresh = before is None or now_s - before.last_s > FORGOTTEN_AFTER_S
            self._failures[key] = _Failures(1 if fresh or before is None else before.count + 1, now_s)
        while len(self._failures) > MOST_REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, keys: Iterable[str]) -> None:
        """Forget the failures of each key."""
        for key in keys:
            self._failures.pop(key, None)

    def _wait_of(self, key: str, now_s: float) -> float:
        seen = self._failures.get(key)
        if seen is None or seen.count < FREE_FAILURES:
            return 0.0
        wait_s = min(2.0 ** (seen.count - FREE_FAILURES), LONGEST_WAIT_S)
        return max(seen.last_s + wait_s - now_s, 0.0)
