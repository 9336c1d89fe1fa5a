"""What a seeded fault is: one small change to the twin that the laboratory's tests must notice. Changes nothing."""

from dataclasses import dataclass

_TWIN_TESTS = "tests/twin"
KERNEL = f"{_TWIN_TESTS}/test_engine.py"
WAITING = f"{_TWIN_TESTS}/engine/test_waiting.py"
INTERRUPTION = f"{_TWIN_TESTS}/engine/test_interruption.py"
SKILLS = f"{_TWIN_TESTS}/engine/test_skills.py"
SHARING = f"{_TWIN_TESTS}/engine/test_sharing.py"
CROWDS = f"{_TWIN_TESTS}/engine/test_crowds.py"
LANES = f"{_TWIN_TESTS}/test_lanes.py"
IN_MACHINE = f"{_TWIN_TESTS}/stations/test_in_machine.py"
CLOSING = f"{_TWIN_TESTS}/stations/test_closing.py"
CARRIED = f"{_TWIN_TESTS}/stations/test_carried.py"
BREAKDOWNS = f"{_TWIN_TESTS}/stations/test_breakdowns.py"
PATHWAY = f"{_TWIN_TESTS}/test_model.py"
STATES = f"{_TWIN_TESTS}/test_snapshot.py"
CALENDARS = f"{_TWIN_TESTS}/test_calendars.py"
ARRIVALS = f"{_TWIN_TESTS}/test_arrivals.py"
LUCK = f"{_TWIN_TESTS}/test_variates.py"
MEASURES = f"{_TWIN_TESTS}/test_measures.py"
FAMILIES = f"{_TWIN_TESTS}/distributions/test_families.py"
EXACT = "tests/simulations/validation/test_deterministic.py"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, told in the laboratory's words: in `file`, `old`, which stands there once, becomes `new`.

    Of the tests `caught_by`, given as pytest is, at least one must fail.
    """

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
