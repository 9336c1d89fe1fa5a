"""What a gateway's instruments note beside histotwin: each attempt, and each event that ``publish`` said is kept.

The file is the storm's only witness of what was promised; histotwin never reads it. One record a line; a line without
its end mark was cut off by a kill and counts for nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from devices.outbox import Entry

_END = ";"


class Identity(NamedTuple):
    """What names an event for ever."""

    source: str
    event_id: str


class Note:
    """The writing side: one process at a time appends."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._handle, b"\n")  # after a line that was cut off

    def trying(self, first: int, count: int) -> None:
        """Note that events ``first`` and on are about to be published."""
        self._write([f"try {first} {count}"])

    def kept(self, first: int, identities: Sequence[tuple[Entry, str]]) -> None:
        """Note what ``publish`` returned: from here on each may not be lost. With each entry comes its event id."""
        self._write([
            f"kept {number} {entry.stream.source} {event_id} {hashlib.sha256(entry.body).hexdigest()}"
            for number, (entry, event_id) in enumerate(identities, start=first)
        ])  # fmt: skip

    def repeated(self, event_id: str) -> None:
        """Note that an old event was published once more."""
        self._write([f"again {event_id}"])

    def heard_duplicate(self, event_id: str) -> None:
        """Note that the store answered that it had an event already."""
        self._write([f"duplicate {event_id}"])

    def _write(self, lines: Sequence[str]) -> None:
        os.write(self._handle, "".join(f"{line} {_END}\n" for line in lines).encode())


@dataclass(slots=True)
class Ledger:
    """The reading side. ``kept`` has number and digest of every event promised; ``tried`` counts from 0."""

    path: Path
    kept: dict[Identity, tuple[int, str]] = field(default_factory=dict)
    tried: int = 0
    repeated: int = 0
    duplicates: int = 0
    _read_to: int = 0

    def refresh(self) -> None:
        """Read what has been written since."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.decode().splitlines():
            *words, end = line.split(" ")
            if end == _END:
                self._take(words)

    def _take(self, words: list[str]) -> None:
        match words:
            case ["try", first, count]:
                self.tried = int(first) + int(count)
            case ["kept", number, source, event_id, digest]:
                self.kept[Identity(source, event_id)] = (int(number), digest)
            case ["again", _]:
                self.repeated += 1
            case ["duplicate", _]:
                self.duplicates += 1
            case _:
                raise ValueError(f"{self.path} has a line that nobody wrote: {words}")
