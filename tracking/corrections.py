"""What a person has said a wrong word of an event means, and how an event is put right by it. Pure: no database here.

A correction holds in one lab for one value of one field. It is looked at only after an event was refused, so that an
event that can be stored as it came is never rewritten. The same event is always put right in the same way: its stored
body names the corrections it owes itself to, and that attribute is left out of what tells events apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from tracking.decoding import boot_of, sequence_of
from tracking.errors import NotFound, Refusal
from tracking.events import SOURCE_PATTERN, STANDARD_STEPS, Event
from tracking.identifiers import LONGEST_BARCODE
from tracking.names import lab_of
from tracking.reasons import Reason
from tracking.registry import OWN_KIND, Lab, Registry

Document = dict[str, Any]
MARK = "correction"
GIVEN_SOURCE, GIVEN_BOOT, GIVEN_SEQUENCE = "givensource", "givenboot", "givensequence"
CLAIMS = (MARK, GIVEN_SOURCE, GIVEN_BOOT, GIVEN_SEQUENCE)
"""The attributes by which a stored event says that it was corrected; nobody but the door writes them."""
LONGEST_GIVEN = 512
_PATH = re.compile(SOURCE_PATTERN)
_ONE_BARCODE, _MANY_BARCODES = ("case", "parent", "on"), ("specimens", "children", "items", "missing")


class Field(StrEnum):
    """What of an event can be wrong in a way that a person can put right."""

    STEP = "step"
    SOURCE = "source"
    BARCODE = "barcode"
    STATION = "station"


HELPS: Mapping[str, tuple[Field, ...]] = {
    Reason.UNKNOWN_STEP: (Field.STEP,),
    Reason.UNKNOWN_DEVICE: (Field.SOURCE,),
    Reason.UNKNOWN_LAB: (Field.SOURCE,),
    Reason.UNREADABLE_BARCODE: (Field.BARCODE,),
    Reason.UNKNOWN_BARCODE: (Field.BARCODE,),
    Reason.NOT_A_CASE: (Field.BARCODE,),
    Reason.IMPOSSIBLE_PARENT: (Field.BARCODE,),
    Reason.INVALID_EVENT: (Field.SOURCE, Field.STEP, Field.STATION, Field.BARCODE),
}
"""Which fields a correction may change after which refusal; after all others none can help."""


@dataclass(frozen=True, slots=True)
class Correction:
    """In ``lab``, ``given`` in this field means ``meant``."""

    id: int
    lab: str
    field: Field
    given: str
    meant: str


IsNamed = Callable[[str, str], bool]
"""(lab, text) → whether the text names something there already, so that no correction may change it."""


class InForce:
    """The corrections that hold now, found by what was given."""

    def __init__(self, corrections: Iterable[Correction] = ()) -> None:
        self._by_given = {(_scope(one.field, one.lab), one.field, one.given): one for one in corrections}

    def __len__(self) -> int:
        return len(self._by_given)

    def meant(self, lab: str, field: Field, given: object) -> Correction | None:
        """Return the correction for a value, if there is one; a source is known by itself, whatever its lab."""
        return self._by_given.get((_scope(field, lab), field, given)) if isinstance(given, str) else None


def _scope(field: Field, lab: str) -> str:
    return "" if field is Field.SOURCE else lab


def corrected(
    document: Document, fields: Iterable[Field], in_force: InForce, is_named: IsNamed
) -> tuple[Document, frozenset[int]] | None:
    """Return a document put right in some fields and the numbers of the corrections used; ``None`` if none fits."""
    used: set[int] = set()
    fresh = dict(document)

    def put_right(field: Field, value: object) -> object:
        lab = _lab_or_none(fresh)
        found = in_force.meant(lab, field, value)
        if found is None or (field is Field.BARCODE and is_named(lab, found.given)):
            return value
        used.add(found.id)
        return found.meant

    for field in fields:
        _CHANGE[field](fresh, partial(put_right, field))
    return (fresh, frozenset(used)) if used else None


def marked(document: Document, used: Iterable[int]) -> Document:
    """Return a document that names the corrections it owes itself to, in order."""
    return {**document, MARK: ",".join(str(number) for number in sorted(used))}


PutRight = Callable[[object], object]


def _change_step(document: Document, put_right: PutRight) -> None:
    _change_data(document, ("step",), put_right)


def _change_station(document: Document, put_right: PutRight) -> None:
    _change_data(document, ("station",), put_right)


def _change_source(document: Document, put_right: PutRight) -> None:
    """Change the source; boot and sequence stay the sender's own, or they would tear gaps into another's count."""
    given = document.get("source")
    meant = put_right(given)
    if meant is given:
        return
    document["source"], document[GIVEN_SOURCE] = meant, given
    boot, sequence = boot_of(document), sequence_of(document)
    if boot is not None and sequence is not None:
        document[GIVEN_BOOT], document[GIVEN_SEQUENCE] = boot, str(sequence)  # the same from every transport
        del document["boot"], document["sequence"]


def _change_barcodes(document: Document, put_right: PutRight) -> None:
    if "subject" in document:
        document["subject"] = put_right(document["subject"])
    _change_data(document, _ONE_BARCODE, put_right)
    data = document.get("data")
    if isinstance(data, dict):
        many = {name: data[name] for name in _MANY_BARCODES if isinstance(data.get(name), list)}
        document["data"] = {**data, **{name: [put_right(text) for text in texts] for name, texts in many.items()}}


def _change_data(document: Document, names: Iterable[str], put_right: PutRight) -> None:
    data = document.get("data")
    if isinstance(data, dict):
        document["data"] = {**data, **{name: put_right(data[name]) for name in names if name in data}}


_CHANGE: Mapping[Field, Callable[[Document, PutRight], None]] = {
    Field.STEP: _change_step, Field.STATION: _change_station, Field.SOURCE: _change_source,
    Field.BARCODE: _change_barcodes,
}  # fmt: skip


def is_claimed(document: Mapping[str, Any]) -> bool:
    """Tell whether an event says of itself that it was corrected."""
    return any(name in document for name in CLAIMS)


def given_source(event: Event) -> str | None:
    """Return the source that a corrected event came with, ``None`` where it was not corrected."""
    given = (event.model_extra or {}).get(GIVEN_SOURCE)
    return given if isinstance(given, str) else None


def given_mark(event: Event) -> tuple[str, str, int] | None:
    """Return the source, boot and sequence that a corrected event came with: they count for the one who sent it."""
    extra, given = event.model_extra or {}, given_source(event)
    if given is None or event.boot is not None or not _PATH.fullmatch(given):
        return None
    boot, sequence = boot_of({"boot": extra.get(GIVEN_BOOT)}), sequence_of({"sequence": extra.get(GIVEN_SEQUENCE)})
    return None if boot is None or sequence is None else (given, boot, sequence)


def given_values(document: Document, reason: str, lab: Lab | None) -> list[tuple[Field, str]]:
    """Return what could be corrected of a refused event: field and value, of barcodes only those that nobody reads."""
    found: dict[tuple[Field, str], None] = {}
    for field in HELPS.get(reason, ()):
        for value in _values(document, field):
            is_right = field is Field.BARCODE and reason == Reason.UNREADABLE_BARCODE and lab and _reads(lab, value)
            if 0 < len(value) <= LONGEST_GIVEN and not is_right:
                found[field, value] = None
    return list(found)


def _values(document: Document, field: Field) -> list[str]:
    seen: list[str] = []

    def note(value: object) -> object:
        if isinstance(value, str):
            seen.append(value)
        return value

    _CHANGE[field](dict(document), note)
    return seen


def steps_of(lab: Lab) -> tuple[str, ...]:
    """Return the steps that the door takes of a lab: its route's, then the standard ones that are not on it."""
    return tuple(dict.fromkeys((*(stop.step for stop in lab.route), *STANDARD_STEPS)))


