"""Which labs a question may reach: the one place where scope is applied. A foreign lab is an unknown one."""

from __future__ import annotations

from tracking.access.principals import Principal
from tracking.errors import NotFound
from tracking.registry import Lab, Registry


def visible_lab(registry: Registry, principal: Principal, lab_id: str) -> Lab:
    """Return a lab; raises the same ``NotFound`` for one that does not exist and one that is not to be seen."""
    if lab_id not in registry.labs or not principal.may_see(lab_id):
        raise NotFound(f"There is no laboratory {lab_id!r}.")
    return registry.labs[lab_id]


def visible_labs(registry: Registry, principal: Principal, lab_id: str | None = None) -> list[Lab]:
    """Return the labs within the principal's scope in the registry's order, or just the one named."""
    if lab_id is not None:
        return [visible_lab(registry, principal, lab_id)]
    return [lab for lab in registry.labs.values() if principal.may_see(lab.id)]
