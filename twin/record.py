"""What a run remembers of its cases: when they came, were done by the lab and left. It judges nothing."""

from array import array

from twin.items import Case


class Record:
    """Cases finished since the last `restart`, in columns, and the integral of work in progress.

    `blocks` and `slides` were made since then. Times are µs since 1970 UTC; `lab_done_us` is when the lab's part ended.
    """

    __slots__ = (
        "_since_us", "_wip_us", "blocks", "empty_us", "finished_us", "kind", "lab_done_us", "lost_at_us",
        "lost_received_us", "number", "received", "received_us", "since_us", "slides", "wip",
    )  # fmt: skip

    def __init__(self, now_us: int) -> None:
        self.wip = 0
        self.empty_us: int | None = None
        self.restart(now_us)

    def restart(self, now_us: int) -> None:
        """Forget all but the work in progress: the warm-up is over."""
        self.since_us = self._since_us = now_us
        self._wip_us = 0
        self.received = self.blocks = self.slides = 0
        self.number = array("q")
        self.kind = array("l")
        self.received_us = array("q")
        self.lab_done_us = array("q")
        self.finished_us = array("q")
        self.lost_received_us = array("q")
        self.lost_at_us = array("q")

    @property
    def finished(self) -> int:
        """How many cases left with a report."""
        return len(self.finished_us)

    def wip_us(self, now_us: int) -> int:
        """Return the integral of cases in progress up to now, in case-microseconds."""
        return self._wip_us + self.wip * (now_us - self._since_us)

    def came(self, t: int) -> None:
        """Count a case in."""
        self._wip_us += self.wip * (t - self._since_us)
        self._since_us = t
        self.wip += 1
        self.received += 1

    def found(self, cases: int) -> None:
        """Count the cases that are there when the run starts."""
        self.wip += cases

    def left(self, case: Case, t: int) -> None:
        """Count a finished case out."""
        self._out(t)
        self.number.append(case.number)
        self.kind.append(case.kind)
        self.received_us.append(case.received_us)
        self.lab_done_us.append(t if case.lab_done_us is None else case.lab_done_us)
        self.finished_us.append(t)

    def gave_up(self, case: Case, t: int) -> None:
        """Count a case out that left unfinished, refused at a step or tired of waiting there."""
        self._out(t)
        self.lost_received_us.append(case.received_us)
        self.lost_at_us.append(t)

    def _out(self, t: int) -> None:
        self._wip_us += self.wip * (t - self._since_us)
        self._since_us = t
        self.wip -= 1
        if not self.wip and self.empty_us is None:
            self.empty_us = t
