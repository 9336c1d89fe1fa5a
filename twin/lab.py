"""What a lab is, as data: the schema of `data/labs/*.yaml`, its loading and its complaints. No behaviour lives here."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import holidays
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from twin.distributions import Count, Duration

Priority = Literal["urgent", "cancer", "routine"]
PRIORITIES: tuple[Priority, ...] = ("urgent", "cancer", "routine")
"""Classes of case in the order they are served."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS: tuple[Day, ...] = DAYS[:5]

Level = Literal["case", "specimen", "block", "slide"]
LEVELS: tuple[Level, ...] = ("case", "specimen", "block", "slide")
"""What a step works on, from coarse to fine."""

StepName = Literal[
    "reception", "cut_up", "decalcification", "processing", "embedding", "microtomy", "staining", "coverslipping",
    "labelling", "scanning", "quality_check", "assembly", "reporting", "authorisation",
]  # fmt: skip


def _minutes(value: object) -> object:
    """Read "17:30" as minutes since midnight; YAML 1.1 already reads an unquoted 17:30 as 1050."""
    if isinstance(value, str):
        hours, colon, minutes = value.partition(":")
        if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2 and int(minutes) < 60):
            raise ValueError("expected a local time such as 08:30")
        return int(hours) * 60 + int(minutes)
    return value


ClockTime = Annotated[
    int,
    Field(ge=0, le=24 * 60),
    BeforeValidator(_minutes),
    WithJsonSchema({"type": "string", "pattern": "^([01]?[0-9]|2[0-4]):[0-5][0-9]$"}),
]
"""A local wall-clock time, kept as minutes since midnight; 24:00 is the end of the day."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Holidays(_Part):
    """Public holidays by country and subdivision of the `holidays` library."""

    country: str = "GB"
    subdivision: str | None = "ENG"

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            holidays.country_holidays(self.country, subdiv=self.subdivision)
        except NotImplementedError as error:
            raise ValueError(str(error)) from error
        return self


class Profile(_Part):
    """When cases come: 24 relative hourly weights for each day, local time; a public holiday is like a Sunday."""

    mon: tuple[float, ...]
    tue: tuple[float, ...]
    wed: tuple[float, ...]
    thu: tuple[float, ...]
    fri: tuple[float, ...]
    sat: tuple[float, ...]
    sun: tuple[float, ...]

    @model_validator(mode="after")
    def _whole_week(self) -> Self:
        for day in DAYS:
            if len(self.hours(day)) != 24 or min(self.hours(day)) < 0:
                raise ValueError(f"{day} needs 24 weights, none negative")
        if self.total() <= 0:
            raise ValueError("the week needs at least one hour with a weight above zero")
        return self

    def hours(self, day: Day) -> tuple[float, ...]:
        """Return the 24 weights of a day."""
        hours: tuple[float, ...] = getattr(self, day)
        return hours

    def total(self) -> float:
        """Return the sum of the week's weights."""
        return sum(sum(self.hours(day)) for day in DAYS)


class Demand(_Part):
    """How much comes, when, how urgent, and what is in it."""

    cases_per_week: float = Field(ge=0)
    profile: Profile
    priorities: dict[Priority, Annotated[float, Field(ge=0)]] = Field(min_length=1)
    specimens_per_case: Count
    blocks_per_specimen: Count
    slides_per_block: Count

    @model_validator(mode="after")
    def _some_priority(self) -> Self:
        if sum(self.priorities.values()) <= 0:
            raise ValueError("priorities: the weights must not all be zero")
        return self


class Shift(_Part):
    """So many people present between two local times; past midnight when `to` is not after `from`."""

    days: tuple[Day, ...] = WEEKDAYS
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    people: int = Field(ge=1)
    holidays: bool = False


class Pause(_Part):
    """So many people away between two local times, or everybody when `people` is left out."""

    days: tuple[Day, ...] = DAYS
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    people: int | None = Field(default=None, ge=1)


class StaffGroup(_Part):
    """People who stand in for each other."""

    shifts: tuple[Shift, ...] = Field(min_length=1)
    pauses: tuple[Pause, ...] = ()


class Failures(_Part):
    """How often a machine breaks down, in calendar hours of a working machine, and how long it is away."""

    mean_hours_between: float = Field(gt=0)
    repair: Duration


class MachineGroup(_Part):
    """Machines or benches that stand in for each other."""

    count: int = Field(ge=1)
    failures: Failures | None = None


