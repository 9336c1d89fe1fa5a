"""Cases as rows: read from ``case_clock`` and ``item`` into the pure values that turnaround and stages work on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from tracking.queries.stages import Parts, Route, Standing, standing
from tracking.queries.words import from_json
from tracking.store.tables import case_clock, item
from tracking.turnaround.clocks import CaseTimes

_AT_ONCE = 500
_COLUMNS = (
    case_clock.c.case_id, case_clock.c.barcode, case_clock.c.lab, case_clock.c.priority, case_clock.c.pathway,
    case_clock.c.specialty, case_clock.c.collected_us, case_clock.c.received_us, case_clock.c.booked_in_us,
    case_clock.c.reported_us, case_clock.c.authorised_us, case_clock.c.steps, case_clock.c.assigned_us,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that is not authorised yet, and where it stands."""

    times: CaseTimes
    standing: Standing


def closed_cases(connection: Connection, lab: str, since_us: int, until_us: int) -> list[CaseTimes]:
    """Return a lab's cases authorised in ``[since, until)``."""
    query = select(*_COLUMNS).where(
        case_clock.c.lab == lab, case_clock.c.authorised_us >= since_us, case_clock.c.authorised_us < until_us
    )
    return [_times(row) for row in connection.execute(query)]


def open_times(connection: Connection, lab: str) -> list[CaseTimes]:
    """Return a lab's cases that are not authorised."""
    return [_times(row) for row in connection.execute(_open_query(lab))]


def open_cases(connection: Connection, lab: str, route: Route) -> dict[int, OpenCase]:
    """Return all open cases of a lab, by case id, with where they stand."""
    return _stand(connection, connection.execute(_open_query(lab)).all(), route)


def cases_by_id(
    connection: Connection, case_ids: Sequence[int], route: Route
) -> tuple[dict[int, OpenCase], dict[int, CaseTimes]]:
    """Return those of the cases that are open, and those that are closed."""
    rows = [
        row
        for some in _chunks(case_ids)
        for row in connection.execute(select(*_COLUMNS).where(case_clock.c.case_id.in_(some)))
    ]
    closed = {row.case_id: _times(row) for row in rows if row.authorised_us is not None}
    return _stand(connection, [row for row in rows if row.authorised_us is None], route), closed


def _open_query(lab: str) -> Any:
    return select(*_COLUMNS).where(case_clock.c.lab == lab, case_clock.c.authorised_us.is_(None))


def _stand(connection: Connection, rows: Iterable[Any], route: Route) -> dict[int, OpenCase]:
    known = list(rows)
    parts = _parts(connection, [row.case_id for row in known])
    return {
        row.case_id: OpenCase(_times(row), standing(route, parts.get(row.case_id, ()), _told(row, route)))
        for row in known
    }


def _parts(connection: Connection, case_ids: Sequence[int]) -> Mapping[int, list[Parts]]:
    """Return how the items of each case stand; a case's own row is asked for by its id."""
    found: defaultdict[int, list[Parts]] = defaultdict(list)
    alike = (item.c.kind, item.c.step, item.c.step_state, item.c.status)
    since = func.coalesce(item.c.step_us, item.c.last_us)
    tally = (func.count(), func.min(since), func.max(since))
    for some in _chunks(case_ids):
        query = select(item.c.case_id, *alike, *tally).where(item.c.case_id.in_(some), item.c.kind != "case")
        for case_id, *rest in connection.execute(query.group_by(item.c.case_id, *alike)):
            found[case_id].append(Parts(*rest))
        for case_id, *rest in connection.execute(select(item.c.id, *alike, since).where(item.c.id.in_(some))):
            kind, step, step_state, status, since_us = rest
            found[case_id].append(Parts(kind, step, step_state, status, 1, since_us, since_us))
    return found


def _told(row: Any, route: Route) -> tuple[str, int] | None:
    """Return the last step that the case's own moments prove to be over, and since when."""
    if row.reported_us is not None:
        return "reporting", row.reported_us
    if row.assigned_us is not None and (reporting := route.index("reporting")) > 0:
        return route.steps[reporting - 1], row.assigned_us
    return None


def _times(row: Any) -> CaseTimes:
    return CaseTimes(
        row.case_id, row.barcode, row.lab, row.priority, row.pathway, row.specialty, row.collected_us,
        row.received_us, row.booked_in_us, row.reported_us, row.authorised_us,
        frozenset(from_json(row.steps) or ()),
    )  # fmt: skip


def _chunks(case_ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (case_ids[start : start + _AT_ONCE] for start in range(0, len(case_ids), _AT_ONCE))
