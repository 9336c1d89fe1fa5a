"""What a target asks of which case: who is counted, by when it is due, whether it was late.

There is no single KPI: RCPath's KPI 6.4 alone is applied with different clocks and exclusions by each trust, so a
target is configuration (``registry.Target``) and is shown in words beside every figure. A case that no target counts
is never late.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracking.clock import DAY_US
from tracking.registry import Target
from tracking.turnaround.calendar import LabCalendar
from tracking.turnaround.clocks import CaseTimes, start_us, stop_us


def counts(target: Target, case: CaseTimes) -> bool:
    """Tell whether the target includes the case and its clock has started."""
    return (
        start_us(case, target.start) is not None
        and _among(case.priority, target.priorities)
        and _among(case.pathway, target.pathways)
        and _among(case.specialty, target.specialties)
        and case.steps.isdisjoint(target.without_steps)
    )


def due_us(target: Target, case: CaseTimes, calendar: LabCalendar) -> int | None:
    """Return by when the target wants the case stopped, microseconds UTC; ``None`` when it does not count it."""
    started = start_us(case, target.start)
    if started is None or not counts(target, case):
        return None
    allowed_us = round(target.days * DAY_US)
    return calendar.add_working_us(started, allowed_us) if target.clock == "working" else started + allowed_us


def earliest_due_us(targets: Iterable[Target], case: CaseTimes, calendar: LabCalendar) -> int | None:
    """Return the first moment at which any target calls the case late."""
    return min((due for target in targets if (due := due_us(target, case, calendar)) is not None), default=None)


def is_late(target: Target, case: CaseTimes, calendar: LabCalendar, now_us: int) -> bool:
    """Tell whether the case stopped, or is still open, after it was due."""
    due = due_us(target, case, calendar)
    stopped = stop_us(case, target.stop)
    return due is not None and (now_us if stopped is None else stopped) > due


def define(target: Target) -> str:
    """Return the target's definition as the sentence shown beside its figures."""
    limits = [f"{word} {', '.join(values)}" for word, values in _limits(target) if values]
    limited = f"; only {' and '.join(limits)}" if limits else ""
    excluded = f"; without cases that had {', '.join(target.without_steps)}" if target.without_steps else ""
    return (
        f"{target.percentile:g} % of cases within {target.days:g} {target.clock} days "
        f"from {target.start} to {target.stop}{limited}{excluded}"
    )


def _limits(target: Target) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("priority", tuple(target.priorities or ())),
        ("pathway", target.pathways or ()),
        ("specialty", target.specialties or ()),
    )


def _among(value: str | None, wanted: Iterable[str] | None) -> bool:
    return wanted is None or value in tuple(wanted)
