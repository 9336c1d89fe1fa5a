"""Who gets in: passwords, waits, sessions and tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracking.queries.stored_rows import TestClock, fresh_database
from tracking.access import Access, Role
from tracking.access.passwords import Passwords
from tracking.errors import Forbidden, NotFound, Refusal
from tracking.store import tables
from tracking.store.database import Database

GOOD = "a long enough password"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return fresh_database(tmp_path)


@pytest.fixture
def access(database: Database, clock: TestClock) -> Access:
    access = Access(database, clock, Passwords(memory_kib=64, rounds=1))
    access.add_person("anna", GOOD, [Role.SCIENTIST], ["rl4"])
    return access


def test_a_person_signs_in_and_is_known_by_the_session(access: Access) -> None:
    principal = access.session_principal(access.sign_in("anna", GOOD, "10.0.0.1"))
    assert principal is not None
    assert (principal.name, principal.roles, principal.labs) == ("anna", {Role.SCIENTIST}, {"rl4"})


def test_wrong_name_wrong_password_and_disabled_account_sound_the_same(access: Access) -> None:
    access.add_person("ben", GOOD, [Role.VIEWER])
    access.disable_person("ben")
    said = set()
    for name, password in (("anna", "wrong password!"), ("nobody", GOOD), ("ben", GOOD)):
        with pytest.raises(Forbidden) as caught:
            access.sign_in(name, password, "10.0.0.1")
        said.add(str(caught.value))
    assert said == {"The name or the password is wrong."}


def test_after_five_failures_there_is_a_wait_that_grows_and_ends(access: Access, clock: TestClock) -> None:
    for _ in range(5):
        with pytest.raises(Forbidden, match="wrong"):
            access.sign_in("anna", "wrong password!", "10.0.0.1")
    with pytest.raises(Forbidden, match="Try again"):
        access.sign_in("anna", GOOD, "10.0.0.99")
    with pytest.raises(Forbidden, match="Try again"):
        access.sign_in("somebody-else", GOOD, "10.0.0.1")
    clock.pass_s(1.5)
    assert access.sign_in("anna", GOOD, "10.0.0.99")


def test_a_session_ends_after_12_hours_and_after_30_idle_minutes(access: Access, clock: TestClock) -> None:
    busy, idle = access.sign_in("anna", GOOD, "a"), access.sign_in("anna", GOOD, "a")
    for _ in range(12 * 3 - 1):
        clock.pass_s(1200)
        assert access.session_principal(busy) is not None
    assert access.session_principal(idle) is None
    clock.pass_s(1200)
    assert access.session_principal(busy) is None


def test_disabling_a_person_ends_the_sessions_at_once(access: Access) -> None:
    secret = access.sign_in("anna", GOOD, "a")
    access.disable_person("anna")
    assert access.session_principal(secret) is None


def test_signing_out_ends_one_session_only(access: Access) -> None:
    one, other = access.sign_in("anna", GOOD, "a"), access.sign_in("anna", GOOD, "a")
    access.sign_out(one)
    assert access.session_principal(one) is None
    assert access.session_principal(other) is not None


def test_no_secret_is_in_the_database(access: Access, database: Database) -> None:
    session, token = access.sign_in("anna", GOOD, "a"), access.add_token("lims", [Role.VIEWER]).secret
    with database.reading() as connection:
        stored = repr(
            [connection.execute(table.select()).all() for table in (tables.person, tables.session, tables.token)]
        )
    assert not any(secret in stored for secret in (session, token, GOOD))


def test_an_outdated_hash_is_renewed_at_sign_in(database: Database, clock: TestClock, access: Access) -> None:
    stronger = Access(database, clock, Passwords(memory_kib=128, rounds=1))
    stronger.sign_in("anna", GOOD, "a")
    with database.reading() as connection:
        assert "m=128" in connection.execute(tables.person.select()).one().password_hash


@pytest.mark.parametrize(("name", "password", "roles", "reason"), [
    ("carl", "short", [Role.VIEWER], "weak_password"), ("carl", "x" * 300, [Role.VIEWER], "weak_password"),
    ("anna", GOOD, [Role.VIEWER], "name_taken"), ("Ann A", GOOD, [Role.VIEWER], "bad_name"),
    ("а-cyrillic", GOOD, [Role.VIEWER], "bad_name"), ("carl", GOOD, [], "no_role"),
])  # fmt: skip
def test_a_bad_account_is_refused(access: Access, name: str, password: str, roles: list[Role], reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        access.add_person(name, password, roles)
    assert caught.value.reason == reason


def test_a_token_works_until_it_ends_or_is_revoked(access: Access, clock: TestClock) -> None:
    forever = access.add_token("lims", [Role.SCIENTIST], ["rl4"]).secret
    short = access.add_token("trial", [Role.VIEWER], expires_us=clock.now_us() + 60_000_000).secret
    principal = access.token_principal(forever)
    assert principal is not None
    assert (principal.name, principal.labs) == ("token:lims", {"rl4"})
    assert access.token_principal(short) is not None
    clock.pass_s(60)
    assert access.token_principal(short) is None
    access.revoke_token("lims")
    assert access.token_principal(forever) is None
    assert [entry.is_revoked for entry in access.list_tokens()] == [True, False]


def test_unknown_names_are_said_so(access: Access) -> None:
    for ask in (access.disable_person, access.revoke_token):
        with pytest.raises(NotFound):
            ask("nobody")
    assert access.token_principal("ht_nothing") is None
    assert access.session_principal("nothing") is None
