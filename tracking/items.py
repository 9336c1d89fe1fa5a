"""What has become of an item: the fold of its events, and the clocks of its case. Pure; arrival order is unknown
here, because whoever folds hands the acts over in the order of their keys.

States are changed in place: the caller owns them, and half a million events at start-up pay for every copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from tracking.clock import to_us
from tracking.events import ExtraWork
from tracking.moments import is_said_moment
from tracking.touches import Act, ItemName, OrderKey, Role, Touch

OpenWork = dict[str, str | int | None]
_DONE_BY = {
    "microtomy": {ExtraWork.RECUT, ExtraWork.LEVELS, ExtraWork.SPECIAL_STAIN, ExtraWork.IHC},
    "staining": {ExtraWork.SPECIAL_STAIN, ExtraWork.IHC},
    "embedding": {ExtraWork.RE_EMBED},
    "cut_up": {ExtraWork.EXTRA_BLOCK},
}  # a step completed on the item itself does the work that was asked for on it


class Status(StrEnum):
    """Whether an item can be worked on."""

    ACTIVE = "active"
    STORED = "stored"
    IN_TRANSIT = "in_transit"
    MISSING = "missing"
    REJECTED = "rejected"
    DISPOSED = "disposed"


class Outcome(StrEnum):
    """How a visit to a step ended. ``UNFINISHED``: the item started the step again elsewhere and never ended here."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNFINISHED = "unfinished"


@dataclass(slots=True)
class Visit:
    """One stay of an item at a step; moments in microseconds UTC."""

    lab: str
    step: str
    station: str | None
    operator: str | None
    source: str
    run: str | None
    started_us: int | None
    ended_us: int | None
    outcome: str


@dataclass(slots=True)
class ItemState:
    """Where an item is and what was last done to it. ``parent`` is the one events state, unless the label names it.

    ``key`` is the order key of the latest act; ``None`` with a ``last_us``: known to the microsecond only.
    ``visits_from`` is the place of the first visit changed since the owner last wrote them.
    """

    parent: ItemName | None = None
    announced: bool = False
    status: str = "active"
    step: str | None = None
    step_state: str | None = None
    step_us: int | None = None
    station: str | None = None
    seen_us: int | None = None
    run: str | None = None
    stain: str | None = None
    images: int = 0
    work: list[OpenWork] = field(default_factory=list)
    attributes: str | None = None
    last_us: int | None = None
    key: OrderKey | None = None
    visits: list[Visit] = field(default_factory=list)
    visits_from: int = 0

    def is_before(self, key: OrderKey) -> bool:
        """Tell whether an act with this key comes after everything folded so far, for certain."""
        if self.last_us is None:
            return True
        return self.key < key if self.key is not None else self.last_us < key[0]


@dataclass(slots=True)
class CaseClocks:
    """The moments that turnaround is measured between, each the earliest said, whatever is said again later.

    A supplementary report therefore does not move ``reported_us`` or ``authorised_us``. What describes the case
    (priority, pathway, …, pathologist) is what was said last.
    """

    priority: str | None = None
    pathway: str | None = None
    specialty: str | None = None
    specimen_type: str | None = None
    collected_us: int | None = None
    received_us: int | None = None
    booked_in_us: int | None = None
    assigned_us: int | None = None
    reported_us: int | None = None
    authorised_us: int | None = None
    pathologist: str | None = None


def device_saying(act: Act) -> tuple[str, str | None] | None:
    """Return the state and detail that an act proves of the device that tells it, or ``None``.

    Who starts a run or a step works from then on, whether or not the instrument also speaks of itself.
    """
    if act.type == "histotwin.device.state":
        return act.data.state.value, act.data.detail
    return _DEVICE_AT_WORK.get(act.type)


DEVICE_SAYINGS = (
    "histotwin.device.state", "histotwin.run.started", "histotwin.run.completed", "histotwin.run.failed",
    "histotwin.step.started", "histotwin.step.completed", "histotwin.step.failed",
)  # fmt: skip
_DEVICE_AT_WORK: dict[str, tuple[str, str | None]] = {
    "histotwin.run.started": ("running", None),
    "histotwin.run.completed": ("idle", None),
    "histotwin.run.failed": ("error", "the run failed"),
    "histotwin.step.started": ("running", None),
    "histotwin.step.completed": ("idle", None),
    "histotwin.step.failed": ("idle", None),
}


