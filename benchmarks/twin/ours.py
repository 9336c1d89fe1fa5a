"""Runs a lab file as the product runs it: one replication from empty, with its checks and its summary."""

from twin.lab import Lab
from twin.simulate import replicate
from twin.variates import Streams


def run_lab(lab: Lab, seed: int, *, weeks: float | None = None) -> dict[str, float]:
    """Return the measures of one replication of the run that the file asks for, or of so many weeks of it."""
    return replicate(lab, Streams(seed, lab.name), weeks=weeks)
