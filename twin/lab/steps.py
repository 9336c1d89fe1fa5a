"""What happens to items: the steps of the pathway by hand, in a machine or carried, and the rework asked for."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.distributions import Count, Duration, Unit
from twin.lab.base import LEAVE, WEEKDAYS, ClockTime, Condition, Day, Level, Name, Part, Probability, Share
from twin.lab.ruled import Ruled

ServedAs = str
"""own, first, last, or a priority class of the file."""
_OWN = Ruled[ServedAs].model_validate("own")


class Handling(Part):
    """Work by hand at a machine: who, how long for the whole batch, and how urgent the request is."""

    staff: str
    duration: Duration
    served_as: ServedAs = "first"


class Slot(Part):
    """One start of a slotted machine, so long after the cycle begins, for at most so many."""

    at: Share
    size: int = Field(ge=1)


class Slots(Part):
    """Starts at fixed moments of the run, over and over every `cycle`, or once."""

    starts: tuple[Slot, ...] = Field(min_length=1)
    cycle: float | None = Field(default=None, gt=0)
    offset: Share = 0.0
    unit: Unit = "h"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        moments = [slot.at for slot in self.starts]
        if moments != sorted(set(moments)) or (self.cycle is not None and moments[-1] > self.cycle):
            raise ValueError("expected the starts in order, each once, none after the cycle's end")
        return self


class Close(Part):
    """What makes a batch ready, whichever comes first."""

    full: bool = True
    least: int | None = Field(default=None, ge=1)
    max_wait: Duration | None = None
    at: tuple[ClockTime, ...] = ()
    days: tuple[Day, ...] = WEEKDAYS
    slots: Slots | None = None

    @model_validator(mode="after")
    def _never_starves(self) -> Self:
        if not (self.full or self.least or self.max_wait or self.at or self.slots):
            raise ValueError("a batch needs at least one rule that closes it")
        return self


class Programme(Part):
    """One way to run a machine; the first programme whose `when` fits an item takes it."""

    name: Name = "standard"
    when: Condition = {}
    machine: str | None = None
    load: Handling | None = None
    unload: Handling | None = None
    attended: bool | None = None
    size: int = Field(ge=1)
    close: Close = Close()
    top_up: bool = True
    run: Duration
    served_as: ServedAs | None = None
    by_hand_after: Duration | None = None


class Batch(Part):
    """A step done many at a time in a machine; the machine stays taken until somebody has unloaded it."""

    machine: str | None = None
    load: Handling | None = None
    unload: Handling | None = None
    attended: bool = False
    programmes: tuple[Programme, ...] = Field(min_length=1)

    def machine_of(self, programme: Programme) -> str:
        """Return the machine group that a programme runs on; empty when neither names one."""
        return programme.machine or self.machine or ""

    def load_of(self, programme: Programme) -> Handling | None:
        """Return how a programme is loaded."""
        return programme.load or self.load

    def unload_of(self, programme: Programme) -> Handling | None:
        """Return how a programme is unloaded."""
        return programme.unload or self.unload

    def is_attended(self, programme: Programme) -> bool:
        """Tell whether the loader stays with a programme."""
        return self.attended if programme.attended is None else programme.attended


class Transport(Part):
    """A step on somebody's feet or wheels: items wait until enough are there, or for the timetable."""

    staff: str | None = None
    carriers: int = Field(default=1, ge=1)
    size: int | None = Field(default=None, ge=1)
    max_wait: Duration | None = None
    at: tuple[ClockTime, ...] = ()
    days: tuple[Day, ...] = WEEKDAYS
    alone: Condition | None = None
    load: Duration | None = None
    there: Duration
    unload: Duration | None = None
    back: Duration | None = None
    served_as: ServedAs = "own"

    @model_validator(mode="after")
    def _never_starves(self) -> Self:
        if not (self.size or self.max_wait or self.at):
            raise ValueError("expected size, max_wait or at, or nothing would ever be carried")
        return self


class Turn(Part):
    """Where an item goes after a step, instead of on in order."""

    to: str
    probability: Probability = 1.0
    when: Condition = {}


class Step(Part):
    """One station of the pathway: by hand (`duration`), in a machine (`batch`) or carried (`transport`)."""

    name: Name
    per: Level
    when: Condition = {}
    probability: Probability = 1.0
    staff: Ruled[str] | None = None
    machine: str | None = None
    duration: Ruled[Duration] | None = None
    for_each: Literal["item", "block", "slide"] = "item"
    repeat_duration: Ruled[Duration] | None = None
    served_as: Ruled[ServedAs] = _OWN
    one_at_a_time: bool = False
    makes: Literal["block", "slide"] | None = None
    minimum_wait: Duration | None = None
    room: int | None = Field(default=None, ge=0)
    when_full: str = LEAVE
    patience: Duration | None = None
    when_impatient: str = LEAVE
    next: tuple[Turn, ...] = ()
    batch: Batch | None = None
    transport: Transport | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("duration", "batch", "transport") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError("expected exactly one of duration, batch and transport")
        if ways[0] != "duration":
            self._refuse_hand_keys(ways[0])
        return self

    def _refuse_hand_keys(self, way: str) -> None:
        by_hand = ("staff", "machine", "repeat_duration", "one_at_a_time", "makes", "minimum_wait", "room", "patience")
        given = [name for name in by_hand if getattr(self, name) not in (None, False)]
        if given:
            raise ValueError(f"{', '.join(given)}: for a step by hand; a {way} says its own")

    @property
    def hand_staff(self) -> tuple[str, ...]:
        """The groups or skills that may do this step by hand."""
        return () if self.staff is None else tuple(self.staff.values())


class Rework(Part):
    """More work asked for by the pathologist: drawn at each look, one block returns for so many new slides."""

    kind: Literal["recut", "levels", "special_stain", "ihc", "re_embed"]
    probability: Probability
    return_to: str = "microtomy"
    slides: Count


class Initial(Part):
    """So many items at a step when the run starts, each in a case of its own, waiting or being worked on."""

    step: str
    count: int = Field(default=1, ge=1)
    priority: str | None = None
    attributes: dict[Name, str] = {}
    waited_h: Annotated[float, Field(ge=0)] = 0.0
    in_hand_h: Annotated[float, Field(ge=0)] | None = None
