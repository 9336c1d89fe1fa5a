"""Room on the disk kept back, so that a full disk can still be made emptier; knows nothing of what it is kept for."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class Reserve:
    """A file of ``size`` bytes beside ``path`` that is given up when room is needed most."""

    def __init__(self, path: Path, size: int = 1024 * 1024) -> None:
        self._path = path.with_name(path.name + ".reserve")
        self._size = size
        self._is_told = False
        self.is_kept = False
        self.restore()

    def restore(self) -> bool:
        """Take the room again; return whether there was enough. The log is told once until there is."""
        self.is_kept = self._is_whole() or self._is_taken()
        self._is_told = self._is_told and not self.is_kept
        return self.is_kept

    def release(self) -> bool:
        """Give the room up; return whether there was any."""
        was_kept, self.is_kept = self.is_kept, False
        self._path.unlink(missing_ok=True)
        return was_kept

    def _is_whole(self) -> bool:
        """Tell whether the room is there; a start that was killed may have left a file without any."""
        return self._path.exists() and self._path.stat().st_size >= self._size

    def _is_taken(self) -> bool:
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            self._tell(error)
            self._path.unlink(missing_ok=True)
            return False
        return True

    def _tell(self, error: OSError) -> None:
        if not self._is_told:
            log.warning("no room can be kept back beside %s: %s", self._path, error)
        self._is_told = True
