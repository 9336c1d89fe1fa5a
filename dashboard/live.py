"""Live state to browsers: one task follows the database, one stream a reader, everything serialised once.

Server-sent events on ``/api/v1/stream``; every frame carries ``id`` (the log position):
- ``snapshot``: ``{"topic": "board", "position", "at", "labs": [row, …]}``, first, and again for one that fell behind
- ``row``: ``{"topic": "board", "lab", "position", "at", "row": {…}}``, when something happened in a lab
- ``lab``: ``{"topic": "lab/ID", "position", "at", "lab": {…}}``, the lab page's detail with its newest events
- ``troubles``: ``{"topic": "troubles", "position", "at", "troubles": […]}``, those of ``/health``, when they changed
- ``progress``: ``{"work": […]}``, when long work went on; ``ping``: ``{"at"}`` every 15 s: silence means trouble
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import orjson
from sqlalchemy import func, select

from dashboard.troubles_told import TroubleWatch
from tracking.access import Principal, Role
from tracking.clock import Clock, to_rfc3339
from tracking.errors import HistotwinError
from tracking.queries.lab_pages import LabPages
from tracking.queries.live_board import LiveBoard
from tracking.queries.progress import work_in_progress
from tracking.queries.words import Answer
from tracking.store.database import Database
from tracking.store.tables import progress

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
REST_FACTOR = 3.0
PROGRESS_EVERY_S = 0.5
DETAIL_EVERY_S = 1.0
TROUBLES_EVERY_S = 10.0
PING_EVERY_S = 15.0
FALLEN_BEHIND = 64
RETRY_MS = 2000
_EVERYBODY = Principal("live", frozenset({Role.VIEWER}), None)


@dataclass(frozen=True, slots=True)
class Topics:
    """What a reader asked for."""

    shows_board: bool = True
    labs: frozenset[str] = frozenset()
    tells_troubles: bool = False


@dataclass(eq=False)
class Reader:
    """One open stream: what it may see, what it asked for, and what still has to be written to it."""

    principal: Principal
    topics: Topics
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(FALLEN_BEHIND))

    def put(self, frame: bytes) -> None:
        """Queue a frame; a reader that fell behind loses what is queued and starts from a fresh snapshot."""
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None)


class Live:
    """The tasks that follow the database, and their readers. All of it lives on one event loop."""

    def __init__(
        self, database: Database, clock: Clock, board: LiveBoard, pages: LabPages, troubles: TroubleWatch
    ) -> None:
        self._database = database
        self._clock = clock
        self._board = board
        self._pages = pages
        self._troubles = troubles
        self._readers: set[Reader] = set()
        self._rows: dict[str, bytes] = {}
        self._frames: dict[str, bytes] = {}
        self._details_due: set[str] = set()
        self._details_s = 0.0
        self._progress_s = 0.0
        self._progress_seen: tuple[object, ...] | None = None
        self._progress_frame = b""
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return len(self._readers)

    def start(self) -> None:
        """Begin following, unless that is done already."""
        if all(task.done() for task in self._tasks):
            self._is_stopping = False
            self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._watch_troubles())]

    async def stop(self) -> None:
        """Stop following and let every reader go."""
        self._is_stopping = True
        for reader in self._readers:
            reader.put(b"")
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def read(
        self,
        principal: Principal,
        topics: Topics,
        *,
        still_valid: Callable[[], Awaitable[bool]] | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield a reader's stream for ever: a snapshot, then what changes; ends when the reader's access has ended."""
        self.start()
        reader = Reader(principal, topics)
        self._readers.add(reader)
        try:
            yield b"retry: %d\n\n" % RETRY_MS + await self._snapshot(reader)
            checked_s = self._clock.monotonic_s()
            while not self._is_stopping:
                frame = await self._next(reader)
                if still_valid is not None and self._clock.monotonic_s() - checked_s >= PING_EVERY_S:
                    checked_s = self._clock.monotonic_s()
                    if not await still_valid():
                        return
                yield frame
        finally:
            self._readers.discard(reader)

    async def _next(self, reader: Reader) -> bytes:
        try:
            async with asyncio.timeout(PING_EVERY_S):
                frame = await reader.queue.get()
        except TimeoutError:
            return self._ping()
        return await self._snapshot(reader) if frame is None else frame

    def _ping(self) -> bytes:
        return b": keep-alive\n" + _frame("ping", self._board.position, {"at": self._now()})

    async def _snapshot(self, reader: Reader) -> bytes:
        if not self._rows:
            await self._look()
        frames = []
        if reader.topics.shows_board:
            rows = b",".join(row for lab, row in self._rows.items() if reader.principal.may_see(lab))
            head = b'{"topic":"board","position":%d,"at":"%s","labs":[' % (self._board.position, self._now().encode())
            frames.append(_frame("snapshot", self._board.position, head + rows + b"]}"))
        frames.extend([(await self._detail_frame(lab))[0] for lab in sorted(reader.topics.labs)])
        if reader.topics.tells_troubles and self._troubles.has_looked:
            frames.append(self._troubles_frame(reader))
        return b"".join((*frames, self._progress_frame))

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await self._look()
                await self._send_details(loop.time())
                await self._send_progress(loop.time())
            except HistotwinError as error:
                log.warning("the live board waits: %s", error)
                await asyncio.sleep(1)
            except Exception:
                log.exception("the live board tripped; it goes on in five seconds")
                await asyncio.sleep(5)
            spent_s = loop.time() - began_s
            await asyncio.sleep(max(LOOK_EVERY_S, REST_FACTOR * spent_s) if self._readers else 5 * LOOK_EVERY_S)

    async def _look(self) -> None:
        try:
            await asyncio.to_thread(self._board.catch_up)
        finally:
            self._tell(self._board.take_changed())

    def _tell(self, changed: frozenset[str]) -> None:
        """Send the rows of labs that were renewed, by this task or by whoever else asked the board."""
        if not changed:
            return
        for row in self._board.rows(_EVERYBODY):
            if row["id"] in changed or row["id"] not in self._rows:
                self._serialise(row)
        self._details_due |= changed
        self._send_rows(changed)

    def _serialise(self, row: Answer) -> None:
        lab = row["id"]
        self._rows[lab] = orjson.dumps(row)
        head = b'{"topic":"board","lab":"%s","position":%d,"at":"%s","row":' % (
            lab.encode(), row["position"], row["at"].encode(),
        )  # fmt: skip
        self._frames[lab] = _frame("row", row["position"], head + self._rows[lab] + b"}")

    def _send_rows(self, changed: Iterable[str]) -> None:
        """Write each reader all changed rows it may see in one piece; readers of equal scope share the bytes."""
        labs = sorted(lab for lab in changed if lab in self._frames)
        shared: dict[frozenset[str] | None, bytes] = {}
        for reader in self._readers:
            if not reader.topics.shows_board:
                continue
            scope = reader.principal.labs
            if scope not in shared:
                shared[scope] = b"".join(self._frames[lab] for lab in labs if reader.principal.may_see(lab))
            if shared[scope]:
                reader.put(shared[scope])

    async def _send_details(self, now_s: float) -> None:
        wanted = frozenset().union(*(reader.topics.labs for reader in self._readers)) & self._details_due
        if not wanted or now_s - self._details_s < DETAIL_EVERY_S:
            return
        self._details_s = now_s
        self._details_due -= wanted
        for lab in sorted(wanted):
            frame, position = await self._detail_frame(lab)
            if position < self._board.row(_EVERYBODY, lab)["position"]:
                self._details_due.add(lab)
                continue
            for reader in self._readers:
                if lab in reader.topics.labs:
                    reader.put(frame)

    async def _detail_frame(self, lab: str) -> tuple[bytes, int]:
        detail = await asyncio.to_thread(self._pages.detail, _EVERYBODY, lab)
        position = int(detail["position"])
        said = {"topic": f"lab/{lab}", "position": position, "at": self._now(), "lab": detail}
        return _frame("lab", position, said), position

    async def _watch_troubles(self) -> None:
        """Tell what is wrong when that changes; a task of its own, because a database that hangs holds up the board."""
        while True:
            try:
                if await asyncio.to_thread(self._troubles.look):
                    self._send_troubles()
            except Exception:
                log.exception("nobody could find out what is wrong; it is tried again")
            await asyncio.sleep(TROUBLES_EVERY_S)

    def _send_troubles(self) -> None:
        for reader in self._readers:
            if reader.topics.tells_troubles:
                reader.put(self._troubles_frame(reader))

    def _troubles_frame(self, reader: Reader) -> bytes:
        head = b'{"topic":"troubles","position":%d,"at":"%s","troubles":' % (self._board.position, self._now().encode())
        return _frame("troubles", self._board.position, head + self._troubles.told(reader.principal) + b"}")

    async def _send_progress(self, now_s: float) -> None:
        if now_s - self._progress_s < PROGRESS_EVERY_S:
            return
        self._progress_s = now_s
        if await asyncio.to_thread(self._read_progress):
            for reader in self._readers:
                reader.put(self._progress_frame)

    def _read_progress(self) -> bool:
        """Renew the frame of long work; tell whether anything went on."""
        with self._database.reading() as connection:
            marks = (func.count(), func.max(progress.c.updated_us), func.count(progress.c.finished_us))
            seen = tuple(connection.execute(select(*marks)).one())
            if seen == self._progress_seen or not seen[0]:
                return False
            self._progress_seen = seen
            work = work_in_progress(connection)
        current = next((one for one in work if one["finished_at"] is None), work[-1])
        said = {"label": current["detail"] or current["name"], "done": current["done"], "total": current["total"],
                "finished": current["finished_at"] is not None, "work": work}  # fmt: skip
        self._progress_frame = _frame("progress", self._board.position, said)
        return True

    def _now(self) -> str:
        return to_rfc3339(self._clock.now_us())


def _frame(name: str, position: int, data: Answer | bytes) -> bytes:
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    return b"event: %s\nid: %d\ndata: %s\n\n" % (name.encode(), position, body)
