"""When a case's clock starts and stops: the moments of a case, and which of them a definition counts from."""

from __future__ import annotations

from dataclasses import dataclass

from tracking.registry import ClockStart, ClockStop


@dataclass(frozen=True, slots=True)
class CaseTimes:
    """One case as turnaround sees it; moments in microseconds UTC, ``None`` where it has not happened."""

    case_id: int
    barcode: str
    lab: str
    priority: str | None = None
    pathway: str | None = None
    specialty: str | None = None
    collected_us: int | None = None
    received_us: int | None = None
    booked_in_us: int | None = None
    reported_us: int | None = None
    authorised_us: int | None = None
    steps: frozenset[str] = frozenset()


def start_us(case: CaseTimes, start: ClockStart) -> int | None:
    """Return when the case's clock started by that definition."""
    return {"collected": case.collected_us, "received": case.received_us, "booked_in": case.booked_in_us}[start]


def stop_us(case: CaseTimes, stop: ClockStop) -> int | None:
    """Return when the case's clock stopped; a case authorised without a separate report was reported then."""
    if stop == "reported":
        return case.reported_us if case.reported_us is not None else case.authorised_us
    return case.authorised_us


def contradict(case: CaseTimes, start: ClockStart, stop: ClockStop) -> bool:
    """Tell whether the clocks contradict each other: by them the case stopped before it started.

    How long it took is then unknowable: neither a negative time nor 0 h would be true, so no figure counts it.
    """
    first_us, last_us = start_us(case, start), stop_us(case, stop)
    return first_us is not None and last_us is not None and last_us < first_us
