"""What a run records for its measures: finished cases, waits, work in progress. It publishes and judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from twin.items import Case, Item
from twin.observe import Observer


@dataclass(frozen=True, slots=True)
class Finish:
    """A finished case; times in µs since 1970 UTC. The lab's part ends when it first waits for a pathologist."""

    barcode: str
    priority: str
    received_us: int
    lab_done_us: int
    finished_us: int

    @property
    def turnaround_us(self) -> int:
        """From received to authorised."""
        return self.finished_us - self.received_us

    @property
    def lab_turnaround_us(self) -> int:
        """From received to ready for the pathologist."""
        return self.lab_done_us - self.received_us


class Recorder(Observer):
    """Keeps finishes, waits by step and the integral of work in progress since the last `restart`."""

    __slots__ = ("_lab_done_us", "_since", "_wip_us", "finishes", "received", "wait_count", "wait_us", "wip")

    def __init__(self, now_us: int, wip: int = 0) -> None:
        self.wip = wip
        self._lab_done_us: dict[str, int] = {}
        self.restart(now_us)

    def restart(self, now_us: int) -> None:
        """Forget all but the work in progress: the warm-up is over."""
        self._since = now_us
        self._wip_us = 0
        self.received = 0
        self.finishes: list[Finish] = []
        self.wait_us: dict[str, int] = {}
        self.wait_count: dict[str, int] = {}

    def wip_us(self, now_us: int) -> int:
        """Return the integral of cases in progress up to now, in case-microseconds."""
        return self._wip_us + self.wip * (now_us - self._since)

    def case_received(self, case: Case, t: int) -> None:
        """Count a case in."""
        del case
        self._change(t, 1)
        self.received += 1

    def case_authorised(self, case: Case, t: int) -> None:
        """Count a case out."""
        self._change(t, -1)
        lab_done_us = self._lab_done_us.pop(case.barcode, t)
        self.finishes.append(Finish(case.barcode, case.priority, case.received_us, lab_done_us, t))

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        """Note how long an item waited for a pair of hands."""
        del unit
        if step == "reporting":
            self._lab_done_us.setdefault(work.barcode, work.arrived_us)
        self._waited(step, t - work.arrived_us, 1)

    def run_started(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """Note how long each item waited for the machine to start."""
        del machine, unit
        for item in items:
            self._waited(step, t - item.arrived_us, item.quantity)

    def _waited(self, step: str, wait: int, count: int) -> None:
        self.wait_us[step] = self.wait_us.get(step, 0) + wait * count
        self.wait_count[step] = self.wait_count.get(step, 0) + count

    def _change(self, t: int, by: int) -> None:
        self._wip_us += self.wip * (t - self._since)
        self._since = t
        self.wip += by
