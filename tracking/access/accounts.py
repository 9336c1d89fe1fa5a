"""Sign-in as a whole: one object over the tables, the password hashes and the delays, with its clock handed in."""

from __future__ import annotations

from collections.abc import Iterable

from tracking.access import people, sessions, tokens
from tracking.access.delays import Delays
from tracking.access.passwords import Passwords
from tracking.access.people import Person
from tracking.access.principals import Principal, Role
from tracking.access.tokens import IssuedToken, TokenEntry
from tracking.clock import Clock
from tracking.errors import Forbidden
from tracking.store.database import Database

WRONG = "The name or the password is wrong."


class Access:
    """Accounts, sessions and API tokens. Every call blocks (database, 0.2 s of Argon2): call it from a thread."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords | None = None) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._delays = Delays()

    def add_person(self, name: str, password: str, roles: Iterable[Role], labs: Iterable[str] | None = None) -> Person:
        """Store an account (``labs`` None: all); raises ``Refusal`` for a bad name, a taken one or a weak password."""
        hashed = self._passwords.hash(password)
        with self._database.writing() as connection:
            return people.add_person(connection, name, hashed, roles=roles, labs=labs, now_us=self._clock.now_us())

    def list_people(self) -> list[Person]:
        """Return every account."""
        with self._database.reading() as connection:
            return people.list_people(connection)

    def disable_person(self, name: str) -> None:
        """Close an account and end its sessions; raises ``NotFound``."""
        with self._database.writing() as connection:
            people.disable_person(connection, name)

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Return a new session token.

        Raises ``Forbidden`` with one and the same sentence whether the name, the password or the account's state is
        the reason, and with the seconds to wait after too many failures.
        """
        keys, now_s = (f"name:{name}", f"address:{address}"), self._clock.monotonic_s()
        if wait_s := self._delays.wait_s(keys, now_s):
            raise Forbidden(f"Too many wrong passwords. Try again in {wait_s:.0f} seconds.")
        with self._database.reading() as connection:
            stored = people.password_hash_of(connection, name)
        if not self._passwords.fits(stored, password):
            self._delays.failed(keys, self._clock.monotonic_s())
            raise Forbidden(WRONG)
        self._delays.succeeded(keys)
        return self._begin(name, password, stored or "")

    def _begin(self, name: str, password: str, stored: str) -> str:
        renewed = self._passwords.hash(password) if self._passwords.is_outdated(stored) else None
        with self._database.writing() as connection:
            if renewed:
                people.replace_password_hash(connection, name, renewed)
            people.note_seen(connection, name, self._clock.now_us())
            return sessions.open_session(connection, name, self._clock.now_us())

    def sign_out(self, secret: str) -> None:
        """End a session; an unknown one is no error."""
        with self._database.writing() as connection:
            sessions.close_session(connection, secret)

    def session_principal(self, secret: str) -> Principal | None:
        """Return whose session it is, ``None`` when it has ended; using it keeps it from idling out."""
        now_us = self._clock.now_us()
        with self._database.reading() as connection:
            principal, should_note = sessions.session_principal(connection, secret, now_us)
        if should_note:
            with self._database.writing() as connection:
                sessions.note_use(connection, secret, now_us)
        return principal

    def add_token(
        self, label: str, roles: Iterable[Role], labs: Iterable[str] | None = None, expires_us: int | None = None
    ) -> IssuedToken:
        """Store an API token and return it with its secret, to be shown once."""
        with self._database.writing() as connection:
            now_us = self._clock.now_us()
            return tokens.add_token(connection, label, roles=roles, labs=labs, now_us=now_us, expires_us=expires_us)

    def token_principal(self, secret: str) -> Principal | None:
        """Return what a token may do; ``None`` when it is unknown, revoked or over."""
        with self._database.reading() as connection:
            return tokens.token_principal(connection, secret, self._clock.now_us())

    def list_tokens(self) -> list[TokenEntry]:
        """Return every token without its secret."""
        with self._database.reading() as connection:
            return tokens.list_tokens(connection)

    def revoke_token(self, label: str) -> None:
        """End a token; raises ``NotFound``."""
        with self._database.writing() as connection:
            tokens.revoke_token(connection, label)
