"""API tokens for programs: shown once, kept as SHA-256, with roles, labs and an end."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from tracking.access.people import given_roles, read_labs, read_roles, write_labs, write_roles
from tracking.access.principals import Principal, Role
from tracking.access.sessions import digest
from tracking.errors import NotFound, Refusal
from tracking.store.tables import token

PREFIX = "ht_"


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """One token as it can be listed; its secret is not known any more."""

    label: str
    roles: frozenset[Role]
    labs: frozenset[str] | None
    created_us: int
    expires_us: int | None
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token with its secret, to be shown once."""

    secret: str
    entry: TokenEntry


def add_token(
    connection: Connection,
    label: str,
    *,
    roles: Iterable[Role],
    labs: Iterable[str] | None,
    now_us: int,
    expires_us: int | None = None,
) -> IssuedToken:
    """Store a new token; raises ``Refusal`` when the label is empty or taken, or no role is given."""
    if not 1 <= len(label) <= 64:
        raise Refusal("bad_label", "A token needs a label of 1 to 64 characters.")
    if connection.execute(select(token.c.label).where(token.c.label == label)).first():
        raise Refusal("label_taken", f"There is already a token {label!r}.")
    scope = None if labs is None else frozenset(labs)
    entry = TokenEntry(label, given_roles(roles), scope, now_us, expires_us, False)
    secret = PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        insert(token).values(
            token_hash=digest(secret), label=label, roles=write_roles(entry.roles), labs=write_labs(scope),
            created_us=now_us, expires_us=expires_us, revoked=False,
        )
    )  # fmt: skip
    return IssuedToken(secret, entry)


def token_principal(connection: Connection, secret: str, now_us: int) -> Principal | None:
    """Return what a token may do; ``None`` when it is unknown, revoked or past its end."""
    row = connection.execute(select(token).where(token.c.token_hash == digest(secret))).one_or_none()
    if row is None or row.revoked or (row.expires_us is not None and now_us >= row.expires_us):
        return None
    return Principal(f"token:{row.label}", read_roles(row.roles), read_labs(row.labs))


def list_tokens(connection: Connection) -> list[TokenEntry]:
    """Return every token by label."""
    return [
        TokenEntry(row.label, read_roles(row.roles), read_labs(row.labs), row.created_us, row.expires_us, row.revoked)
        for row in connection.execute(select(token).order_by(token.c.label))
    ]


def revoke_token(connection: Connection, label: str) -> None:
    """End a token at once; raises ``NotFound``."""
    if not connection.execute(update(token).where(token.c.label == label).values(revoked=True)).rowcount:
        raise NotFound(f"There is no token {label!r}.")
