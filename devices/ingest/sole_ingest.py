"""The lock by which one ingest of a data directory leads and others stand by; knows nothing of what it guards."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

_LOCKS = Path("/proc/locks")
"""Linux: who holds which lock; elsewhere nobody is put out."""


class SoleIngest:
    """A lock file held for as long as the process lives; the system lets go of it when the process dies."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "ingest.lock"
        self._handle: int | None = None

    def try_to_lead(self) -> bool:
        """Take the lock if nobody has it, and say whether we have it."""
        if self._handle is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return True

    def confirm(self) -> None:
        """Do nothing: as long as we live the lock is ours."""

    def evict(self) -> bool:
        """Kill whoever holds the lock, and say whether somebody was found whom the system names as its holder."""
        holder = self._holder()
        if holder is None:
            return False
        try:
            os.kill(holder, signal.SIGKILL)
        except OSError:  # gone meanwhile, or not ours to end
            return False
        return True

    def _holder(self) -> int | None:
        """Return the holder's process: the one that the file names, if the system says the same."""
        try:
            named = int(self._path.read_text(encoding="ascii"))
            held = _LOCKS.read_text(encoding="ascii").splitlines()
            inode = self._path.stat().st_ino
        except (OSError, ValueError):
            return None
        found = any(
            fields[1] == "FLOCK" and fields[4] == str(named) and fields[5].endswith(f":{inode}")
            for fields in map(str.split, held)
            if len(fields) > 5
        )
        return named if found else None

    def resign(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
