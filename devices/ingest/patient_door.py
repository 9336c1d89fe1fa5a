"""Offers a batch to the store until it is taken: back-off while the store is down, singling out what it trips over.

It holds no queue and no connection: order is kept because nothing else is offered meanwhile.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tracking.errors import StoreUnavailable
from tracking.offering import Incoming, Receipt

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_TRIES_BEFORE_SINGLING_OUT = 2
_TRIES_BEFORE_SHARING = 3
_MOST_IN_A_ROW = 3
"""Whoever trips over more messages than this, and takes none in between, is at fault itself."""
_SAY_EVERY = 60


class TakesBatches(Protocol):
    """The store's door: commits before it returns, raises ``StoreUnavailable`` when nothing was written."""

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store what is offered and say what became of each."""


class PatientDoor:
    """A door that is knocked at until it opens, or until ``stopping`` is set."""

    def __init__(self, door: TakesBatches, stopping: threading.Event, luck: random.Random) -> None:
        self._door, self._stopping, self._luck = door, stopping, luck
        self._was_shut = False
        self._tripped_in_a_row = 0
        self.trouble: str | None = None
        """What keeps the door shut, in a sentence; ``None`` while it is open."""
        self.is_shut = False
        """Whether the store is what keeps it shut, and no fault of ours."""
        self.taken = 0
        """How often something was taken."""

    def has_been_shut(self) -> bool:
        """Say whether the door was shut at any time since this was asked last."""
        was_shut, self._was_shut = self._was_shut, False
        return was_shut

    def take(self, offered: Sequence[Incoming]) -> list[Receipt] | None:
        """Return the receipts once everything is committed; ``None`` when told to stop before it was.

        What is too much for a slow store in the time it has is offered in smaller parts. A commit whose outcome nobody
        heard is offered again, and the store knows it for a duplicate.
        """
        receipts: list[Receipt] = []
        share, tries = len(offered), 0
        while not self._stopping.is_set():
            part = offered[len(receipts) : len(receipts) + share]
            try:
                taken = self._door.take(part)
            except StoreUnavailable as error:
                self.is_shut = True
                self._pause(tries, error)
                share = max(1, share // 2) if tries >= _TRIES_BEFORE_SHARING else share
            except Exception as error:  # a fault of ours must not stop every lab's stream
                self.is_shut = False
                self._pause(tries, error)
                if tries >= _TRIES_BEFORE_SINGLING_OUT and self._can_single_out(part):
                    singly = self._take_singly(offered[len(receipts) :])
                    return None if singly is None else receipts + singly
            else:
                self._note_open(part)
                receipts += taken
                if len(receipts) == len(offered):
                    return receipts
                share, tries = share * 2, _TRIES_BEFORE_SHARING  # where that is too much again, half of it at once
                continue
            tries += 1
        return None

    def _can_single_out(self, offered: Sequence[Incoming]) -> bool:
        """Tell whether one message can be to blame; a door that trips over all of them is offered the same again.

        Nothing is acknowledged then, and whoever watches over the process's life ends it, so that it is started anew.
        """
        return self._tripped_in_a_row < _MOST_IN_A_ROW and (len(offered) > 1 or offered[0].refusal is None)

    def _take_singly(self, offered: Sequence[Incoming]) -> list[Receipt] | None:
        """Store one by one; the one that the door still trips over goes to the rejected list with its bytes."""
        if len(offered) == 1:
            log.error("the door trips over a message on %s: it goes to the rejected list", offered[0].channel)
            self._tripped_in_a_row += 1
            return self.take([replace(offered[0], refusal="internal_error")])
        receipts: list[Receipt] = []
        for incoming in offered:
            one = self.take([incoming])
            if one is None:
                return None
            receipts.extend(one)
        return receipts

    def _note_open(self, offered: Sequence[Incoming]) -> None:
        if any(incoming.refusal is None for incoming in offered):
            self._tripped_in_a_row = 0
        self.taken += 1
        self.is_shut = False
        if self.trouble is not None:
            self.trouble = None
            log.info("the store takes events again")

    def _pause(self, tries: int, error: Exception) -> None:
        self._was_shut = True
        self.trouble = str(error) or type(error).__name__
        if tries % _SAY_EVERY == 0:
            log.error("the store takes nothing now (%s: %s); offering the same again", type(error).__name__, error)
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(tries, 10))
        self._stopping.wait(pause_s * self._luck.uniform(0.5, 1.0))
