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
        self.restore()

    def restore(self) -> bool:
        """Take the room again; return whether there was enough."""
        if self._path.exists():
            return True
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            log.warning("no room can be kept back beside %s: %s", self._path, error)
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the room up."""
        self._path.unlink(missing_ok=True)
