"""Local accounts in the table ``person``: for small labs, and to get in when single sign-on is down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from tracking.access.principals import Principal, Role
from tracking.errors import NotFound, Refusal
from tracking.store.tables import person, session

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Person:
    """One account; ``labs`` is ``None`` for all laboratories."""

    name: str
    roles: frozenset[Role]
    labs: frozenset[str] | None
    is_disabled: bool
    created_us: int
    seen_us: int | None

    @property
    def principal(self) -> Principal:
        """What this person may see and do."""
        return Principal(self.name, self.roles, self.labs)


def add_person(
    connection: Connection,
    name: str,
    password_hash: str,
    *,
    roles: Iterable[Role],
    labs: Iterable[str] | None,
    now_us: int,
) -> Person:
    """Store an account; raises ``Refusal`` when the name is not allowed or taken, or no role is given."""
    if not _NAME.fullmatch(name):
        raise Refusal("bad_name", f"{name!a} is no account name: use a-z, 0-9, dot, dash, @ and at most 64 characters.")
    if find_person(connection, name) is not None:
        raise Refusal("name_taken", f"There is already an account {name!r}.")
    entry = Person(name, given_roles(roles), None if labs is None else frozenset(labs), False, now_us, None)
    connection.execute(
        insert(person).values(
            name=name, password_hash=password_hash, roles=write_roles(entry.roles), labs=write_labs(entry.labs),
            disabled=False, created_us=now_us, seen_us=None,
        )
    )  # fmt: skip
    return entry


def find_person(connection: Connection, name: str) -> Person | None:
    """Return an account by name."""
    row = connection.execute(select(person).where(person.c.name == name)).one_or_none()
    return None if row is None else _read(row)


def list_people(connection: Connection) -> list[Person]:
    """Return every account by name."""
    return [_read(row) for row in connection.execute(select(person).order_by(person.c.name))]


def disable_person(connection: Connection, name: str) -> None:
    """Close an account and end its sessions at once; raises ``NotFound``."""
    changed = connection.execute(update(person).where(person.c.name == name).values(disabled=True))
    if not changed.rowcount:
        raise NotFound(f"There is no account {name!r}.")
    connection.execute(delete(session).where(session.c.person == name))


def password_hash_of(connection: Connection, name: str) -> str | None:
    """Return the stored hash of an account that is not disabled."""
    return connection.execute(
        select(person.c.password_hash).where(person.c.name == name, person.c.disabled.is_(False))
    ).scalar_one_or_none()


def replace_password_hash(connection: Connection, name: str, password_hash: str) -> None:
    """Store a new hash for an account."""
    connection.execute(update(person).where(person.c.name == name).values(password_hash=password_hash))


def note_seen(connection: Connection, name: str, now_us: int) -> None:
    """Write down when the person last signed in."""
    connection.execute(update(person).where(person.c.name == name).values(seen_us=now_us))


def given_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles; raises ``Refusal('no_role')`` when there is none."""
    given = frozenset(roles)
    if not given:
        raise Refusal("no_role", f"Give at least one role: {', '.join(Role)}.")
    return given


def write_roles(roles: frozenset[Role]) -> str:
    """Return roles as the database keeps them: JSON, sorted."""
    return json.dumps(sorted(roles))


def write_labs(labs: frozenset[str] | None) -> str | None:
    """Return a scope as the database keeps it: JSON, sorted; ``None`` for all."""
    return None if labs is None else json.dumps(sorted(labs))


def read_roles(text: str) -> frozenset[Role]:
    """Return stored roles; a word that is no role any more gives nothing."""
    known = set(map(str, Role))
    return frozenset(Role(word) for word in json.loads(text) if word in known)


def read_labs(text: str | None) -> frozenset[str] | None:
    """Return a stored scope."""
    return None if text is None else frozenset(json.loads(text))


def _read(row: Row[tuple[object, ...]]) -> Person:
    return Person(row.name, read_roles(row.roles), read_labs(row.labs), row.disabled, row.created_us, row.seen_us)