def apply(state: ItemState, act: Act, touch: Touch) -> ItemState:
    """Return the state after one more act, which must be later in key order than all before."""
    _BY_TYPE[act.type](state, act, touch)
    state.last_us = act.time_us
    state.key = act.key
    return state


def fold(acts: Iterable[tuple[Act, Touch]]) -> ItemState:
    """Return the state that a whole history, in any order, leads to."""
    state = ItemState()
    for act, touch in sorted(acts, key=lambda pair: pair[0].key):
        apply(state, act, touch)
    return state


def work_text(work: list[OpenWork]) -> str | None:
    """Return open work as it is stored: JSON, or nothing when none is open."""
    return orjson.dumps(work, option=orjson.OPT_SORT_KEYS).decode() if work else None


def _announce(state: ItemState, _act: Act, touch: Touch) -> None:
    state.announced = True
    if touch.parent is not None:
        state.parent = touch.parent


def _created(state: ItemState, act: Act, touch: Touch) -> None:
    _announce(state, act, touch)
    data = act.data
    if data.stain is not None:
        state.stain = data.stain
    if data.attributes:
        state.attributes = orjson.dumps(data.attributes, option=orjson.OPT_SORT_KEYS).decode()


def _see(state: ItemState, act: Act, station: str | None) -> None:
    """An item that lies on a bench is neither in a box nor on a shelf nor lost."""
    if station is not None:
        state.station = station
    state.seen_us = act.time_us
    if state.status in _AWAY:
        state.status = "active"


_AWAY = frozenset({Status.STORED, Status.IN_TRANSIT, Status.MISSING})


def _scanned(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.data.station)


def _at_step(state: ItemState, act: Act, progress: str) -> None:
    _see(state, act, act.station)
    if state.status == "rejected":
        state.status = "active"
    if act.step is not None:
        state.step, state.step_state, state.step_us = act.step, progress, act.time_us


def _open_visit(state: ItemState, step: str) -> int | None:
    """Return the place of the visit to this step that has not ended."""
    for place in range(len(state.visits) - 1, -1, -1):
        if state.visits[place].step == step:
            return place if state.visits[place].outcome == "running" else None
    return None


def _changed(state: ItemState, place: int) -> Visit:
    state.visits_from = min(state.visits_from, place)
    return state.visits[place]


def _started(state: ItemState, act: Act, _touch: Touch) -> None:
    _at_step(state, act, "running")
    state.run = act.run
    if act.step is None:
        return
    place = _open_visit(state, act.step)
    if place is not None:
        going = state.visits[place]
        if going.source == act.source and going.run == act.run:
            return
        _changed(state, place).outcome = "unfinished"
    state.visits.append(
        Visit(act.lab, act.step, act.station, act.operator, act.source, act.run, act.time_us, None, "running")
    )


def _ended(state: ItemState, act: Act, outcome: str) -> None:
    _at_step(state, act, outcome)
    state.run = None
    if act.step is None:
        return
    place = _open_visit(state, act.step)
    if place is None or _is_other_run(state.visits[place], act):
        place = len(state.visits)
        state.visits.append(
            Visit(act.lab, act.step, act.station, act.operator, act.source, act.run, None, None, outcome)
        )
    visit = _changed(state, place)
    visit.operator = act.operator or visit.operator
    visit.ended_us, visit.outcome = act.time_us, outcome


def _is_other_run(visit: Visit, act: Act) -> bool:
    return act.run is not None and visit.run is not None and visit.run != act.run


def _completed(state: ItemState, act: Act, touch: Touch) -> None:
    if touch.role is Role.CHILD:
        _announce(state, act, touch)
        _see(state, act, act.station)
        return
    _ended(state, act, "done")
    if state.work and act.step in _DONE_BY:
        done = _DONE_BY[act.step]
        state.work = [wanted for wanted in state.work if wanted["kind"] not in done]


def _failed(state: ItemState, act: Act, _touch: Touch) -> None:
    _ended(state, act, "failed")


def _moved(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.data.to)


def _sent(state: ItemState, act: Act, touch: Touch) -> None:
    state.status = "missing" if touch.role is Role.MISSING else "in_transit"
    state.seen_us = act.time_us if touch.role is not Role.MISSING else state.seen_us


