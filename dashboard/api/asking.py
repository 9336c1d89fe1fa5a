"""What every call is handed: the parts, who is asking, a reading connection; and the check of a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, cast

from fastapi import Depends, Request
from pydantic import AfterValidator, StringConstraints
from sqlalchemy import Connection

from dashboard.api.parts import Parts
from tracking.access import Principal, Role
from tracking.decoding import storable
from tracking.errors import Forbidden

WRITERS = (Role.SCIENTIST, Role.PLANNER, Role.MANAGER)


def parts_of(request: Request) -> Parts:
    """Return what the API is wired with."""
    return cast("Parts", request.app.state.parts)


def principal_of(request: Request) -> Principal:
    """Return who is asking; raises ``Forbidden`` where the gate let nobody in, so that nothing is open by mistake."""
    principal = request.scope.get("state", {}).get("principal")
    if not isinstance(principal, Principal):
        raise Forbidden("Nobody is signed in here.")
    return principal


def with_role(*roles: Role) -> Callable[[Request], Principal]:
    """Return a dependency that asks for one of the roles; an admin holds all."""

    def check(request: Request) -> Principal:
        principal = principal_of(request)
        if not principal.has(*roles):
            raise Forbidden(f"This needs the role {' or '.join(roles)}.")
        return principal

    return check


def reading(request: Request) -> Iterator[Connection]:
    """Give a reading transaction for the length of one call."""
    with parts_of(request).database.reading() as connection:
        yield connection


def require_storable(text: str) -> str:
    """Return a text that both databases keep; raises ``ValueError`` for any other."""
    if storable(text) != text:
        raise ValueError("text without NUL characters and half Unicode pairs")
    return text


PartsOf = Annotated[Parts, Depends(parts_of)]
Anybody = Annotated[Principal, Depends(with_role(*Role))]
Writer = Annotated[Principal, Depends(with_role(*WRITERS))]
Manager = Annotated[Principal, Depends(with_role(Role.MANAGER))]
Reading = Annotated[Connection, Depends(reading)]
Sentence = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256), AfterValidator(require_storable)
]
"""What a person gives as a reason or a note."""
