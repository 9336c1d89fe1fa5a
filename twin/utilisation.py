"""How busy people and machines were between two readings of a running model. Reads only."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twin.engine.machines import DOWN

if TYPE_CHECKING:
    from twin.model import LabModel


WORKING, IDLE, OVERTIME = "working", "idle", "overtime"


@dataclass(frozen=True, slots=True)
class Reading:
    """Time of all units of each resource since the run began, µs: present, and in each state.

    People finishing after their shift are in overtime, which is no part of the time present.
    """

    at_us: int
    present_us: dict[str, int]
    state_us: dict[str, dict[str, int]]

    def since(self, earlier: "Reading") -> dict[str, float]:
        """Return each resource's share of present time spent busy; NaN where nobody was present."""
        return {name: _share(_busy(states), present) for name, (present, states) in self.states_since(earlier).items()}

    def busy_mean(self, earlier: "Reading") -> dict[str, float]:
        """Return the mean number of units of each resource at work, overtime included."""
        length = self.at_us - earlier.at_us
        states = self.states_since(earlier)
        return {name: _share(_busy(own) + own.get(OVERTIME, 0), length) for name, (_, own) in states.items()}

    def states_since(self, earlier: "Reading") -> dict[str, tuple[int, dict[str, int]]]:
        """Return for each resource the time present, and the time in each state, between two readings, µs."""
        return {
            name: (
                present - earlier.present_us[name],
                {state: spent - earlier.state_us[name][state] for state, spent in self.state_us[name].items()},
            )
            for name, present in self.present_us.items()
        }


def read(model: "LabModel") -> Reading:
    """Read all meters of a model. A staff group and a machine group of one name are told apart by `machine.`."""
    model.marks()
    now = model.agenda.now
    present, states = {}, {}
    for name, pool in model.pools.items():
        present[name] = pool.present_us
        states[name] = {WORKING: pool.busy_us, OVERTIME: pool.over_us, IDLE: pool.present_us - pool.busy_us}
    for name, group in model.machines.items():
        label = f"machine.{name}" if name in model.pools else name
        present[label] = (now - model.started_us) * group.count
        away = sum(group.state_us.values())
        states[label] = {**group.state_us, IDLE: present[label] - away}
    return Reading(now, present, states)


def _busy(states: dict[str, int]) -> int:
    return sum(spent for state, spent in states.items() if state not in {IDLE, OVERTIME, DOWN})


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
