"""Signed-in browsers: a random 256-bit token in the cookie, its SHA-256 here. Ends after 12 hours, or 30 idle minutes.

Limits follow NIST SP 800-63B AAL2 §4.2.3. The last use is written at most once a minute: looking
should not write.
"""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Connection, delete, insert, select, update

from tracking.access.people import find_person
from tracking.access.principals import Principal
from tracking.clock import HOUR_US, MINUTE_US
from tracking.store.tables import session

LONGEST_SESSION_US = 12 * HOUR_US
LONGEST_IDLE_US = 30 * MINUTE_US
NOTE_USE_EVERY_US = MINUTE_US


def open_session(connection: Connection, name: str, now_us: int) -> str:
    """Store a new session for a person and return the token for the cookie, which is kept nowhere."""
    secret = secrets.token_urlsafe(32)
    connection.execute(delete(session).where(session.c.expires_us <= now_us))
    connection.execute(
        insert(session).values(
            token_hash=digest(secret), person=name, created_us=now_us, seen_us=now_us,
            expires_us=now_us + LONGEST_SESSION_US,
        )
    )  # fmt: skip
    return secret


def session_principal(connection: Connection, secret: str, now_us: int) -> tuple[Principal | None, bool]:
    """Return whose session it is (``None``: nobody's, any more) and whether its last use should be written down."""
    row = connection.execute(select(session).where(session.c.token_hash == digest(secret))).one_or_none()
    if row is None or now_us >= min(row.expires_us, row.seen_us + LONGEST_IDLE_US):
        return None, False
    who = find_person(connection, row.person)
    if who is None or who.is_disabled:
        return None, False
    return who.principal, now_us - row.seen_us >= NOTE_USE_EVERY_US


def note_use(connection: Connection, secret: str, now_us: int) -> None:
    """Write down that a session was used."""
    connection.execute(update(session).where(session.c.token_hash == digest(secret)).values(seen_us=now_us))


def close_session(connection: Connection, secret: str) -> None:
    """End a session."""
    connection.execute(delete(session).where(session.c.token_hash == digest(secret)))


def digest(secret: str) -> bytes:
    """Return what is stored of a random token: plain SHA-256, since 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()
