"""A run's record as tidy polars frames: a row a case, a visit, a state of a resource. Computes no measures.

Kept apart from `measures`, so that a run that wants no frames need not import polars.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from twin.distributions import DAY, HOUR
from twin.kinds import NEEDED, Kinds
from twin.utilisation import Reading, read

if TYPE_CHECKING:
    from twin.model import LabModel

MOMENT = pl.Datetime("us", "UTC")
NAMES = ("cases", "visits", "resources", "wip")
"""The frames of a run, which are the names of their files too."""


def frames(model: "LabModel", begin: Reading, replication: int) -> dict[str, pl.DataFrame]:
    """Return all frames of a run since a reading taken at the end of its warm-up, by name.

    Times are UTC, durations say their unit. Cases are those finished in the window, visits those that ended in it.
    """
    found = {
        "cases": cases(model),
        "visits": visits(model),
        "resources": resources(model, begin),
        "wip": work_in_progress(model),
    }
    own = pl.lit(replication, pl.Int32).alias("replication")
    return {name: frame.select(own, pl.all()) for name, frame in found.items()}


def cases(model: "LabModel") -> pl.DataFrame:
    """Return a row for each finished case: its number, attributes, moments and calendar turnaround."""
    record = model.record
    kinds = _attributes(model.kinds)
    frame = pl.DataFrame(
        {
            "case": _column(record.number),
            "kind": _column(record.kind),
            "received": _moments(record.received_us),
            "lab_done": _moments(record.lab_done_us),
            "finished": _moments(record.finished_us),
        }
    )
    days = ((pl.col(end) - pl.col("received")).dt.total_microseconds() / DAY for end in ("finished", "lab_done"))
    return (
        frame.join(kinds, on="kind", how="left", maintain_order="left")
        .drop("kind")
        .with_columns(*(column.alias(name) for column, name in zip(days, ("tat_d", "lab_tat_d"), strict=True)))
    )


def visits(model: "LabModel") -> pl.DataFrame:
    """Return a row for each visit of an item to a step, in order of steps and then of ends."""
    kinds = _attributes(model.kinds).select("kind", "priority")
    parts = [
        pl.DataFrame(
            {
                "step": pl.repeat(station.name, len(station.visits), eager=True),
                "kind": _column(station.visits.kind),
                "items": pl.Series(station.visits.quantities()),
                "arrived": _moments(station.visits.arrived_us),
                "started": _moments(station.visits.started_us),
                "ended": _moments(station.visits.ended_us),
            }
        )
        for station in model.stations
        if station.visits is not None
    ]
    waited = (pl.col("started") - pl.col("arrived")).dt.total_microseconds() / HOUR
    frame = pl.concat(parts) if parts else pl.DataFrame(schema=_VISITS)
    return (
        frame.join(kinds, on="kind", how="left", maintain_order="left")
        .drop("kind")
        .with_columns(waited.alias("wait_h"))
    )


_VISITS = {
    "step": pl.String(), "kind": pl.Int64(), "items": pl.Int64(), "arrived": MOMENT, "started": MOMENT, "ended": MOMENT,
}  # fmt: skip


def resources(model: "LabModel", begin: Reading) -> pl.DataFrame:
    """Return a row for each state of each resource: hours spent in it by all its units together, and their share.

    People: working, idle (present, nothing to do), overtime (finishing after the shift). Machines: loading, working,
    waiting_for_staff, unloading, down, idle. Shares are of present time; overtime's too.
    """
    states = read(model).states_since(begin)
    rows = [
        {"resource": name, "state": state, "hours": spent / HOUR, "share": spent / total if total else None}
        for name, (total, by_state) in states.items()
        for state, spent in by_state.items()
    ]
    schema = {"resource": pl.String, "state": pl.String, "hours": pl.Float64, "share": pl.Float64}
    return pl.DataFrame(rows, schema=schema)


def work_in_progress(model: "LabModel") -> pl.DataFrame:
    """Return the cases in progress at every full hour since the end of the warm-up."""
    record, now = model.record, model.agenda.now
    hours = np.arange(record.since_us, now + 1, HOUR, dtype=np.int64)
    open_us = np.array([case.received_us for case in model.open_cases], dtype=np.int64)
    came = np.sort(np.concatenate([_array(record.received_us), _array(record.lost_received_us), open_us]))
    went = np.sort(np.concatenate([_array(record.finished_us), _array(record.lost_at_us)]))
    present = np.searchsorted(came, hours, side="right") - np.searchsorted(went, hours, side="right")
    return pl.DataFrame({"at": pl.Series(hours).cast(MOMENT), "cases": present})


def write(found: dict[str, pl.DataFrame], folder: Path, replication: int) -> None:
    """Write the frames of one replication as Parquet, each beside those of the other replications."""
    for name, frame in found.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(place / f"{replication:05d}.parquet")


def gather(folder: Path) -> dict[str, Path]:
    """Join what the replications wrote into one Parquet file a frame and return the files by name."""
    files = {}
    for name in NAMES:
        parts = sorted((folder / name).glob("*.parquet"))
        if not parts:
            continue
        files[name] = folder / f"{name}.parquet"
        pl.scan_parquet(parts, missing_columns="insert", extra_columns="ignore").sink_parquet(files[name])
        for part in parts:
            part.unlink()
        (folder / name).rmdir()
    return files


def _attributes(kinds: Kinds) -> pl.DataFrame:
    """Return a row for each kind with its attributes as columns."""
    known = [kinds.attributes(kind) for kind in range(len(kinds))]
    names = sorted({name for attributes in known for name in attributes if not name.startswith(NEEDED)})
    columns = {name: pl.Series([own.get(name) for own in known], dtype=pl.String) for name in names}
    return pl.DataFrame({"kind": pl.Series(range(len(known)), dtype=pl.Int64), **columns})


def _array(column: "object") -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(column, dtype=np.int64)


def _column(column: "object") -> pl.Series:
    return pl.Series(_array(column), dtype=pl.Int64)


def _moments(column: "object") -> pl.Series:
    return pl.Series(_array(column)).cast(MOMENT)
