"""Stands the gates of a model before its stations, by what its lab file says of who may wait where. Runs nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from twin.distributions import Duration
from twin.items import Case, Item
from twin.lab import LEAVE, WAIT_BEFORE, Step
from twin.stations import HandStation, Station
from twin.stations.by_hand import Gate
from twin.stations.gates import Rules, WaitingRoom
from twin.stations.terms import Draw, Onward
from twin.stations.turnstile import Turnstile
from twin.variates import draws

if TYPE_CHECKING:
    from twin.model import LabModel


def stand_gates(model: "LabModel", stations: list[Station]) -> None:
    """Give every station by hand whose step limits its waiting a gate, and bind the one before where it blocks."""
    for index, step in enumerate(model.lab.steps):
        station = stations[index]
        if isinstance(station, HandStation) and _is_limited(step):
            gate = station.gate = _gate(model, station, step)
            before = stations[index - 1]
            if step.room is not None and step.when_full == WAIT_BEFORE and isinstance(before, HandStation):
                before.keep_for(gate)


def _gate(model: "LabModel", station: HandStation, step: Step) -> Gate:
    if not _limits_waiting(step):
        return Turnstile(model.agenda, station)
    return WaitingRoom(model.agenda, station, _rules(model, step))


def _is_limited(step: Step) -> bool:
    return step.one_at_a_time or _limits_waiting(step)


def _limits_waiting(step: Step) -> bool:
    return any(limit is not None for limit in (step.room, step.patience, step.minimum_wait))


def _rules(model: "LabModel", step: Step) -> Rules:
    return Rules(
        room=step.room,
        refuse=_elsewhere(model, step.when_full),
        minimum_wait=_draw(model, step, "minimum wait", step.minimum_wait),
        patience=_draw(model, step, "patience", step.patience),
        patience_left=_left(model, step, step.patience),
        give_up=_elsewhere(model, step.when_impatient),
        one_at_a_time=step.one_at_a_time,
    )


def _elsewhere(model: "LabModel", where: str) -> Onward | None:
    """Return what takes on who may not wait here; None where they wait outside."""
    if where == WAIT_BEFORE:
        return None
    return _lost(model) if where == LEAVE else _sent_to(model, model.lab.step_index(where))


def _lost(model: "LabModel") -> Onward:
    def lose(item: Item) -> None:
        if isinstance(item, Case):
            model.lose(item)

    return lose


def _sent_to(model: "LabModel", index: int) -> Onward:
    def send(item: Item) -> None:
        model.pathway.entries[index](item)

    return send


def _draw(model: "LabModel", step: Step, purpose: str, duration: Duration | None) -> Draw | None:
    if duration is None:
        return None
    return draws(model.streams.generator(step.name, purpose), duration.filler())


def _left(model: "LabModel", step: Step, patience: Duration | None) -> Callable[[int], int] | None:
    if patience is None:
        return None
    rng = model.streams.generator(step.name, "patience left")
    return lambda waited_us: patience.remaining_us(rng, waited_us)
