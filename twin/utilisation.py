"""How busy people and machines were between two readings of a running model. Reads only."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.model import LabModel


@dataclass(frozen=True, slots=True)
class Reading:
    """Busy and available time of each resource since the run began, µs. Staff finishing over count in neither."""

    at_us: int
    busy_us: dict[str, int]
    available_us: dict[str, int]

    def since(self, earlier: "Reading") -> dict[str, float]:
        """Return each resource's share of available time spent busy; NaN where nothing was available."""
        return {
            name: _share(busy - earlier.busy_us[name], self.available_us[name] - earlier.available_us[name])
            for name, busy in self.busy_us.items()
        }


def read(model: "LabModel") -> Reading:
    """Read all meters of a model. A staff group and a machine group of one name are told apart by `machine.`."""
    model.marks()
    now = model.agenda.now
    busy, available = {}, {}
    for name, pool in model.pools.items():
        busy[name], available[name] = pool.busy_us, pool.present_us
    for name, group in model.machines.items():
        label = f"machine.{name}" if name in model.pools else name
        busy[label], available[label] = group.busy_us, (now - model.started_us) * group.count
    return Reading(now, busy, available)


def _share(busy: int, available: int) -> float:
    return busy / available if available else math.nan
