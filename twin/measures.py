"""The measures of one run, by name, from what it recorded. Reads only; what they mean is in `docs/lab-files`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.crowds import crowd_measures, turned_away
from twin.distributions import DAY, HOUR
from twin.stations.visits import Visits
from twin.utilisation import Reading, read

if TYPE_CHECKING:
    from twin.model import LabModel

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
LIMITS_D = (7, 10, 14, 21)
"""Days within which shares are given."""


def measures(model: "LabModel", begin: Reading) -> dict[str, float]:
    """Return all measures of a run since a reading taken at the end of its warm-up, when its record was restarted."""
    found = {**_turnaround(model), **_lab_turnaround(model), **_flow(model)}
    end = read(model)
    found |= {f"utilisation.{name}": share for name, share in end.since(begin).items()}
    found |= {f"busy_mean.{name}": busy for name, busy in end.busy_mean(begin).items()}
    for station in model.stations:
        if station.visits is not None:
            found |= {f"{name}.{station.name}": value for name, value in _of_step(model, station.visits).items()}
            found |= dict(_waits_by_class(model, station.name, station.visits))
    return found | dict(crowd_measures(model)) | dict(turned_away(model))


def _turnaround(model: "LabModel") -> dict[str, float]:
    """Calendar days from received to authorised of finished cases."""
    record = model.record
    if not record.finished:
        return {}
    received = np.asarray(record.received_us)
    days = (np.asarray(record.finished_us) - received) / DAY
    p50, p90, p95 = np.percentile(days, (50, 90, 95))
    found = {
        "tat_mean_d": float(days.mean()),
        "tat_p50_d": float(p50),
        "tat_p90_d": float(p90),
        "tat_p95_d": float(p95),
    }
    for limit in LIMITS_D:
        found[f"tat_pct_{limit}d"] = float(100 * (days <= limit).mean())
    for name, chosen in by_priority(model, np.asarray(record.kind)):
        found[f"tat_mean_d.{name}"] = float(days[chosen].mean())
    return found


def _lab_turnaround(model: "LabModel") -> dict[str, float]:
    """Calendar days from received to the end of the lab's part, of all cases whose lab part ended in the window."""
    kinds, received, done = _lab_done(model)
    if not done.size:
        return {}
    days = (done - received) / DAY
    found = {"lab_tat_mean_d": float(days.mean())}
    for limit in LIMITS_D:
        found[f"lab_tat_pct_{limit}d"] = float(100 * (days <= limit).mean())
    for name, chosen in by_priority(model, kinds):
        found[f"lab_tat_mean_d.{name}"] = float(days[chosen].mean())
    return found


def _lab_done(model: "LabModel") -> tuple[Ints, Ints, Ints]:
    """Return kind, time of receipt and end of the lab's part of such cases, those with a pathologist included."""
    record = model.record
    waiting = [case for case in model.open_cases if case.lab_done_us is not None]
    columns = (
        np.concatenate((np.asarray(record.kind), np.array([case.kind for case in waiting], dtype=np.int64))),
        np.concatenate((np.asarray(record.received_us), np.array([case.received_us for case in waiting], np.int64))),
        np.concatenate((np.asarray(record.lab_done_us), np.array([case.lab_done_us for case in waiting], np.int64))),
    )
    in_window = columns[2] >= record.since_us
    return columns[0][in_window], columns[1][in_window], columns[2][in_window]


def by_priority(model: "LabModel", kinds: Ints) -> Iterator[tuple[str, Bools]]:
    """Yield each priority class that occurs among some kinds, in the order served, and which of them are of it."""
    classes = model.lab.priorities
    rank_of = np.array([classes.index(model.kinds.attributes(kind)["priority"]) for kind in range(len(model.kinds))])
    ranks = rank_of[kinds]
    for rank, name in enumerate(classes):
        chosen = ranks == rank
        if chosen.any():
            yield name, chosen


def _flow(model: "LabModel") -> dict[str, float]:
    record, now = model.record, model.agenda.now
    length = now - record.since_us
    found = {
        "arrived": float(record.received),
        "finished": float(record.finished),
        "lost": float(len(record.lost_at_us)),
        "blocks": float(record.blocks),
        "slides": float(record.slides),
        "wip_mean": record.wip_us(now) / length,
        "wip_end": float(record.wip),
        "throughput_per_h": record.finished / (length / HOUR),
    }
    if record.empty_us is not None:
        found["empty_after_h"] = (record.empty_us - model.started_us) / HOUR
    return found


def _of_step(model: "LabModel", visits: Visits) -> dict[str, float]:
    """Hours waited before work began, per item (per slide where slides are handled), of work begun in the window."""
    if not len(visits):
        return {}
    since = model.record.since_us
    started, weights = np.asarray(visits.started_us), visits.quantities()
    hours = (started - np.asarray(visits.arrived_us)) / HOUR
    known = started >= since
    hours, weights = hours[known], weights[known]
    if not hours.size:
        return {}
    p90, p95 = np.percentile(hours if (weights == 1).all() else np.repeat(hours, weights), (90, 95))
    return {
        "wait_mean_h": float(np.average(hours, weights=weights)),
        "wait_p90_h": float(p90),
        "wait_p95_h": float(p95),
        "waited_pct": float(100 * np.average(hours > 0, weights=weights)),
    }


def _waits_by_class(model: "LabModel", step: str, visits: Visits) -> Iterator[tuple[str, float]]:
    if len(model.lab.priorities) < 2 or not len(visits):
        return
    started = np.asarray(visits.started_us)
    hours = (started - np.asarray(visits.arrived_us)) / HOUR
    weights, known = visits.quantities(), started >= model.record.since_us
    for name, chosen in by_priority(model, np.asarray(visits.kind)):
        if (chosen & known).any():
            own = chosen & known
            yield f"wait_mean_h.{step}.{name}", float(np.average(hours[own], weights=weights[own]))
