"""All virtual laboratories in one process, kept up with the clock by one loop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from devices.outbox import Outbox
from devices.session import BrokerAddress
from simulations.live_state import live_state
from simulations.virtual_lab.live_lab import LiveLab
from tracking.clock import DAY_US, Clock, from_us
from tracking.queries.open_work import last_case_number, open_cases
from tracking.registry import Lab
from tracking.store import tables
from tracking.store.database import Database
from twin.lab import load_lab

LOOK_EVERY_S = 0.5
LONGEST_CATCH_UP_US = 56 * DAY_US
"""A laboratory that was switched off longer than eight weeks does not work off what it missed before that."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """What all virtual laboratories share. ``models`` is the directory that model paths start from."""

    models: Path
    outboxes: Path
    broker: BrokerAddress
    seed: int


def open_fleet(labs: Sequence[Lab], database: Database, settings: FleetSettings, clock: Clock) -> list[LiveLab]:
    """Return every lab, ready to work on from where tracking says that its items are."""
    settings.outboxes.mkdir(parents=True, exist_ok=True)
    return [_open_lab(lab, database, settings, clock) for lab in labs]


def _open_lab(lab: Lab, database: Database, settings: FleetSettings, clock: Clock) -> LiveLab:
    model = load_lab(settings.models / lab.model)
    with database.reading() as connection:
        at_us = _resume_at(connection, lab.id, clock.now_us())
        state = live_state(model, open_cases(connection, lab.id), at_us)
        number = last_case_number(connection, lab.id, f"{lab.case_prefix}{from_us(at_us):%y}-")
    outbox = Outbox(settings.outboxes / f"{lab.id}.outbox", clock)
    return LiveLab(lab, model, state, number + 1, settings.seed, outbox, settings.broker, clock)


def keep_working(fleet: Sequence[LiveLab], clock: Clock, stop: threading.Event) -> None:
    """Let every lab do what is due, twice a second, until told to stop; then say goodbye for all."""
    for lab in fleet:
        lab.start()
    while not stop.wait(LOOK_EVERY_S):
        for lab in fleet:
            lab.work_until(clock.now_us())
    for lab in fleet:
        lab.stop()


def _resume_at(connection: Connection, lab: str, now_us: int) -> int:
    """Return the moment from which a lab works on: the last thing known of it, but not later than now."""
    last = connection.scalar(select(func.max(tables.device.c.last_us)).where(tables.device.c.lab == lab))
    return now_us if last is None else max(min(last, now_us), now_us - LONGEST_CATCH_UP_US)
