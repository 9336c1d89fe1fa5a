"""What the ``user`` and ``token`` commands do, and how they say it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dashboard.operations.settings import Settings
from tracking.access.accounts import Access
from tracking.access.principals import Role
from tracking.clock import DAY_US, to_rfc3339
from tracking.errors import InputMistakes, Mistake, Refusal
from tracking.registry import load_registry
from tracking.store.database import open_database
from tracking.store.migrate import require_current


def add_person(settings: Settings, name: str, password: str, roles: Sequence[str], labs: Sequence[str] | None) -> None:
    """Add an account; raises ``InputMistakes`` for a role, laboratory, name or password that cannot be."""
    with _access(settings) as access, _as_mistake("user add", name):
        access.add_person(name, password, _roles(roles), _labs(settings, labs))


def list_people(settings: Settings, *, as_json: bool) -> str:
    """Return the accounts as a table or JSON."""
    with _access(settings) as access:
        rows = [
            {
                "name": person.name, "roles": sorted(person.roles), "labs": _sorted(person.labs),
                "disabled": person.is_disabled, "last_seen": _moment(person.seen_us),
            }
            for person in access.list_people()
        ]  # fmt: skip
    return _shown(rows, as_json=as_json, nothing="Nobody may sign in yet: histotwin user add NAME --role admin")


def disable_person(settings: Settings, name: str) -> None:
    """End an account and its sessions; raises ``NotFound``."""
    with _access(settings) as access:
        access.disable_person(name)


def add_token(settings: Settings, label: str, roles: Sequence[str], labs: Sequence[str] | None, days: int) -> str:
    """Issue a token and return its secret, which is shown this once."""
    with _access(settings) as access, _as_mistake("token add", label):
        expires_us = settings.clock().now_us() + days * DAY_US
        return access.add_token(label, _roles(roles), _labs(settings, labs), expires_us=expires_us).secret


def list_tokens(settings: Settings, *, as_json: bool) -> str:
    """Return the tokens as a table or JSON."""
    with _access(settings) as access:
        rows = [
            {
                "label": token.label, "roles": sorted(token.roles), "labs": _sorted(token.labs),
                "expires": _moment(token.expires_us), "revoked": token.is_revoked,
            }
            for token in access.list_tokens()
        ]  # fmt: skip
    return _shown(rows, as_json=as_json, nothing="There are no tokens: histotwin token add LABEL --role viewer")


def revoke_token(settings: Settings, label: str) -> None:
    """End a token; raises ``NotFound``."""
    with _access(settings) as access:
        access.revoke_token(label)


@contextmanager
def _access(settings: Settings) -> Iterator[Access]:
    database = open_database(settings.url)
    try:
        require_current(database)
        yield Access(database, settings.clock())
    finally:
        database.close()


@contextmanager
def _as_mistake(command: str, value: str) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise InputMistakes([Mistake(command, refusal.reason, value, refusal.message)]) from None


def _roles(names: Iterable[str]) -> list[Role]:
    try:
        return [Role(name) for name in names]
    except ValueError as error:
        raise InputMistakes([Mistake("command line", "--role", str(error), f"one of {', '.join(Role)}")]) from None


def _labs(settings: Settings, names: Sequence[str] | None) -> list[str] | None:
    if not names:
        return None
    known = load_registry(settings.network_files).labs
    wrong = [
        Mistake("command line", "--lab", name, f"one of {', '.join(known)}") for name in names if name not in known
    ]
    if wrong:
        raise InputMistakes(wrong)
    return list(names)


def _sorted(labs: frozenset[str] | None) -> list[str] | str:
    return "all" if labs is None else sorted(labs)


def _moment(moment_us: int | None) -> str | None:
    return None if moment_us is None else to_rfc3339(moment_us)


def _shown(rows: Sequence[Mapping[str, Any]], *, as_json: bool, nothing: str) -> str:
    if as_json:
        return json.dumps(list(rows), indent=1)
    if not rows:
        return nothing
    return "\n".join("  ".join(f"{key}={_plain(value)}" for key, value in row.items()) for row in rows)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(entry) for entry in value)
    return "never" if value is None else str(value)
