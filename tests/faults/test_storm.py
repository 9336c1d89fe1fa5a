"""Whatever dies on the way from an instrument to the database: nothing is lost and nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.instruments import LARGEST_BATCH
from tests.faults.judge import Verdict, longest_back_s
from tests.faults.plan import BROKER_INGEST, SETUPS, Kind, Setup, kinds, plan
from tests.faults.run import run_storm
from tests.postgres import has_postgres

SQUALL = (
    Kind("at", "ingest", "after_commit"), Kind("kill", "broker"), Kind("kill", "gateway"), Kind("reset", BROKER_INGEST),
    Kind("publish", "poison"), Kind("forge", "event"),
)  # fmt: skip


def assert_nearly_all_were_made(verdict: Verdict) -> None:
    """Each kill of a gateway may come before what it was about to keep is on its disk: then nobody was promised it."""
    assert verdict.account.stored >= verdict.events - LARGEST_BATCH * verdict.kills["gateway"]


def test_a_squall_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    verdict = run_storm("sqlite", 11, 600, len(SQUALL), tmp_path, 400.0, of=SQUALL)
    assert verdict.complaints == []
    assert_nearly_all_were_made(verdict)
    assert verdict.poison_kept == 16
    assert verdict.forgeries_kept == 1
    assert verdict.kills["broker"] == 1
    assert verdict.kills["ingest"] >= 2
    assert verdict.kills["gateway"] == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("setup", SETUPS)
def test_a_storm_loses_nothing_and_doubles_nothing(setup: Setup, tmp_path: Path) -> None:
    assert setup == "sqlite" or has_postgres(), "PostgreSQL is not installed: run scripts/install_test_services.sh"
    verdict = run_storm(setup, 2026, 12_000, 36, tmp_path)
    assert verdict.complaints == []
    assert {shock.kind for shock in verdict.shocks} == set(kinds(setup))
    assert_nearly_all_were_made(verdict)
    assert verdict.poison_kept == 16


@pytest.mark.parametrize("setup", SETUPS)
def test_a_seed_names_a_storm(setup: Setup) -> None:
    assert plan(setup, 7, 12_000, 36) == plan(setup, 7, 12_000, 36)
    assert plan(setup, 7, 12_000, 36) != plan(setup, 8, 12_000, 36)


@pytest.mark.parametrize("setup", SETUPS)
def test_a_storm_of_ordinary_size_has_every_kind_of_fault(setup: Setup) -> None:
    shocks = plan(setup, 7, 12_000, 36)
    assert {shock.kind for shock in shocks} == set(kinds(setup))
    assert sum(shock.gap for shock in shocks) < 12_000
    assert min(shock.gap for shock in shocks) > 0


def test_the_way_back_of_ingest_is_taken_only_where_nothing_else_was_broken() -> None:
    grown = [1.0, 10.05, 12.0, 20.0, 30.0, 34.0, 50.0]
    kills = [10.0, 21.0, 31.0, 33.0]
    struck = [(10.0, 10.0), (22.0, 25.0)]
    assert longest_back_s(kills, struck, grown) == pytest.approx(2.0)
    assert longest_back_s([60.0], [], grown) is None
