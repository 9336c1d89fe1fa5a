"""Runs a lab file as the product runs it: one replication from empty, with its checks and its summary."""

from twin.calendars import Timetable
from twin.lab import Lab
from twin.simulate import replicate
from twin.variates import Streams


def run_lab(lab: Lab, seed: int, *, weeks: float | None = None) -> dict[str, float]:
    """Return the measures of one replication of the run that the file asks for, or of so many weeks of it."""
    run = lab.run if weeks is None else lab.run.model_copy(update={"weeks": weeks})
    return replicate(lab, run, Streams(seed, lab.name), Timetable(lab))
