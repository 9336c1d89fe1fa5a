"""Which networks, laboratories and devices there are: the network files, read and checked.

Holds what a lab *is* to tracking (its barcodes, devices, route, calendar, targets). What a lab *does*, its staff and
machines at work, is the model file that ``twin.lab`` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import holidays
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tracking.errors import InputMistakes, Mistake, NotFound
from tracking.events import Kind, Priority, StepName
from tracking.identifiers import Grammar, standard_grammar

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
ClockStart = Literal["collected", "received", "booked_in"]
ClockStop = Literal["reported", "authorised"]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceGroup(_File):
    """Devices of one kind at one station; a count of 4 makes ``microtome-1`` to ``microtome-4``."""

    name: Name
    kind: Literal[
        "reader", "bench", "microtome", "processor", "embedder", "stainer", "coverslipper", "scanner", "lims", "gateway"
    ]
    station: str
    step: StepName | None = None
    count: int = Field(default=1, ge=1, le=200)


class RouteStep(_File):
    """A step of the lab's route, and what passes through it."""

    step: StepName
    per: Kind
    label: str | None = None
    allowance_h: float | None = Field(default=None, gt=0, description="longest usual stay at the step, hours")


class Target(_File):
    """A turnaround target: ``percentile`` percent of the cases it includes within ``days``."""

    name: str
    percentile: float = Field(gt=0, le=100)
    days: float = Field(gt=0)
    clock: Literal["calendar", "working"] = "calendar"
    start: ClockStart = "received"
    stop: ClockStop = "authorised"
    priorities: tuple[Priority, ...] | None = None
    pathways: tuple[str, ...] | None = None
    specialties: tuple[str, ...] | None = None
    without_steps: tuple[StepName, ...] = Field(default=(), description="a case that had one of these is not counted")
    source: str | None = None


class Profile(_File):
    """What laboratories of one kind have in common."""

    model: str = Field(description="path of the lab model, relative to the data directory, e.g. labs/large.yaml")
    devices: tuple[DeviceGroup, ...]


class LabEntry(_File):
    """One laboratory of the network."""

    id: Name
    name: str
    ods: str | None = None
    profile: str
    cases_per_week: float = Field(gt=0)
    cases_source: str
    case_prefix: str | None = None
    barcodes: Grammar | None = None
    targets: tuple[Target, ...] | None = None
    route: tuple[RouteStep, ...] | None = None
    extra_devices: tuple[DeviceGroup, ...] = ()


class Grouping(_File):
    """A set of labs reported together; a lab may be in several."""

    id: Name
    name: str
    labs: tuple[Name, ...]


class NetworkFile(_File):
    """A network file as a user writes it; ``base`` names a file whose keys count where this one is silent."""

    base: str | None = None
    network: Name
    name: str
    synthetic: bool = False
    notes: str = ""
    sources: tuple[str, ...] = ()
    timezone: str = "Europe/London"
    country: str = "GB"
    subdivision: str | None = "ENG"
    route: tuple[RouteStep, ...]
    targets: tuple[Target, ...] = ()
    profiles: dict[str, Profile]
    labs: tuple[LabEntry, ...]
    groupings: tuple[Grouping, ...] = ()


OWN_DEVICE = "histotwin"
OWN_KIND = "system"


@dataclass(frozen=True, slots=True)
class Device:
    """One instrument or reader, named for ever by its source path."""

    source: str
    network: str
    lab: str
    name: str
    kind: str
    station: str
    step: str | None


@dataclass(frozen=True, eq=False)
class Lab:
    """One laboratory as tracking knows it."""

    id: str
    name: str
    ods: str | None
    network: str
    network_name: str
    synthetic: bool
    timezone: str
    country: str
    subdivision: str | None
    grammar: Grammar
    route: tuple[RouteStep, ...]
    targets: tuple[Target, ...]
    devices: Mapping[str, Device]
    model: str
    cases_per_week: float
    cases_source: str
    case_prefix: str

    def step_label(self, step: str) -> str:
        """Return the lab's own word for a step."""
        label = next((stop.label for stop in self.route if stop.step == step and stop.label), None)
        return label or step.replace("_", " ").capitalize()


@dataclass(frozen=True, eq=False)
class Registry:
    """Every network that is served, by lab and by device; ``devices`` holds each lab's own voice too."""

    labs: Mapping[str, Lab]
    devices: Mapping[str, Device]
    networks: Mapping[str, str]
    groupings: tuple[Grouping, ...] = ()

    def lab(self, lab_id: str) -> Lab:
        """Return a lab by id; raises ``NotFound``."""
        try:
            return self.labs[lab_id]
        except KeyError:
            raise NotFound(f"There is no laboratory {lab_id!r}.") from None