class Handling(_Part):
    """Work by hand at a machine: who, and how long for the whole batch."""

    staff: str
    duration: Duration


class Close(_Part):
    """What closes a batch: being full, its first item's waiting time, local clock times, or anything at all."""

    full: bool = True
    max_wait: Duration | None = None
    at: tuple[ClockTime, ...] = ()
    days: tuple[Day, ...] = WEEKDAYS
    any: bool = False

    @model_validator(mode="after")
    def _never_starves(self) -> Self:
        if not (self.full or self.max_wait or self.at or self.any):
            raise ValueError("a batch needs at least one rule that closes it")
        return self


class Programme(_Part):
    """One way to run a machine; the first programme whose priorities include the case takes it."""

    name: str = "standard"
    priorities: tuple[Priority, ...] = PRIORITIES
    size: int = Field(ge=1)
    close: Close = Close()
    top_up: bool = True
    run: Duration


class Batch(_Part):
    """A step done many at a time in a machine; the machine stays taken until somebody has unloaded it."""

    machine: str
    load: Handling | None = None
    unload: Handling | None = None
    attended: bool = False
    programmes: tuple[Programme, ...] = Field(min_length=1)


class Step(_Part):
    """One station of the pathway: by hand (`duration`) or by batch."""

    name: StepName
    per: Level
    staff: str | None = None
    machine: str | None = None
    duration: Duration | None = None
    repeat_duration: Duration | None = None
    batch: Batch | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    makes: Literal["block", "slide"] | None = None

    @model_validator(mode="after")
    def _by_hand_or_batch(self) -> Self:
        if (self.duration is None) == (self.batch is None):
            raise ValueError("give either duration or batch")
        if self.batch is not None and (self.staff or self.machine):
            raise ValueError("a batch names its staff under load and unload, its machine under batch")
        return self


class Rework(_Part):
    """More work asked for by the pathologist: drawn at each look, one block returns for so many new slides."""

    kind: Literal["recut", "levels", "special_stain", "ihc", "re_embed"]
    probability: float = Field(ge=0, le=1)
    return_to: StepName = "microtomy"
    slides: Count


class Lab(_Part):
    """A histology laboratory."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    synthetic: bool
    assumptions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    timezone: str = "Europe/London"
    holidays: Holidays = Holidays()
    accession_prefix: str = Field(default="S", pattern=r"^[A-Z0-9]{1,6}$")
    demand: Demand
    staff: dict[str, StaffGroup]
    machines: dict[str, MachineGroup] = {}
    steps: tuple[Step, ...] = Field(min_length=1)
    rework: tuple[Rework, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = tuple(_contradictions(self))
        if mistakes:
            raise _Contradictory(mistakes)
        return self

    def step_index(self, name: str) -> int:
        """Return the place of a step in the order; KeyError when the lab has no such step."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                return index
        raise KeyError(name)

    def with_load(self, cases_per_week: float) -> "Lab":
        """Return the same lab under another weekly load."""
        demand = self.demand.model_copy(update={"cases_per_week": cases_per_week})
        return self.model_copy(update={"demand": demand})


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a lab file."""

    path: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.path or '(file)'} = {_short(self.value)}: {self.expected}"


class LabFileError(ValueError):
    """A lab file that cannot be used, with everything that is wrong in it."""

    def __init__(self, file: str, mistakes: tuple[Mistake, ...]) -> None:
        self.file = file
        self.mistakes = mistakes
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"{file}: {len(mistakes)} mistake(s)\n{lines}")


class _Contradictory(ValueError):
    """Carries the mistakes that only the whole lab shows through pydantic."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        super().__init__("; ".join(map(str, mistakes)))


def load_lab(path: Path | str) -> Lab:
    """Read and check a lab file; raise `LabFileError` with every mistake when it cannot be used."""
    file = Path(path)
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LabFileError(str(file), (Mistake("", None, f"expected a readable YAML file: {error}"),)) from error
    try:
        return Lab.model_validate(raw)
    except ValidationError as error:
        raise LabFileError(str(file), tuple(_mistakes(error))) from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a lab file."""
    return Lab.model_json_schema(by_alias=True)


class _UniqueKeys(yaml.SafeLoader):
    """YAML without silent overwriting: a key twice in one mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.YAMLError(f"key {key.value!r} appears twice{key.start_mark}")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _mistakes(error: ValidationError) -> Iterator[Mistake]:
    for detail in error.errors():
        inner = detail.get("ctx", {}).get("error")
        if isinstance(inner, _Contradictory):
            yield from inner.mistakes
        else:
            yield Mistake(_dotted(detail["loc"]), detail["input"], detail["msg"].removeprefix("Value error, "))


