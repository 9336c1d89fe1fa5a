"""When to send what of an outbox: new events at once, the oldest gap again with back-off. Pure: time is handed in.

Also what to ask of a store that may have been put back to an older copy, and what to send it again. Asking is sending
the last event of a stream once more: it is a duplicate or it is not, and either way the answer says how far the store
is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from devices.outbox.streams import Holding, Loss, Stream

__all__ = ["Loss", "Patience", "Resending", "Span", "Standing"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an acknowledgement may take before the oldest gap is sent again, and how far to run ahead of it.

    A broker that was killed lost what it had acknowledged; a slow store has not. So: only the oldest ``chunk`` again,
    waits doubling to ``longest_s`` and jittered, and at most ``ahead`` events under way in a stream. Who is asked for a
    gap answers within ``soon_s``. A store is asked about its streams one each ``spread_s``, and about all of them at
    most once in ``longest_s``.
    """

    first_s: float = 3.0
    longest_s: float = 60.0
    chunk: int = 20
    ahead: int = 1000
    soon_s: float = 1.0
    spread_s: float = 0.1


@dataclass(frozen=True, slots=True)
class Span:
    """Events to send now: up to ``most`` of a stream after ``after``.

    ``is_new`` where the last of them was never sent before, by no start: so who acknowledges it has just heard it.
    """

    stream: Stream
    after: int
    most: int
    is_new: bool = False


class Standing(Enum):
    """What an acknowledgement is to what was known of its stream."""

    FURTHER = auto()
    AS_KNOWN = auto()
    BACK = auto()


@dataclass(slots=True)
class _Line:
    """How far a stream is: covered ≤ sent ≤ last; ``mended`` is how far it was sent again, ``known`` how far it may
    ever have been sent, also by an earlier start.

    Up to ``covered`` nothing need be sent: the store has it, or it is lost. ``gap`` is what a store acknowledges that
    lacks what nobody can bring any more: it will acknowledge no more than that, whatever comes after. ``rewinds``: the
    store has gone back, so when due all beyond ``covered`` is sent like new, not chunk by chunk.
    """

    covered: int
    sent: int
    last: int
    known: int
    mended: int = 0
    attempts: int = 0
    due_s: float | None = None
    sent_again_s: float = -math.inf
    gap: int | None = None
    loss: Loss | None = None
    rewinds: bool = False

    @property
    def is_done(self) -> bool:
        return self.covered >= self.last and self.loss is None


@dataclass(slots=True)
class _Question:
    """A stream of which the store's standing is asked."""

    due_s: float
    attempts: int = 0