def load_registry(paths: Iterable[Path]) -> Registry:
    """Read network files; raises ``InputMistakes`` with every mistake of every file."""
    mistakes: list[Mistake] = []
    files = [read for path in paths if (read := _read_file(path, mistakes))]
    labs: dict[str, Lab] = {}
    groupings: list[Grouping] = []
    for path, network in files:
        mistakes.extend(_place_mistakes(path, network))
        if not network.labs:
            mistakes.append(Mistake(str(path), "labs", "[]", "at least one laboratory"))
        for entry in network.labs:
            mistakes.extend(_lab_mistakes(path, network, entry, labs))
            if not mistakes:
                labs[entry.id] = _build_lab(network, entry)
        groupings.extend(network.groupings)
    mistakes.extend(_prefix_mistakes(labs.values()))
    if mistakes:
        raise InputMistakes(mistakes)
    devices = {device.source: device for lab in labs.values() for device in (*lab.devices.values(), _own_device(lab))}
    return Registry(labs, devices, {network.network: network.name for _, network in files}, _merged(groupings))


def _own_device(lab: Lab) -> Device:
    """Return the device by which people at screens speak: it stands in no file and on no wire."""
    source = f"/{lab.network}/{lab.id}/{OWN_DEVICE}"
    return Device(source, lab.network, lab.id, OWN_DEVICE, OWN_KIND, "office", None)


def _merged(groupings: Iterable[Grouping]) -> tuple[Grouping, ...]:
    """Return one grouping an id: a grouping may span network files."""
    whole: dict[str, Grouping] = {}
    for part in groupings:
        labs = (*whole[part.id].labs, *part.labs) if part.id in whole else part.labs
        whole[part.id] = part.model_copy(update={"labs": tuple(dict.fromkeys(labs))})
    return tuple(whole.values())


def _read_file(path: Path, mistakes: list[Mistake]) -> tuple[Path, NetworkFile] | None:
    try:
        return path, NetworkFile.model_validate(_with_base(path, _read_yaml(path)))
    except ValidationError as error:
        mistakes.extend(_as_mistake(path, detail) for detail in error.errors())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mistakes.append(Mistake(str(path), "file", " ".join(str(error).split()), "a readable YAML network file"))
    return None


def _read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _with_base(path: Path, document: Any) -> Any:
    """Return the document with what it leaves out taken from the file it names as ``base``."""
    if not isinstance(document, dict) or not isinstance(document.get("base"), str):
        return document
    base = _read_yaml(path.parent / document["base"])
    return {**base, **document} if isinstance(base, dict) else document


def _as_mistake(path: Path, detail: Any) -> Mistake:
    field = ".".join(str(part) for part in detail["loc"]) or "file"
    return Mistake(str(path), field, str(detail.get("input"))[:80], detail["msg"])


def _lab_mistakes(path: Path, network: NetworkFile, entry: LabEntry, known: Mapping[str, Lab]) -> Iterable[Mistake]:
    here = f"labs.{entry.id}"
    if entry.profile not in network.profiles:
        yield Mistake(str(path), f"{here}.profile", entry.profile, f"one of {', '.join(network.profiles)}")
    if entry.id in known:
        yield Mistake(str(path), f"{here}.id", entry.id, f"an id not used in network {known[entry.id].network}")
    if entry.barcodes is None and entry.case_prefix is None:
        yield Mistake(str(path), here, entry.id, "case_prefix or barcodes")


def _place_mistakes(path: Path, network: NetworkFile) -> Iterable[Mistake]:
    if network.timezone not in available_timezones():
        yield Mistake(str(path), "timezone", network.timezone, "an IANA time zone such as Europe/London")
    try:
        holidays.country_holidays(network.country, subdiv=network.subdivision)
    except NotImplementedError as error:
        yield Mistake(str(path), "country", f"{network.country}, {network.subdivision}", str(error))
    own = {entry.id for entry in network.labs}
    for grouping in network.groupings:
        for lab in grouping.labs:
            if lab not in own:
                yield Mistake(str(path), f"groupings.{grouping.id}.labs", lab, "a laboratory of this file")


def _prefix_mistakes(labs: Iterable[Lab]) -> Iterable[Mistake]:
    seen: dict[str, str] = {}
    for lab in labs:
        if lab.case_prefix and lab.case_prefix in seen:
            yield Mistake(
                lab.network,
                f"labs.{lab.id}.case_prefix",
                lab.case_prefix,
                f"letters not used by {seen[lab.case_prefix]}",
            )
        seen[lab.case_prefix] = lab.id


def _build_lab(network: NetworkFile, entry: LabEntry) -> Lab:
    profile = network.profiles[entry.profile]
    devices = {
        device.name: device
        for group in (*profile.devices, *entry.extra_devices)
        for device in _expand(network.network, entry.id, group)
    }
    return Lab(
        id=entry.id, name=entry.name, ods=entry.ods, network=network.network, network_name=network.name,
        synthetic=network.synthetic, timezone=network.timezone, country=network.country,
        subdivision=network.subdivision, grammar=entry.barcodes or standard_grammar(entry.case_prefix or ""),
        route=entry.route or network.route, targets=network.targets if entry.targets is None else entry.targets,
        devices=devices, model=profile.model, cases_per_week=entry.cases_per_week, cases_source=entry.cases_source,
        case_prefix=entry.case_prefix or "",
    )  # fmt: skip


def _expand(network: str, lab: str, group: DeviceGroup) -> Iterable[Device]:
    for number in range(1, group.count + 1):
        name = f"{group.name}-{number}"
        yield Device(f"/{network}/{lab}/{name}", network, lab, name, group.kind, group.station, group.step)
