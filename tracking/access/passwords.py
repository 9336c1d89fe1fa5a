"""Passwords to hashes and back to yes or no: Argon2id only. Stores nothing and knows no people.

Parameters exceed OWASP's minimum for Argon2id (19 MiB, t=2, p=1): 64 MiB, t=5, p=1 takes about 0.2 s of one core.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tracking.errors import Refusal

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256


class Passwords:
    """Hashes and checks passwords; ``memory_kib`` and ``rounds`` are lowered only by tests."""

    def __init__(self, memory_kib: int = 65_536, rounds: int = 5) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return the hash to store; raises ``Refusal('weak_password')`` outside 12 to 256 characters."""
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise Refusal("weak_password", f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
        return self._hasher.hash(password)

    def fits(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is the one stored; takes as long when nothing is stored."""
        try:
            right = self._hasher.verify(stored or self._nobody, password[:LONGEST_PASSWORD])
        except (Argon2Error, InvalidHashError):
            return False
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)
