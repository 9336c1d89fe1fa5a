"""Parts of a lab file in words: durations, conditions, closing rules, shifts. Builds no document."""

from collections.abc import Iterable
from typing import Any

from twin.distributions import MICROSECONDS, Count, Duration
from twin.lab import Close, Condition, Ruled, StaffGroup, Step

_NAMED = ("kind", "unit")


def duration(of: Duration) -> str:
    """Return a duration in words with its mean, such as `pert (low 1, mode 2, high 4 min), mean 2.17 min`."""
    told = of.model_dump(exclude_none=True)
    unit = str(told.get("unit", "min"))
    mean = f"mean {_number(of.mean_us() / MICROSECONDS[getattr(of, 'unit', 'min')])} {unit}"
    if told["kind"] == "constant":
        return f"{_number(told['value'])} {unit}"
    if "parts" in told:
        return f"{told['kind']} of {len(told['parts'])} parts, {mean}"
    figures = ", ".join(f"{name} {_figure(value)}" for name, value in told.items() if name not in _NAMED)
    return f"{told['kind']} ({figures} {unit}), {mean}"


def ruled(of: Ruled[Any], say: "Any") -> str:
    """Return a value that depends on the item in words: each value with whom it is for."""
    return "; ".join(f"{say(rule.give)}{for_whom(rule.when)}" for rule in of.rules)


def for_whom(condition: Condition) -> str:
    """Return a condition as an ending of a sentence; empty where everything fits."""
    said = " and ".join(f"{name} {' or '.join(values)}" for name, values in condition.items())
    return f" for {said}" if said else ""


def count(of: Count) -> str:
    """Return a count in words with its mean."""
    table = of.table()
    if len(table) == 1:
        return str(next(iter(table)))
    return f"{min(table)} to {max(table)}, mean {_number(of.mean())}"


def weights(of: dict[str, float]) -> str:
    """Return weights as percentages."""
    total = sum(of.values())
    return ", ".join(f"{name} {_number(100 * weight / total)} %" for name, weight in of.items())


def staff(group: StaffGroup) -> str:
    """Return when a group is there."""
    if group.people is not None:
        return f"{group.people} at all hours"
    away = f"; away {', '.join(_shift(pause) for pause in group.pauses)}" if group.pauses else ""
    return ", ".join(_shift(shift) for shift in group.shifts) + away


def hours_per_week(group: StaffGroup) -> float:
    """Return the person-hours of an ordinary week, pauses that name no number taken from everybody."""
    if group.people is not None:
        return 168.0 * group.people
    present = sum(_hours(shift) * shift.people * len(shift.days) for shift in group.shifts)
    return present - sum(
        _hours(pause) * (pause.people or sum(shift.people for shift in group.shifts)) * _shared_days(pause, group)
        for pause in group.pauses
    )


def closing(close: Close) -> str:
    """Return the rules that make a batch ready."""
    rules = []
    if close.full:
        rules.append("full")
    if close.least is not None:
        rules.append(f"at least {close.least} are there")
    if close.max_wait is not None:
        rules.append(f"its first item has waited {duration(close.max_wait)}")
    if close.at:
        rules.append(f"at {', '.join(clock(minutes) for minutes in close.at)} on {', '.join(close.days)}")
    if close.slots is not None:
        rules.append("at its slots")
    return " or ".join(rules)


def who(step: Step) -> str:
    """Return who or what does a step."""
    if step.batch is not None:
        return ", ".join(dict.fromkeys(step.batch.machine_of(programme) for programme in step.batch.programmes))
    if step.transport is not None:
        return step.transport.staff or "a carrier of its own"
    named = ruled(step.staff, str) if step.staff is not None else "nobody (a delay)"
    return f"{named} with {step.machine}" if step.machine else named


def clock(minutes: int) -> str:
    """Return minutes since midnight as a clock time."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def bullets(lines: Iterable[str]) -> str:
    """Return lines as a list; says so where there are none."""
    found = [f"- {line}" for line in lines]
    return "\n".join(found) if found else "- None."


def _shift(shift: Any) -> str:
    people = "everybody" if shift.people is None else shift.people
    return f"{people} {clock(shift.start)}–{clock(shift.end)} {_days(shift)}"


def _days(shift: Any) -> str:
    known = {("mon", "tue", "wed", "thu", "fri"): "Mon–Fri"}
    return "daily" if len(shift.days) == 7 else known.get(shift.days, ", ".join(shift.days))


def _hours(shift: Any) -> float:
    return ((shift.end - shift.start) % 1440 or 1440) / 60


def _shared_days(pause: Any, group: StaffGroup) -> int:
    worked = {day for shift in group.shifts for day in shift.days}
    return len(worked & set(pause.days))


def _figure(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"{len(value)} given"
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return f"{value:.6g}" if abs(value) >= 1e-3 or not value else f"{value:.3g}"