def stations_of(lab: Lab) -> list[str]:
    """Return the stations of a lab's devices, by name."""
    return sorted({device.station for device in lab.devices.values()})


def require_meaningful(registry: Registry, lab: Lab, field: Field, given: str, meant: str) -> str:
    """Return what is meant in its one right form; raises ``Refusal`` when it does not exist or changes nothing."""
    right = _RIGHT[field](lab, meant)
    if right == given:
        raise Refusal("same_value", f"meant: {meant!a}: expected something else than what was given.")
    _require_wrong(registry, lab, field, given)
    return right


def still_holds(registry: Registry, one: Correction) -> bool:
    """Tell whether a correction could be made today: what was given may since have become right in a network file."""
    try:
        return require_meaningful(registry, registry.lab(one.lab), one.field, one.given, one.meant) == one.meant
    except (Refusal, NotFound):
        return False


def _right_step(lab: Lab, meant: str) -> str:
    if meant not in steps_of(lab):
        raise Refusal("unknown_step", f"meant: {meant!a}: expected a step of {lab.id}: {', '.join(steps_of(lab))}.")
    return meant


def _right_source(lab: Lab, meant: str) -> str:
    device = lab.devices.get(meant) or next((one for one in lab.devices.values() if one.source == meant), None)
    if device is None:
        raise Refusal("unknown_device", f"meant: {meant!a}: expected a device of {lab.id} as the network file has it.")
    return device.source


