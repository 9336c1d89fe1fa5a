"""Named places where a fault test ends the process as a power cut would. In service nothing is armed and nothing ends.

``arm("after_commit", 3)`` ends the process at the third passage of that place. The settings hand the name in.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

KILL_POINTS = (
    "message_received",  # ingest has read a message, nothing else
    "batch_taken",  # the writer has a batch in hand
    "in_transaction",  # everything is written, nothing committed
    "after_commit",  # committed, and nobody has been told
    "after_pubacks",  # the broker has been told, the devices have not
    "after_answers",  # all have been told
    "outbox_appended",  # a connector's event is on its disk and was never sent
    "ack_heard",  # a connector knows that the store has it, and has not yet noted that
    "migration_in_transaction",
    "rebuild_in_transaction",
    "replayed",  # refused events are stored, and their rows do not say so yet
    "restore_in_transaction",  # a copy is filled in, nothing committed
    "copy_written",  # a backup is whole but has not got its name yet
)

_armed: str | None = None
_left = 0


def arm(point: str, passages: int = 1) -> None:
    """End this process when it passes ``point`` for the ``passages``-th time; raises ``ValueError`` for no such point.

    An empty name disarms.
    """
    global _armed, _left  # one process, one way to die
    if point and point not in KILL_POINTS:
        raise ValueError(f"{point!r} is no kill point: expected one of {', '.join(KILL_POINTS)}")
    _armed, _left = point or None, passages


def passing(point: str, first: Callable[[], None] | None = None) -> None:
    """Say that a place is passed; ``first`` is done before the end, where something must have left the process."""
    global _left  # noqa: PLW0603  # one process, one way to die
    if _armed is None or _armed != point:
        return
    _left -= 1
    if _left <= 0:
        if first is not None:
            first()
        os.kill(os.getpid(), signal.SIGKILL)
