"""Makes the people of a model from its lab file, each group by what it is able to do, and says who is asked how."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.engine.interruptible import InterruptiblePool
from twin.engine.sharing import SharingPool
from twin.engine.skills import Line, SkilledPool, Turns
from twin.engine.staff import StaffPool
from twin.lab import Lab, Step
from twin.stations.terms import Staff

if TYPE_CHECKING:
    from twin.model import LabModel

UNLIMITED = 1 << 40
"""As many as ask."""


class Staffing:
    """The people of one model: `pools` by group, and in `staff` whoever a step can ask, by group or skill."""

    def __init__(self, model: "LabModel") -> None:
        self._model = model
        self._lab: Lab = model.lab
        self._turns = Turns()
        self._skills = asked_skills(model.lab)
        self.pools: dict[str, StaffPool] = {name: self._pool(name) for name in self._lab.staff}
        self.staff: dict[str, Staff] = {name: _asked(pool) for name, pool in self.pools.items()}
        self.staff.update({skill: self._line(skill) for skill in self._skills})
        self.nobody: Staff = StaffPool(model.agenda, "", UNLIMITED)
        """Asked where a machine is needed and no person."""

    def _pool(self, name: str) -> StaffPool:
        model, group = self._model, self._lab.staff[name]
        now = model.agenda.now
        present, changes = model.timetable.capacity(name, now), model.timetable.capacity_changes(name, now)
        if group.serves == "all_at_once":
            return SharingPool(model.agenda, name, present, changes)
        if group.is_interruptible:
            return self._interruptible(name, present, changes)
        if not self._skills.isdisjoint(group.skills):
            return SkilledPool(model.agenda, name, present, changes, turns=self._turns)
        return StaffPool(model.agenda, name, present, changes, last_come=group.serves == "last_come")

    def _interruptible(self, name: str, present: int, changes: Iterator[tuple[int, int]]) -> InterruptiblePool:
        group = self._lab.staff[name]
        return InterruptiblePool(
            self._model.agenda,
            name,
            present,
            changes,
            turns=self._turns,
            shift_end=group.at_shift_end,
            preempts=group.preempts,
            afterwards=group.interrupted_work,
        )

    def _line(self, skill: str) -> Line:
        groups = (self.pools[name] for name in self._lab.groups_of(skill))
        return Line(skill, self._turns, [group for group in groups if isinstance(group, SkilledPool)])


def sets_pace(lab: Lab, step: Step) -> bool:
    """Tell whether the work of a step by hand may be interrupted, or is done on many items at once."""
    groups = (lab.staff[group] for name in step.hand_staff for group in lab.groups_of(name))
    return any(group.is_interruptible or group.serves == "all_at_once" for group in groups)


def asked_skills(lab: Lab) -> frozenset[str]:
    """Return the skills that a step of a lab asks for by name."""
    return frozenset(name for step in lab.steps for name in asked_of(step) if name not in lab.staff)


def asked_of(step: Step) -> set[str]:
    """Return the groups and skills that a step asks for, by hand, for a machine or for a way."""
    names = set(step.hand_staff)
    if step.transport is not None and step.transport.staff:
        names.add(step.transport.staff)
    for programme in step.batch.programmes if step.batch else ():
        handlings = (step.batch.load_of(programme), step.batch.unload_of(programme)) if step.batch else ()
        names |= {handling.staff for handling in handlings if handling is not None}
    return names


def _asked(pool: StaffPool) -> Staff:
    return pool.own if isinstance(pool, SkilledPool) else pool