def _dotted(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).lstrip(".")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _contradictions(lab: Lab) -> Iterator[Mistake]:
    if lab.timezone not in available_timezones():
        yield Mistake("timezone", lab.timezone, "expected a time zone of the IANA database such as Europe/London")
    else:
        ZoneInfo(lab.timezone)
    yield from _unknown_names(lab)
    yield from _route_mistakes(lab)
    yield from _rework_mistakes(lab)


def _unknown_names(lab: Lab) -> Iterator[Mistake]:
    for path, name in _staff_named(lab):
        if name not in lab.staff:
            yield Mistake(path, name, f"expected a staff group of this file: {', '.join(lab.staff)}")
    for path, name in _machines_named(lab):
        if name not in lab.machines:
            yield Mistake(path, name, f"expected a machine group of this file: {', '.join(lab.machines)}")


def _staff_named(lab: Lab) -> Iterator[tuple[str, str]]:
    for index, step in enumerate(lab.steps):
        if step.staff is not None:
            yield f"steps[{index}].staff", step.staff
        if step.batch and step.batch.load:
            yield f"steps[{index}].batch.load.staff", step.batch.load.staff
        if step.batch and step.batch.unload:
            yield f"steps[{index}].batch.unload.staff", step.batch.unload.staff


def _machines_named(lab: Lab) -> Iterator[tuple[str, str]]:
    for index, step in enumerate(lab.steps):
        if step.machine is not None:
            yield f"steps[{index}].machine", step.machine
        if step.batch:
            yield f"steps[{index}].batch.machine", step.batch.machine


def _route_mistakes(lab: Lab) -> Iterator[Mistake]:
    names = [step.name for step in lab.steps]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Mistake(f"steps[{index}].name", name, "expected each step once")
    if lab.steps[-1].per != "case":
        yield Mistake(f"steps[{len(names) - 1}].per", lab.steps[-1].per, "expected the last step to be per case")
    yield from _level_mistakes(lab)
    for index, step in enumerate(lab.steps):
        yield from _batch_mistakes(index, step)


def _level_mistakes(lab: Lab) -> Iterator[Mistake]:
    parents = {"block": "specimen", "slide": "block"}
    existing = {"case", "specimen"}
    for index, step in enumerate(lab.steps):
        path = f"steps[{index}]"
        if step.per not in existing:
            yield Mistake(f"{path}.per", step.per, f"no earlier step makes a {step.per}")
        if step.makes is None:
            continue
        if step.per != parents[step.makes]:
            yield Mistake(f"{path}.makes", step.makes, f"only a step per {parents[step.makes]} makes this")
        if step.makes in existing or step.probability < 1:
            yield Mistake(f"{path}.makes", step.makes, "expected one step, never left out, to make this")
        existing.add(step.makes)


def _batch_mistakes(index: int, step: Step) -> Iterator[Mistake]:
    if step.batch is None:
        return
    if step.makes:
        yield Mistake(f"steps[{index}].makes", step.makes, "a batch makes nothing")
    last = step.batch.programmes[-1].priorities
    if set(last) != set(PRIORITIES):
        path = f"steps[{index}].batch.programmes[{len(step.batch.programmes) - 1}].priorities"
        yield Mistake(path, last, "expected the last programme to take every priority")


def _rework_mistakes(lab: Lab) -> Iterator[Mistake]:
    steps = {step.name: step for step in lab.steps}
    if lab.rework and "reporting" not in steps:
        yield Mistake("rework", len(lab.rework), "expected a reporting step that can ask for it")
    elif lab.rework and steps["reporting"].per != "case":
        yield Mistake("rework", len(lab.rework), "expected reporting per case")
    for index, rule in enumerate(lab.rework):
        if rule.return_to not in steps or steps[rule.return_to].per != "block":
            yield Mistake(f"rework[{index}].return_to", rule.return_to, "expected a step per block of this lab")
    if sum(rule.probability for rule in lab.rework) >= 1:
        yield Mistake("rework", "probabilities", "expected their sum to stay below 1, or no case would ever end")
