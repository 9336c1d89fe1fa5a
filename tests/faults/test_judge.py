"""The judge of a storm sees every way in which a log can differ from what was promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.outbox import Entry, Stream
from tests.faults.instruments import BENCHES, MARK
from tests.faults.judge import Account, settle_accounts
from tests.faults.ledger import Ledger, Note

SOURCE = "/bcps/rl4/microtome-1"
Stored = list[tuple[str, str, bytes]]


def body(number: int, word: str = "cut") -> bytes:
    return f'{{"data": {{"{MARK}": {number}, "word": "{word}"}}}}'.encode()


class Books:
    """Two gateways' ledgers: the first has published three events, and died in the publishing of a fourth."""

    def __init__(self, folder: Path) -> None:
        self.ledgers = [Ledger(folder / name) for name in BENCHES]
        note = Note(self.ledgers[0].path)
        for number in range(3):
            note.trying(number, 1)
            note.kept(number, [(Entry(Stream(SOURCE, "boot"), number + 1, body(number)), f"id-{number}")])
        note.trying(3, 1)
        for ledger in self.ledgers:
            ledger.refresh()

    def against(self, stored: Stored) -> Account:
        return settle_accounts(self.ledgers, stored)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def log(*numbers: int) -> Stored:
    return [(SOURCE, f"id-{number}", body(number)) for number in numbers]


def test_what_was_promised_and_is_stored_once_is_well(books: Books) -> None:
    account = books.against(log(0, 1, 2))
    assert (account.stored, account.lost, account.double, account.strange) == (3, [], [], [])


def test_a_promised_event_that_is_not_stored_is_lost(books: Books) -> None:
    account = books.against(log(0, 2))
    assert len(account.lost) == 1
    assert "id-1" in account.lost[0]


def test_an_event_stored_twice_under_one_identity_is_double(books: Books) -> None:
    assert books.against(log(0, 1, 1, 2)).double


def test_an_event_stored_twice_under_two_identities_is_double(books: Books) -> None:
    assert books.against([*log(0, 1, 2), (SOURCE, "another", body(1))]).double


def test_an_event_that_the_gateway_died_over_may_be_stored(books: Books) -> None:
    account = books.against(log(0, 1, 2, 3))
    assert (account.unannounced, account.lost, account.double, account.strange) == (1, [], [], [])


def test_an_event_nobody_made_is_strange(books: Books) -> None:
    assert books.against(log(0, 1, 2, 9)).strange


def test_a_forgery_in_the_place_of_an_event_is_strange(books: Books) -> None:
    assert books.against([*log(0, 1), (SOURCE, "id-2", body(2, "forged"))]).strange


def test_the_products_own_events_are_not_judged(books: Books) -> None:
    account = books.against([*log(0, 1, 2), ("/bcps/rl4/histotwin", "canary", b"{}")])
    assert (account.stored, account.strange) == (3, [])


def test_a_line_cut_off_by_a_kill_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"try 0 2 ;\nkept 0 /bcps/rl4/microt")
    ledger = Ledger(tmp_path / "ledger")
    ledger.refresh()
    assert (ledger.tried, ledger.kept) == (2, {})
    Note(ledger.path).trying(2, 1)
    ledger.refresh()
    assert (ledger.tried, ledger.kept) == (3, {})
