"""When to send what of an outbox: new events at once, the oldest gap again with back-off. Pure: time is handed in."""

from __future__ import annotations

import random
from dataclasses import dataclass

from devices.outbox import Stream


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an acknowledgement may take before the oldest gap is sent again, and how far to run ahead of it.

    A broker that was killed lost what it had acknowledged; a slow store has not. So: only the oldest ``chunk`` again,
    waits doubling to ``longest_s`` and jittered, and at most ``ahead`` events under way in a stream.
    """

    first_s: float = 3.0
    longest_s: float = 60.0
    chunk: int = 20
    ahead: int = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """Events to send now: up to ``most`` of a stream after ``after``."""

    stream: Stream
    after: int
    most: int


@dataclass(slots=True)
class _Line:
    """How far a stream is: covered by the store ≤ sent ≤ last; ``mended`` is how far it was sent again."""

    covered: int
    sent: int
    last: int
    mended: int = 0
    attempts: int = 0
    due_s: float | None = None

    @property
    def is_done(self) -> bool:
        return self.covered >= self.last


@dataclass(frozen=True, slots=True)
class Loss:
    """What a restored store lacks of a stream although it was acknowledged, and so deleted here."""

    stream: Stream
    first: int
    last: int


@dataclass(slots=True)
class _Fallen:
    """A store put back to an older copy, as its acknowledgement shows; ``deleted`` is how far we had forgotten."""

    through: int
    deleted: int
    is_certain: bool = False
    is_told: bool = False


class Resending:
    """The ledger of a connector's streams. Not thread-safe: belongs to the thread that sends.

    A stream is *fallen* while it is acknowledged to less than was deleted here, as by a store restored from an older
    copy. No acknowledgement can pass that gap, so what comes after it is confirmed event by event.
    """

    def __init__(self, luck: random.Random, patience: Patience | None = None) -> None:
        self._luck = luck
        self._patience = patience or Patience()
        self._lines: dict[Stream, _Line] = {}
        self._fallen: dict[Stream, _Fallen] = {}

    def found(self, stream: Stream, first: int, last: int) -> None:
        """Take note of what an earlier start left behind: ``first`` to ``last`` are to be sent."""
        self._lines[stream] = _Line(covered=first - 1, sent=first - 1, last=last)

    def appended(self, stream: Stream, sequence: int) -> None:
        """Take note of a new event."""
        line = self._lines.get(stream)
        if line is None:
            self._lines[stream] = _Line(covered=sequence - 1, sent=sequence - 1, last=sequence)
        else:
            line.last = max(line.last, sequence)

    def acknowledged(self, stream: Stream, through: int, now_s: float) -> bool:
        """Take note of an acknowledgement; return whether it covers anything new."""
        line = self._lines.get(stream)
        if line is None:
            return False
        if through < line.covered:
            self._fall(stream, through, line.covered)
            return False
        self._fallen.pop(stream, None)
        if through == line.covered:
            return False
        line.covered = min(through, line.last)
        line.sent = max(line.sent, line.covered)
        self._after_progress(line, now_s)
        if line.is_done:
            del self._lines[stream]
        return True

    def fallen(self, source: str) -> list[tuple[Stream, int]]:
        """Return a device's fallen streams that wait for a confirmation, each with the sequence before it."""
        return [(stream, self._lines[stream].covered) for stream in self._fallen
                if stream.source == source and stream in self._lines]  # fmt: skip

    def confirmed(self, stream: Stream, sequence: int, now_s: float) -> None:
        """Take note that the store has the next event of a fallen stream; goes on mending after what was mended."""
        line = self._lines[stream]
        line.covered = sequence
        line.sent = max(line.sent, sequence)
        line.attempts = 0
        waits = line.sent > sequence
        line.due_s = (now_s if sequence == line.mended else now_s + self._wait_s(line)) if waits else None
        if line.is_done:
            del self._lines[stream]

    def losses(self) -> list[Loss]:
        """Return once what is lost of fallen streams; only of those that sending again has not set right."""
        untold = [
            (stream, fallen) for stream, fallen in self._fallen.items() if fallen.is_certain and not fallen.is_told
        ]
        for _stream, fallen in untold:
            fallen.is_told = True
        return [Loss(stream, fallen.through + 1, fallen.deleted) for stream, fallen in untold]

    def to_send(self, now_s: float, room: int, *, is_idle: bool) -> list[Span]:
        """Return what to send now, at most ``room`` events; gaps only when ``is_idle`` (nothing is under way)."""
        spans: list[Span] = []
        for stream, line in self._lines.items():
            if room <= 0:
                break
            span = self._next_span(stream, line, now_s, room, is_idle=is_idle)
            if span is not None:
                spans.append(span)
                room -= span.most
        return spans

    def due_in_s(self, now_s: float) -> float | None:
        """Return the seconds until a gap is due, ``None`` when nothing waits for an acknowledgement."""
        due = [line.due_s for line in self._lines.values() if line.due_s is not None]
        return max(0.0, min(due) - now_s) if due else None

    def _fall(self, stream: Stream, through: int, deleted: int) -> None:
        known = self._fallen.get(stream)
        if known is None or through < known.through:
            self._fallen[stream] = _Fallen(through, deleted)

    def _next_span(self, stream: Stream, line: _Line, now_s: float, room: int, *, is_idle: bool) -> Span | None:
        if is_idle and line.due_s is not None and now_s >= line.due_s:
            return self._again(stream, line, now_s, room)
        most = min(room, line.last - line.sent, line.covered + self._patience.ahead - line.sent)
        if most <= 0:
            return None
        span = Span(stream, line.sent, most)
        line.sent += most
        if line.due_s is None:
            line.due_s = now_s + self._wait_s(line)
        return span

    def _again(self, stream: Stream, line: _Line, now_s: float, room: int) -> Span:
        most = min(room, self._patience.chunk, line.sent - line.covered)
        line.attempts += 1
        line.mended = line.covered + most
        if stream in self._fallen:
            self._fallen[stream].is_certain = True  # an old acknowledgement that came twice is put right sooner
        line.due_s = now_s + self._wait_s(line)
        return Span(stream, line.covered, most)

    def _after_progress(self, line: _Line, now_s: float) -> None:
        """Go on mending at once where exactly what was sent again was missing; otherwise wait afresh."""
        was_lost = line.attempts > 0 and line.covered == line.mended
        line.attempts = 0
        waits = line.sent > line.covered
        line.due_s = (now_s if was_lost else now_s + self._wait_s(line)) if waits else None

    def _wait_s(self, line: _Line) -> float:
        wait_s = min(self._patience.longest_s, self._patience.first_s * 2.0 ** min(line.attempts, 20))
        return wait_s * self._luck.uniform(0.75, 1.25)
