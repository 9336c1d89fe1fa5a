"""Databases and doors for the tests of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.postgres import Postgres, has_postgres, postgres
from tests.tracking.store.pictures import Bench
from tracking.registry import Registry, load_registry

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry([*(ROOT / "data/networks").glob("*.yaml"), Path(__file__).with_name("opaque.yaml")])


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed")
    with postgres() as running:
        yield running


_numbers = count(1)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Callable[[], str]:
    return lambda: f"sqlite:///{tmp_path / f'store{next(_numbers)}.db'}"


@pytest.fixture
def postgres_url(server: Postgres) -> Callable[[], str]:
    return lambda: server.new_database(f"store{next(_numbers)}")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    chosen: Callable[[], str] = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return chosen


@pytest.fixture
def bench(new_url: Callable[[], str], registry: Registry) -> Iterator[Bench]:
    """Give a store with a door, once on each database."""
    with Bench(new_url(), registry) as opened:
        yield opened


@pytest.fixture
def sqlite_bench(sqlite_url: Callable[[], str], registry: Registry) -> Iterator[Bench]:
    with Bench(sqlite_url(), registry) as opened:
        yield opened
