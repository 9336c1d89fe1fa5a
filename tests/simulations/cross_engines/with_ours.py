"""A network as a lab file in our language, and the measures that our engine takes of it."""

from functools import cache
from typing import Any

from tests.simulations.cross_engines.laws import (
    Constant,
    Erlang,
    Exponential,
    Gamma,
    Law,
    Lognormal,
    Recorded,
    Triangular,
    Uniform,
    Weibull,
)
from tests.simulations.cross_engines.networks import (
    LEAVE,
    OUT,
    AnyStation,
    Courier,
    Machine,
    Network,
    Shift,
    Station,
    Stream,
    Way,
    ways_for,
)
from twin.lab import DAYS, Lab
from twin.simulate import replicate
from twin.variates import Streams

_KINDS: dict[type, str] = {
    Constant: "constant",
    Uniform: "uniform",
    Triangular: "triangular",
    Exponential: "exponential",
    Erlang: "erlang",
    Gamma: "gamma",
    Lognormal: "lognormal",
    Weibull: "weibull",
    Recorded: "sequence",
}
_NAMES = {Constant: {"hours": "value"}, Recorded: {"hours": "values"}}
"""Where a law calls a parameter by another name than our language."""


def run(network: Network, seed: int, number: int) -> dict[str, float]:
    """Run one replication, by its number, and return its measures by name."""
    return replicate(lab(network), Streams(seed, network.name, number))


@cache
def lab(network: Network) -> Lab:
    """Return a network as a lab."""
    return Lab.model_validate(document(network))


def document(network: Network) -> dict[str, Any]:
    """Return a network as the content of a lab file."""
    return {
        "name": network.name,
        "title": network.why,
        "synthetic": True,
        "timezone": "UTC",
        "holidays": "none",
        "priorities": network.classes,
        "demand": {
            "streams": [_stream(stream) for stream in network.streams],
            "blocks_per_specimen": {"weights": dict(network.blocks_per_case or ((1, 1.0),))},
        },
        "staff": {station.name: _group(station) for station in network.stations if isinstance(station, Station)},
        "machines": {station.name: {"count": 1} for station in network.stations if isinstance(station, Machine)},
        "steps": [_step(network, index) for index in range(len(network.stations))],
        "run": {"weeks": network.weeks, "warm_up_weeks": network.warm_up_weeks},
    }


def duration(law: Law) -> dict[str, Any]:
    """Return a law in our language."""
    names = _NAMES.get(type(law), {})
    parameters = {names.get(name, name): value for name, value in vars(law).items()}
    return {"kind": _KINDS[type(law)], "unit": "h", **parameters}


def _stream(stream: Stream) -> dict[str, Any]:
    size = 1 if stream.mean_size == 1 else {"kind": "geometric", "mean": stream.mean_size}
    return {"name": stream.klass, "every": duration(stream.gap), "size": size, "priorities": {stream.klass: 1}}


def _group(station: Station) -> dict[str, Any]:
    present = {"shifts": [_shift(shift) for shift in station.shifts]} if station.shifts else {"people": station.people}
    return {**present, "preempts": station.preempts}


def _shift(shift: Shift) -> dict[str, Any]:
    hours = {"from": f"{shift.start_hour:02d}:00", "to": f"{shift.end_hour:02d}:00"}
    return {**hours, "days": DAYS, "people": shift.people, "holidays": True}


def _step(network: Network, index: int) -> dict[str, Any]:
    station = network.stations[index]
    return {"name": station.name, **_level(network, index), **_done(station), **_next(network, index)}


def _done(station: AnyStation) -> dict[str, Any]:
    match station:
        case Station():
            return _by_hand(station)
        case Machine():
            return {"batch": _batch(station)}
        case Courier():
            return {"transport": _transport(station)}


def _level(network: Network, index: int) -> dict[str, Any]:
    """Return what a step works on: cases, unless they are cut into blocks here or come as blocks."""
    if _is_of_blocks(network, index):
        return {"per": "block"}
    return {"per": "specimen", "makes": "block"} if _is_of_blocks(network, index + 1) else {"per": "case"}


def _is_of_blocks(network: Network, index: int) -> bool:
    return any(isinstance(station, Station) and station.of_blocks for station in network.stations[index : index + 1])


def _next(network: Network, index: int) -> dict[str, Any]:
    """Return the turns after a step; none where all go on in order."""
    station = network.stations[index]
    in_order = tuple(Way(after.name) for after in network.stations[index + 1 : index + 2])
    if station.ways == in_order:
        return {}
    return {"next": [turn for klass in network.classes for turn in _turns(ways_for(station, klass), klass)]}


def _turns(ways: tuple[Way, ...], klass: str) -> list[dict[str, Any]]:
    """Return the turns of a class; who has no way left goes out."""
    left = round(1 - sum(way.probability for way in ways), 9)
    out = (Way(OUT, left),) if left else ()
    return [{"to": way.to, "probability": way.probability, "when": {"priority": klass}} for way in (*ways, *out)]


def _by_hand(station: Station) -> dict[str, Any]:
    own = [{"when": {"priority": klass}, "give": duration(law)} for klass, law in station.service_of]
    room = {} if station.room is None else {"room": station.room, "when_full": station.when_full}
    patience = {} if station.patience is None else {"patience": duration(station.patience), "when_impatient": LEAVE}
    return {"staff": station.name, "duration": [*own, {"give": duration(station.service)}], **room, **patience}


def _batch(machine: Machine) -> dict[str, Any]:
    def handling(law: Law) -> dict[str, Any]:
        return {"staff": machine.handled_by, "duration": duration(law), "served_as": "first"}

    return {
        "machine": machine.name,
        "load": handling(machine.load),
        "unload": handling(machine.unload),
        "programmes": [
            {
                "size": machine.size,
                "close": {"full": True, "max_wait": duration(machine.max_wait)},
                "top_up": False,
                "run": duration(machine.run),
            }
        ],
    }


def _transport(courier: Courier) -> dict[str, Any]:
    return {
        "staff": courier.with_one_of,
        "size": courier.size,
        "max_wait": duration(courier.max_wait),
        "there": duration(courier.there),
        "back": duration(courier.back),
    }
