"""Which items an event touches, in which role, and what the fold needs to know of it. Pure: names are read by a
function that is handed in, a device's station and step come from the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tracking import events as ev
from tracking.events import Event, Kind
from tracking.identifiers import CHILD_KIND, PARENT_KIND
from tracking.reasons import Reason, refusal

OrderKey = tuple[int, int, str, str, int, str]
"""Moment, device's own time, source, boot, sequence, id: content alone, so that the order of arrival is nothing."""


When = tuple[int, int, int]
"""The moment it happened, the device's own time, the receipt; microseconds UTC."""


class ItemName(NamedTuple):
    """An item's one right name, the lab whose barcode it wears, and what the label says of its family."""

    lab: str
    barcode: str
    kind: Kind
    parent: str | None
    case: str | None


ReadName = Callable[[str, str], ItemName]
"""(lab of the event, text on the label) → the item; raises ``Refusal``."""


class Role(StrEnum):
    """What part an item plays in an event."""

    SUBJECT = "subject"
    CHILD = "child"
    SPECIMEN = "specimen"
    MISSING = "missing"


class Touch(NamedTuple):
    """One item in one event; ``parent`` is the one the event states, where it states one."""

    name: ItemName
    role: Role
    parent: ItemName | None


@dataclass(slots=True)  # not frozen: made once for every event, and freezing doubles its cost
class Act:
    """An event as the fold sees it, with what the registry adds. ``time_us`` is when it happened, as far as its clock
    can be trusted; ``received_us`` when it came.
    """

    key: OrderKey
    type: str
    time_us: int
    received_us: int
    lab: str
    source: str
    step: str | None
    station: str | None
    operator: str | None
    run: str | None
    data: Any


def act_of(event: Event, when: When, lab: str, station: str | None, step: str | None) -> Act:
    """Return what the fold needs; ``station`` and ``step`` are the device's own, used where the event is silent."""
    data: Any = event.data
    at_us, said_us, received_us = when
    source, sequence = event.source, event.sequence
    key = (at_us, said_us, source, event.boot or "", -1 if sequence is None else sequence, event.id)
    kind = type(data)
    if kind is ev.StepData:
        return Act(
            key, event.type, at_us, received_us, lab, source, data.step, data.station or station, data.operator, None,
            data,
        )  # fmt: skip
    if kind is ev.RunData:
        return Act(key, event.type, at_us, received_us, lab, source, data.step or step, station, None, data.run, data)
    return Act(key, event.type, at_us, received_us, lab, source, None, station, None, None, data)


def touches(event: Event, lab: str, read: ReadName) -> tuple[Touch, ...]:
    """Return every item the event concerns, each once; raises ``Refusal`` for names and families that cannot be."""
    return _BY_EVENT[type(event)](event, lab, read)


def _subject(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    return (Touch(read(lab, event.subject), Role.SUBJECT, None),)


def _of_step(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    subject = read(lab, event.subject)
    own = Touch(subject, Role.SUBJECT, None)
    if not event.data.children or event.type != "histotwin.step.completed":
        return (own,)
    return (own, *(_child(read(lab, text), subject, Role.CHILD) for text in _once(event.data.children)))


def _of_creation(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    name = read(lab, event.subject)
    if name.kind is not event.data.kind:
        raise refusal(
            Reason.INVALID_EVENT, field="data.kind", value=repr(event.data.kind.value),
            expected=f"{name.kind.value}, as the barcode {name.barcode} says",
        )  # fmt: skip
    return (_child(name, read(lab, event.data.parent), Role.SUBJECT),)


def _of_receipt(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    case = _case(read(lab, event.data.case))
    specimens = (_child(read(lab, text), case, Role.SPECIMEN) for text in _once(event.data.specimens))
    return (Touch(case, Role.SUBJECT, None), *specimens)


def _of_report(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    return (Touch(_case(read(lab, event.data.case)), Role.SUBJECT, None),)


def _of_run(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    return tuple(_each(event.data.items, Role.SUBJECT, lab, read))


def _of_consignment(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    missing = tuple(_each(event.data.missing, Role.MISSING, lab, read))
    lost = {touch.name for touch in missing}
    return (*(t for t in _each(event.data.items, Role.SUBJECT, lab, read) if t.name not in lost), *missing)


def _of_work(event: Any, lab: str, read: ReadName) -> tuple[Touch, ...]:
    return (Touch(read(lab, event.data.on), Role.SUBJECT, None),)


def _nothing(_event: Any, _lab: str, _read: ReadName) -> tuple[Touch, ...]:
    return ()


_BY_EVENT: dict[type, Callable[[Any, str, ReadName], tuple[Touch, ...]]] = {
    ev.CaseReceived: _of_receipt,
    ev.ItemCreated: _of_creation,
    ev.ItemScanned: _subject,
    ev.StepEvent: _of_step,
    ev.RunEvent: _of_run,
    ev.ItemMoved: _subject,
    ev.ConsignmentEvent: _of_consignment,
    ev.ItemRejected: _subject,
    ev.StorageEvent: _subject,
    ev.WorkEvent: _of_work,
    ev.ImageEvent: _subject,
    ev.CaseReport: _of_report,
    ev.DeviceStateChanged: _nothing,
    ev.GapClosed: _nothing,
}


def _each(texts: Iterable[str], role: Role, lab: str, read: ReadName) -> Iterator[Touch]:
    names = dict.fromkeys(read(lab, text) for text in texts)
    return (Touch(name, role, None) for name in names)


def _once(texts: list[str]) -> Iterable[str]:
    return texts if len(texts) < 2 else dict.fromkeys(texts)


def _case(name: ItemName) -> ItemName:
    if name.kind is not Kind.CASE:
        raise refusal(Reason.NOT_A_CASE, item=name.barcode, kind=name.kind.value)
    return name


def _child(child: ItemName, parent: ItemName, role: Role) -> Touch:
    """Return the touch of an item made from another; raises ``Refusal`` when no tissue could be made so."""
    if PARENT_KIND.get(child.kind) is not parent.kind or child.lab != parent.lab:
        raise refusal(Reason.IMPOSSIBLE_PARENT, item=child.barcode, parent=parent.barcode, why=_why_not(child, parent))
    return Touch(child, role, parent)


def _why_not(child: ItemName, parent: ItemName) -> str:
    if child == parent:
        return "an item is not made from itself"
    if child.lab != parent.lab:
        return f"one is of laboratory {child.lab}, the other of {parent.lab}"
    if child.kind is Kind.CASE:
        return "a case is not made from anything"
    made = CHILD_KIND.get(parent.kind)
    only = (
        f"from a {parent.kind.value} only a {made.value} is made"
        if made
        else f"nothing is made from a {parent.kind.value}"
    )
    return f"a {child.kind.value} is made from a {PARENT_KIND[child.kind].value}; {only}"
