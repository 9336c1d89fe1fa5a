"""The lock that keeps a second ingest of the same data directory waiting; knows nothing of what it guards."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from tracking.errors import HistotwinError


class AlreadyIngesting(HistotwinError):
    """Another process ingests into this data directory."""


class SoleIngest:
    """A lock file held for as long as the process lives; the system lets go of it when the process dies."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "ingest.lock"
        self._handle: int | None = None

    def __enter__(self) -> SoleIngest:
        """Take the lock. Raises ``AlreadyIngesting`` naming the process that holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip()
            os.close(handle)
            raise AlreadyIngesting(f"process {owner or '?'} already ingests into {self._path.parent}") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _t: TracebackType | None) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
