"""What a person or program may see and do. Pure: knows no password, no session and no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person does here."""

    VIEWER = "viewer"
    SCIENTIST = "scientist"
    PLANNER = "planner"
    MANAGER = "manager"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The person or program asking. ``labs`` is ``None`` for all laboratories."""

    name: str
    roles: frozenset[Role]
    labs: frozenset[str] | None

    def may_see(self, lab: str) -> bool:
        """Tell whether the lab is within this principal's scope."""
        return self.labs is None or lab in self.labs

    def scope(self, labs: frozenset[str]) -> frozenset[str]:
        """Return those of ``labs`` that this principal may see."""
        return labs if self.labs is None else labs & self.labs

    def has(self, *roles: Role) -> bool:
        """Tell whether any of the roles is held; an admin holds all."""
        return Role.ADMIN in self.roles or not self.roles.isdisjoint(roles)