def _right_station(lab: Lab, meant: str) -> str:
    if meant not in (stations := stations_of(lab)):
        raise Refusal("unknown_station", f"meant: {meant!a}: expected a station of {lab.id}: {', '.join(stations)}.")
    return meant


def _right_barcode(lab: Lab, meant: str) -> str:
    try:
        return lab.grammar.read(meant).barcode
    except Refusal as error:
        raise Refusal("unreadable_barcode", f"meant: {meant!a}: expected a barcode of {lab.id}.") from error


_RIGHT: Mapping[Field, Callable[[Lab, str], str]] = {
    Field.STEP: _right_step, Field.SOURCE: _right_source, Field.STATION: _right_station, Field.BARCODE: _right_barcode,
}  # fmt: skip


def _require_wrong(registry: Registry, lab: Lab, field: Field, given: str) -> None:
    """Refuse to change what is right as it is; of barcodes only the database knows that."""
    if field is Field.SOURCE:
        _require_nobodys(registry, lab, given)
    elif field is Field.STEP and given in steps_of(lab):
        raise Refusal("known_step", f"given: {given!a} is a step of {lab.id}; expected a word that is none.")
    elif field is Field.STATION and given in stations_of(lab):
        raise Refusal("known_station", f"given: {given!a} is a station of {lab.id}; expected a word that is none.")


def _require_nobodys(registry: Registry, lab: Lab, given: str) -> None:
    """Refuse to hand one lab's events to another, and a known device's events to another device."""
    known, theirs = registry.devices.get(given), _lab_of_path(given)
    if known is not None:
        whose = "histotwin's own voice" if known.kind == OWN_KIND else "a device"
        raise Refusal("known_device", f"given: {given!a} is {whose}; expected a source that is no device.")
    if theirs != lab.id and theirs in registry.labs:
        raise Refusal("other_lab", f"given: {given!a} is of {theirs}; expected a source of {lab.id} or of no lab.")


def _reads(lab: Lab, text: str) -> bool:
    if len(text) > LONGEST_BARCODE:
        return False
    try:
        lab.grammar.read(text)
    except Refusal:
        return False
    return True


def _lab_or_none(document: Document) -> str:
    source = document.get("source")
    return _lab_of_path(source) if isinstance(source, str) else ""


def _lab_of_path(path: str) -> str:
    return lab_of(path) if path.count("/") == 3 else ""
