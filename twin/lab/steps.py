"""What happens to items: the steps of the pathway by hand, in a machine or carried, and the rework asked for."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.distributions import Count, Duration, Unit
from twin.lab.base import LEAVE, WEEKDAYS, ClockTime, Condition, Day, Level, Name, Part, Probability, Share, Work
from twin.lab.ruled import Ruled

ServedAs = str
"""own, first, last, or a priority class of the file."""
_OWN = Ruled[ServedAs].model_validate("own")


class Handling(Part):
    """Work by hand at a machine: who, how long for the whole batch, and how urgent the request is."""

    staff: str
    """A staff group or a skill."""
    duration: Duration
    """How long it takes for the whole batch."""
    served_as: ServedAs = "first"
    """How urgent: first (before all classes), last (after them), own (as the batch's most urgent item), or a class."""


class Slot(Part):
    """One start of a slotted machine, so long after the cycle begins, for at most so many."""

    at: Share
    """When it starts, counted from the beginning of the cycle."""
    size: int = Field(ge=1)
    """How many it takes at most."""


class Slots(Part):
    """Starts at fixed moments of the run, over and over every `cycle`, or once."""

    starts: tuple[Slot, ...] = Field(min_length=1)
    """The starts within one cycle, in order."""
    cycle: float | None = Field(default=None, gt=0)
    """How long a cycle is before it comes again; left out: there is only one."""
    offset: Share = 0.0
    """How long after the start of the run the first cycle begins."""
    unit: Unit = "h"
    """The unit of all three: s, min, h or d."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        moments = [slot.at for slot in self.starts]
        if moments != sorted(set(moments)) or (self.cycle is not None and moments[-1] > self.cycle):
            raise ValueError("expected the starts in order, each once, none after the cycle's end")
        return self


class Close(Part):
    """What makes a batch ready, whichever comes first."""

    full: bool = True
    """Ready when it is full."""
    least: int | None = Field(default=None, ge=1)
    """Ready when it holds so many."""
    max_wait: Duration | None = None
    """Ready when its first item has waited so long."""
    at: tuple[ClockTime, ...] = ()
    """Ready at these local times, however few it holds."""
    days: tuple[Day, ...] = WEEKDAYS
    """The days of `at`; never a public holiday."""
    slots: Slots | None = None
    """Ready at fixed moments of the run, as many as the slot takes."""

    @model_validator(mode="after")
    def _never_starves(self) -> Self:
        if not (self.full or self.least or self.max_wait or self.at or self.slots):
            raise ValueError("a batch needs at least one rule that closes it")
        return self


class Programme(Part):
    """One way to run a machine; the first programme whose `when` fits an item takes it."""

    name: Name = "standard"
    """What it is called."""
    when: Condition = Field(default={})
    """The items it takes: attributes and the value, or values, that fit. The last programme takes everything."""
    machine: str | None = None
    """The machine group; left out: the batch's."""
    load: Handling | None = None
    """How it is loaded; left out: as the batch says."""
    unload: Handling | None = None
    """How it is unloaded; left out: as the batch says."""
    attended: bool | None = None
    """Whether the loader stays; left out: as the batch says."""
    size: int = Field(ge=1)
    """How many items go in together; of slides, how many slides."""
    close: Close = Close()
    """When a batch is ready; left out: when it is full."""
    top_up: bool = True
    """Whether a ready batch fills further until it is loaded."""
    run: Duration
    """How long the machine works, unattended unless `attended` says otherwise."""
    served_as: ServedAs | None = None
    """How urgent its loading and unloading are, over what those say."""
    by_hand_after: Duration | None = None
    """Work by hand on each piece after the run: the unloader does one after the other, and each goes on at once."""


class Batch(Part):
    """A step done many at a time in a machine; the machine stays taken until somebody has unloaded it."""

    machine: str | None = None
    """The machine group."""
    load: Handling | None = None
    """Who loads it and how long that takes; left out: it loads itself."""
    unload: Handling | None = None
    """Who unloads it and how long that takes; left out: it unloads itself."""
    attended: bool = False
    """Whether the loader stays through run and unloading."""
    programmes: tuple[Programme, ...] = Field(min_length=1)
    """The ways to run it; an item takes the first whose `when` fits."""

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
    """The staff group or skill that carries; left out: nobody, as with a van."""
    carriers: int = Field(default=1, ge=1)
    """How many can be on the way at once."""
    size: int | None = Field(default=None, ge=1)
    """Goes when so many are there."""
    max_wait: Duration | None = None
    """Goes when the first has waited so long."""
    at: tuple[ClockTime, ...] = ()
    """Goes at these local times with what is there."""
    days: tuple[Day, ...] = WEEKDAYS
    """The days of `at`; never a public holiday."""
    alone: Condition | None = None
    """What goes at once and alone, before all batches."""
    batches_line_up: bool = False
    """Whether a batch that gets ready while items that go alone wait lines up behind them, before later ones."""
    load: Duration | None = None
    """Picking up; left out: no time."""
    there: Duration
    """The way there."""
    unload: Duration | None = None
    """Handing over; left out: no time. Then the items go on."""
    back: Duration | None = None
    """The way back, for which carrier and person are away too; left out: no time."""
    served_as: ServedAs = "own"
    """How urgent a batch's request for the person is; what goes alone asks as its own class."""

    @model_validator(mode="after")
    def _never_starves(self) -> Self:
        if not (self.size or self.max_wait or self.at):
            raise ValueError("expected size, max_wait or at, or nothing would ever be carried")
        return self


class Turn(Part):
    """Where an item goes after a step, instead of on in order."""

    to: str
    """A step, or out: the item leaves the lab."""
    probability: Probability = 1.0
    """How often, of the items that `when` fits."""
    when: Condition = Field(default={})
    """The items it is for; left out: all."""


class Step(Part):
    """One station of the pathway: by hand (`duration`), in a machine (`batch`) or carried (`transport`)."""

    name: Name
    """What it is called; each name once. Rework is asked for at `reporting`."""
    per: Level
    """What it works on."""
    when: Condition = Field(default={})
    """Who needs it: attributes and the value, or values, that fit; left out: all."""
    probability: Probability = 1.0
    """How often those need it, drawn once for each case or specimen; the blocks and slides of one share the answer."""
    staff: Ruled[str] | None = None
    """The staff group or skill that does it by hand; left out: nobody, it is a delay."""
    machine: str | None = None
    """The machine or bench it needs, taken together with the person."""
    duration: Ruled[Duration] | None = None
    """How long it takes by hand; or else `batch` or `transport`."""
    for_each: Literal["item", "block", "slide"] = "item"
    """What `duration` is for: the item, or each block or slide it has, drawn one by one and added up."""
    repeat_duration: Ruled[Duration] | None = None
    """How long a second or later look at a case takes; left out: as the first."""
    served_as: Ruled[ServedAs] = _OWN
    """How urgent: own (the case's class), first (before all classes), last (after them), or a class."""
    one_at_a_time: bool = False
    """Whether of the items cut from one parent only one is worked on at once."""
    makes: Literal["block", "slide"] | None = None
    """What it brings to light: a step per specimen makes its blocks, a step per block its slides."""
    minimum_wait: Duration | None = None
    """How long an item has to be there before it may be started, such as fixation."""
    room: int | None = Field(default=None, ge=0)
    """Places for those who wait; 0: none may wait; left out: endless."""
    when_full: str = LEAVE
    """What happens to one who finds no place: leave, wait_before (it holds up the step before), or a step's name."""
    patience: Duration | None = None
    """Who has waited so long without being started gives up; left out: nobody does."""
    when_impatient: str = LEAVE
    """Where those go who give up: leave, or a step's name."""
    next: tuple[Turn, ...] = ()
    """Where items go after it instead of on in order; those of no turn go on."""
    batch: Batch | None = None
    """How it is done many at a time in a machine."""
    transport: Transport | None = None
    """How items are carried."""

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

    kind: Work
    """What is asked for; the new slides carry it as the attribute `work`, others have `work: routine`."""
    probability: Probability
    """How often, at each look."""
    return_to: str = "microtomy"
    """The step that the block returns to."""
    slides: Count
    """How many new slides, at least one."""


class Initial(Part):
    """So many items at a step when the run starts, each in a case of its own, waiting or being worked on."""

    step: str
    """Where they are."""
    count: int = Field(default=1, ge=1)
    """How many items, each in a case of its own."""
    priority: str | None = None
    """Their class; left out: the last."""
    attributes: dict[Name, str] = Field(default={})
    """What is known of them; the rest is drawn."""
    waited_h: Annotated[float, Field(ge=0)] = 0.0
    """Hours they have waited there."""
    in_hand_h: Annotated[float, Field(ge=0)] | None = None
    """Hours they have been worked on; left out: they wait."""
