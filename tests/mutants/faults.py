"""The list of all seeded faults. What each is, stands with its kind; how it is tried, in `harness`."""

from tests.mutants.fault import Fault
from tests.mutants.of_gathering import OF_GATHERING
from tests.mutants.of_people import OF_PEOPLE
from tests.mutants.of_time_and_counting import OF_TIME_AND_COUNTING
from tests.mutants.of_waiting import OF_WAITING

FAULTS: tuple[Fault, ...] = OF_PEOPLE + OF_WAITING + OF_GATHERING + OF_TIME_AND_COUNTING


def named(part: str) -> tuple[Fault, ...]:
    """Return the faults whose name or file holds a text."""
    return tuple(fault for fault in FAULTS if part in fault.name or part in fault.file)