def _arrived(state: ItemState, act: Act, touch: Touch) -> None:
    if touch.role is Role.MISSING:
        state.status = "missing"
    else:
        _see(state, act, act.station)


def _rejected(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.station)
    state.status = "rejected"


def _stored(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.data.location or act.station)
    state.status = "stored"


def _retrieved(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.data.location or act.station)


def _disposed(state: ItemState, act: Act, _touch: Touch) -> None:
    _see(state, act, act.data.location or act.station)
    state.status = "disposed"


def _requested(state: ItemState, act: Act, _touch: Touch) -> None:
    data = act.data
    wanted: OpenWork = {
        "kind": data.kind.value, "stain": data.stain, "reason": data.reason, "requested_us": act.time_us,
    }  # fmt: skip
    state.work = [*state.work, wanted]


def _cancelled(state: ItemState, act: Act, _touch: Touch) -> None:
    for place, wanted in enumerate(state.work):
        if wanted["kind"] == act.data.kind and act.data.stain in (None, wanted["stain"]):
            state.work = [*state.work[:place], *state.work[place + 1 :]]
            return


def _imaged(state: ItemState, _act: Act, _touch: Touch) -> None:
    state.images += 1


def _image_gone(state: ItemState, _act: Act, _touch: Touch) -> None:
    state.images = max(0, state.images - 1)


def _nothing(_state: ItemState, _act: Act, _touch: Touch) -> None:
    return


_BY_TYPE: dict[str, Callable[[ItemState, Act, Touch], None]] = {
    "histotwin.case.received": _announce,
    "histotwin.item.created": _created,
    "histotwin.item.scanned": _scanned,
    "histotwin.step.started": _started,
    "histotwin.step.completed": _completed,
    "histotwin.step.failed": _failed,
    "histotwin.run.started": _started,
    "histotwin.run.completed": _completed,
    "histotwin.run.failed": _failed,
    "histotwin.item.moved": _moved,
    "histotwin.consignment.sent": _sent,
    "histotwin.consignment.received": _arrived,
    "histotwin.item.rejected": _rejected,
    "histotwin.item.stored": _stored,
    "histotwin.item.retrieved": _retrieved,
    "histotwin.item.disposed": _disposed,
    "histotwin.work.requested": _requested,
    "histotwin.work.cancelled": _cancelled,
    "histotwin.image.available": _imaged,
    "histotwin.image.removed": _image_gone,
    "histotwin.case.assigned": _nothing,
    "histotwin.case.reported": _nothing,
    "histotwin.case.authorised": _nothing,
}


def apply_to_clocks(clocks: CaseClocks, act: Act) -> bool:
    """Wind a case's clocks with one act on the case itself, in key order; tell whether anything may have changed."""
    kind = act.type
    if kind == "histotwin.case.received":
        _receive(clocks, act)
    elif kind == "histotwin.step.completed" and act.step == "reception":
        clocks.booked_in_us = _earlier(clocks.booked_in_us, act.time_us)
    elif kind == "histotwin.case.assigned":
        clocks.assigned_us = _earlier(clocks.assigned_us, act.time_us)
        clocks.pathologist = act.data.pathologist or clocks.pathologist
    elif kind == "histotwin.case.reported":
        clocks.reported_us = _earlier(clocks.reported_us, act.time_us)
        clocks.pathologist = act.data.pathologist or clocks.pathologist
    elif kind == "histotwin.case.authorised":
        clocks.authorised_us = _earlier(clocks.authorised_us, act.time_us)
    else:
        return False
    return True


def _receive(clocks: CaseClocks, act: Act) -> None:
    data = act.data
    received_us = to_us(data.received_at)
    is_believed = is_said_moment(received_us, act.received_us)
    clocks.received_us = _earlier(clocks.received_us, received_us if is_believed else act.time_us)
    if data.collected_at is not None and is_said_moment(collected_us := to_us(data.collected_at), act.received_us):
        clocks.collected_us = _earlier(clocks.collected_us, collected_us)
    clocks.priority = data.priority.value
    clocks.pathway = data.pathway or clocks.pathway
    clocks.specialty = data.specialty or clocks.specialty
    clocks.specimen_type = data.specimen_type or clocks.specimen_type


def _earlier(known_us: int | None, said_us: int) -> int:
    return said_us if known_us is None or said_us < known_us else known_us
