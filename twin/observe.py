"""What a running lab tells whoever listens. Only the telling: recording and publishing are done elsewhere."""

from collections.abc import Sequence

from twin.items import Block, Case, Item


class Observer:
    """Hears everything that happens, in order; does nothing. Override what you need.

    Times are µs since 1970 UTC. `unit` is the index (from 0) of the bench, machine or person at that step. For slides,
    items are `Slides`: a block, and the indices of its slides that go together.
    """

    __slots__ = ()

    def case_received(self, case: Case, t: int) -> None:
        """A case came in with its specimens; its blocks and slides do not exist yet."""

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        """Work by hand began on an item."""

    def step_completed(self, work: Item, step: str, unit: int, t: int, children: Sequence[Item]) -> None:
        """Work by hand ended; `children` are the blocks or the slides it made."""

    def run_started(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """A loaded machine began its run."""

    def run_completed(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """A machine finished its run; its items stay inside until they are unloaded."""

    def run_unloaded(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """The items of a run are out and go on."""

    def machine_failed(self, machine: str, unit: int, t: int) -> None:
        """A machine broke down."""

    def machine_repaired(self, machine: str, unit: int, t: int) -> None:
        """A machine works again."""

    def work_requested(self, kind: str, block: Block, slides: int, t: int) -> None:
        """The pathologist asked for more slides of a block before reporting."""

    def case_assigned(self, case: Case, unit: int, t: int) -> None:
        """A pathologist took a case from the pool, for the first time."""

    def case_reported(self, case: Case, unit: int, t: int) -> None:
        """The report is written."""

    def case_authorised(self, case: Case, t: int) -> None:
        """The case is finished."""

    def case_lost(self, case: Case, t: int) -> None:
        """The case left unfinished: refused at a step that was full, or tired of waiting there."""