class Resending:
    """The ledger of a connector's streams. Not thread-safe: belongs to the thread that sends.

    What comes behind a gap that cannot be filled is confirmed event by event, because no acknowledgement passes it.
    """

    def __init__(self, luck: random.Random, patience: Patience | None = None) -> None:
        self._luck = luck
        self._patience = patience or Patience()
        self._lines: dict[Stream, _Line] = {}
        self._active: dict[Stream, _Line] = {}
        self._questions: dict[Stream, _Question] = {}
        self._may_ask_s = -math.inf
        self._untold: list[Loss] = []
        self._told: set[Loss] = set()

    def found(self, stream: Stream, covered: int, last: int) -> None:
        """Take note of what an earlier start left behind: what is beyond ``covered`` is to be sent."""
        self._note(stream, _Line(covered=covered, sent=covered, last=last, known=last))

    def appended(self, stream: Stream, sequence: int) -> None:
        """Take note of a new event."""
        line = self._lines.get(stream)
        if line is None:
            line = _Line(covered=sequence - 1, sent=sequence - 1, last=sequence, known=sequence - 1)
        line.last = max(line.last, sequence)
        self._note(stream, line)

    def streams_of(self, source: str) -> list[Stream]:
        """Return the streams of a device."""
        return [stream for stream in self._lines if stream.source == source]

    @property
    def is_waiting(self) -> bool:
        """Say whether anything is to be sent or acknowledged."""
        return bool(self._active)

    @property
    def is_asking(self) -> bool:
        """Say whether the store's standing is still asked of any stream."""
        return bool(self._questions)

    def acknowledged(self, stream: Stream, through: int, now_s: float) -> Standing:
        """Take note of an acknowledgement; after ``BACK`` the caller says with ``fell_back`` what is still held."""
        self._questions.pop(stream, None)
        line = self._lines.get(stream)
        if line is None:
            return Standing.AS_KNOWN
        if through > line.covered:
            self._go_on(stream, line, through, now_s)
            return Standing.FURTHER
        if through < line.covered and (line.gap is None or through < line.gap):
            return Standing.BACK
        if line.gap is not None:
            line.gap = through if through < line.covered else None
        self._asked_again(line, now_s)
        return Standing.AS_KNOWN

    def fell_back(self, stream: Stream, through: int, first: int, now_s: float) -> None:
        """Take note that the store has a stream only ``through`` a sequence; ``first`` is what is held of it here.

        All it lacks is sent again soon, unless another acknowledgement shows that this one was old.
        """
        line = self._lines[stream]
        line.covered = min(max(through, first - 1), line.last)
        is_lost = line.covered > through
        line.gap = through if is_lost else None
        line.loss = Loss(stream, through + 1, line.covered) if is_lost else None
        line.attempts, line.mended, line.rewinds = 0, 0, True
        line.due_s = now_s + self._soon_s()
        self._note(stream, line)

    def ask_all(self, held: Mapping[Stream, Holding], now_s: float) -> None:
        """Ask the store, which may have gone back, about all that is held; again only after a while."""
        start_s = max(now_s, self._may_ask_s)
        self._may_ask_s = start_s + self._patience.longest_s
        self.ask(held, start_s)

    def ask(self, held: Mapping[Stream, Holding], start_s: float) -> None:
        """Ask the store how far it has each of these streams, one after the other."""
        for number, stream in enumerate(stream for stream in held if self._can_ask(stream, held[stream])):
            self._lines[stream].gap = None  # what the store had behind a gap it may have no longer
            self._questions[stream] = _Question(start_s + number * self._patience.spread_s + self._soon_s())

    def cannot_ask(self, stream: Stream) -> None:
        """Take note that nothing of a stream is held any more."""
        self._questions.pop(stream, None)

    def behind_gap(self, source: str) -> list[tuple[Stream, int]]:
        """Return a device's streams that wait for a confirmation, each with the sequence before it."""
        return [(stream, line.covered) for stream, line in self._active.items()
                if stream.source == source and line.gap is not None]  # fmt: skip

    def confirmed(self, stream: Stream, sequence: int, now_s: float) -> None:
        """Take note that the store has the next event behind a gap; goes on mending after what was mended."""
        line = self._lines[stream]
        line.covered = sequence
        line.sent = max(line.sent, sequence)
        self._after_progress(stream, line, now_s, was_mended=sequence == line.mended)

    def losses(self) -> list[Loss]:
        """Return once what is lost; only where no other acknowledgement has set it right meanwhile."""
        untold, self._untold = self._untold, []
        return untold

    def to_send(self, now_s: float, room: int, *, is_idle: bool) -> list[Span]:
        """Return what to send now, at most ``room`` events; gaps only when ``is_idle`` (nothing is under way)."""
        spans: list[Span] = []
        for stream, line in list(self._active.items()):
            if room <= 0:
                break
            span = self._next_span(stream, line, now_s, room, is_idle=is_idle)
            if span is not None:
                spans.append(span)
                room -= span.most
        return spans + self._to_ask(now_s, room)

    def due_in_s(self, now_s: float) -> float | None:
        """Return the seconds until a gap or a question is due, ``None`` when none is."""
        due = [line.due_s for line in self._active.values() if line.due_s is not None]
        due += [question.due_s for question in self._questions.values()]
        return max(0.0, min(due) - now_s) if due else None

    def _note(self, stream: Stream, line: _Line) -> None:
        self._lines[stream] = line
        if line.is_done:
            self._active.pop(stream, None)
        else:
            self._active[stream] = line

    def _go_on(self, stream: Stream, line: _Line, through: int, now_s: float) -> None:
        line.covered = min(through, line.last)
        line.sent = max(line.sent, line.covered)
        line.gap = line.loss = None
        line.rewinds = False
        self._after_progress(stream, line, now_s, was_mended=line.attempts > 0 and line.covered == line.mended)

    def _after_progress(self, stream: Stream, line: _Line, now_s: float, *, was_mended: bool) -> None:
        """Go on mending at once where exactly what was sent again was missing; otherwise wait afresh."""
        line.attempts = 0
        waits = line.sent > line.covered
        line.due_s = (now_s if was_mended else now_s + self._wait_s(0)) if waits else None
        self._note(stream, line)

    def _asked_again(self, line: _Line, now_s: float) -> None:
        """Send the oldest gap soon. One question is worth one chunk, and only progress another before the usual wait.

        Behind a gap a chunk goes twice: the second time it is a duplicate, and confirmed as such.
        """
        most = 0 if line.gap is None else 1
        if line.sent <= line.covered or (line.attempts > most and now_s - line.sent_again_s < self._patience.first_s):
            return
        soon_s = now_s + self._soon_s()
        line.due_s = soon_s if line.due_s is None else min(line.due_s, soon_s)

    def _next_span(self, stream: Stream, line: _Line, now_s: float, room: int, *, is_idle: bool) -> Span | None:
        if is_idle and line.due_s is not None and now_s >= line.due_s:
            self._tell_loss(stream, line)
            if not line.rewinds:
                return self._again(stream, line, now_s, room)
            line.rewinds, line.sent, line.due_s = False, line.covered, None
        most = min(room, line.last - line.sent, line.covered + self._patience.ahead - line.sent)
        if most <= 0:
            return None
        span = Span(stream, line.sent, most, is_new=line.sent + most > line.known)
        line.sent += most
        line.known = max(line.known, line.sent)
        if line.due_s is None:
            line.due_s = now_s + self._wait_s(line.attempts)
        return span

    def _again(self, stream: Stream, line: _Line, now_s: float, room: int) -> Span | None:
        most = min(room, self._patience.chunk, line.sent - line.covered)
        if most <= 0:
            line.due_s = None
            return None
        line.attempts += 1
        line.mended = line.covered + most
        line.sent_again_s = now_s
        line.due_s = now_s + self._wait_s(line.attempts)
        return Span(stream, line.covered, most)

    def _tell_loss(self, stream: Stream, line: _Line) -> None:
        if line.loss is not None and line.loss not in self._told:
            self._told.add(line.loss)
            self._untold.append(line.loss)
        line.loss = None
        self._note(stream, line)

    def _can_ask(self, stream: Stream, held: Holding) -> bool:
        line = self._lines.get(stream)
        return line is not None and line.sent >= held.first and stream not in self._questions

    def _to_ask(self, now_s: float, room: int) -> list[Span]:
        due = [stream for stream, question in self._questions.items() if question.due_s <= now_s][: max(0, room)]
        for stream in due:
            question = self._questions[stream]
            question.attempts += 1
            question.due_s = now_s + self._wait_s(question.attempts)
        return [Span(stream, self._lines[stream].sent - 1, 1) for stream in due]

    def _wait_s(self, attempts: int) -> float:
        wait_s = min(self._patience.longest_s, self._patience.first_s * 2.0 ** min(attempts, 20))
        return wait_s * self._luck.uniform(0.75, 1.25)

    def _soon_s(self) -> float:
        return self._patience.soon_s * self._luck.uniform(0.1, 1.0)
