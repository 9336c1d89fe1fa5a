"""Brokers for the tests of the wires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import Mosquitto, embedded_broker, mosquitto


@pytest.fixture
def real_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture(scope="module")
def embedded_port() -> Iterator[int]:
    with embedded_broker() as port:
        yield port


@pytest.fixture(params=["mosquitto", "embedded"])
def broker_port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    if request.param == "mosquitto":
        with mosquitto(tmp_path) as broker:
            yield broker.port
    else:
        with embedded_broker() as port:
            yield port
