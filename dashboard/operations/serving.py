"""The part with the screen: pages and API on one port, by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import uvicorn

from dashboard.api.parts import wire
from dashboard.app import build_app
from dashboard.operations.settings import Settings
from dashboard.operations.supervisor import say_ready
from dashboard.server import build_api
from tracking.door import Door
from tracking.registry import load_registry
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import require_current

STOP_WITHIN_S = 2
"""Open event streams would keep uvicorn from ever stopping."""


class _Server(uvicorn.Server):
    """Says that it is ready once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        await super().startup(sockets)
        if self.started:
            say_ready()


def serve_pages(settings: Settings) -> None:
    """Serve until SIGTERM."""
    clock = settings.clock()
    registry, database = load_registry(settings.network_files), open_database(settings.url, is_service=True)
    require_current(database)
    door = Door(EventStore(database, registry, settings.archive_folder), registry, clock)
    broker = (settings.mqtt_host, settings.mqtt_port)
    parts = wire(
        database, registry, clock, door, is_demo=settings.demo, broker=broker, data_dir=settings.data_dir
    )  # fmt: skip
    api = build_api(parts)
    api.content_policy.allow_scripts(build_app(api, parts).csp_hashes())
    config = uvicorn.Config(
        api, host=settings.host, port=settings.port, log_config=None, log_level="warning", access_log=False,
        timeout_graceful_shutdown=STOP_WITHIN_S, server_header=False,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again when it has stopped in order
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        _Server(config).run()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    database.close()
