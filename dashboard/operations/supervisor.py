"""The parts of histotwin as processes on one machine: started in order, kept alive, stopped cleanly.

Knows nothing of what a part does. A part says that it is ready by writing a line to the pipe whose number stands in
``HISTOTWIN_READY_FD``; it dies with its parent (``die_with_parent``), so that nothing is left behind, whatever happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracking.clock import Clock
from tracking.errors import HistotwinError

STOP_WITHIN_S = 12.0
STEADY_AFTER_S = 20.0
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0
_PR_SET_PDEATHSIG = 1
_READY = "HISTOTWIN_READY_FD"


class PartFailed(HistotwinError):
    """A part did not come up."""


@dataclass(slots=True)
class Part:
    """One process: its name, and how often it had to be started again.

    A passing one ends by itself when its work is done. One that outlasts is stopped after the others, who need it.
    """

    name: str
    is_passing: bool = False
    outlasts: bool = False
    process: subprocess.Popen[bytes] | None = None
    ready_pipe: int = -1
    failures: int = 0
    started_s: float = 0.0
    retry_at_s: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts parts and keeps them. ``logs`` is the directory for what they print; ``say`` tells the user."""

    environment: Mapping[str, str]
    logs: Path
    clock: Clock
    say: Callable[[str], None]
    parts: list[Part] = field(default_factory=list)

    def start(self, name: str, *, is_passing: bool = False, outlasts: bool = False) -> Part:
        """Start a part, by the name of its command; does not wait for it."""
        part = Part(name, is_passing, outlasts)
        self.parts.append(part)
        self._launch(part)
        return part

    def wait_ready(self, part: Part, within_s: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until the part says it is ready; raises ``PartFailed`` with the end of its log.

        ``meanwhile`` is called about twice a second.
        """
        deadline = self.clock.monotonic_s() + within_s
        readable: list[int] = []
        while not readable and self.clock.monotonic_s() < deadline:
            readable, _, _ = select.select([part.ready_pipe], [], [], 0.5)
            meanwhile()
        said = os.read(part.ready_pipe, 64) if readable else b""
        os.close(part.ready_pipe)
        part.ready_pipe = -1
        if not said:
            raise PartFailed(f"{part.name} did not start. The end of its log:\n{self._tail(part)}")

    def tend(self) -> None:
        """Start again what has died."""
        for part in list(self.parts):
            now = self.clock.monotonic_s()
            if part.process is None and now >= part.retry_at_s:
                self._launch(part)
            elif part.process is not None and part.process.poll() is not None:
                self._note_end(part, now)

    def stop(self) -> None:
        """Ask every part to stop, those that outlast the others last; ends what does not within twelve seconds."""
        deadline_s = self.clock.monotonic_s() + STOP_WITHIN_S
        for outlasts in (False, True):
            wave = [part.process for part in self.parts if part.process and part.outlasts is outlasts]
            running = [process for process in wave if process.poll() is None]
            for process in running:
                _signal_group(process, signal.SIGTERM)
            for process in running:
                self._wait_for_end(process, deadline_s)

    def _wait_for_end(self, process: subprocess.Popen[bytes], deadline_s: float) -> None:
        try:
            process.wait(max(0.5, deadline_s - self.clock.monotonic_s()))
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
            process.wait()

    def _launch(self, part: Part) -> None:
        ours, theirs = os.pipe()
        log = self._log(part).open("ab")
        with log:
            part.process = subprocess.Popen(  # noqa: S603  # our own program with our own arguments
                [sys.executable, "-m", "histotwin", part.name],
                env={**os.environ, **self.environment, _READY: str(theirs)},
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                pass_fds=(theirs,), start_new_session=True,
            )  # fmt: skip
        os.close(theirs)
        if part.ready_pipe >= 0:
            os.close(part.ready_pipe)
        part.ready_pipe = ours
        part.started_s = self.clock.monotonic_s()

    def _note_end(self, part: Part, now_s: float) -> None:
        if part.is_passing and part.process and part.process.returncode == 0:
            self.parts.remove(part)
        else:
            self._plan_restart(part, now_s)

    def _plan_restart(self, part: Part, now_s: float) -> None:
        """Start the part again at once the first time; one that fails again and again is tried ever more slowly."""
        code = part.process.returncode if part.process else None
        part.process = None
        part.failures = 1 if now_s - part.started_s > STEADY_AFTER_S else part.failures + 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.5 ** (part.failures - 1))
        part.retry_at_s = now_s + wait_s
        self.say(f"{part.name} stopped (exit {code}); starting it again in {wait_s:.1f} s. Its log: {self._log(part)}")

    def _log(self, part: Part) -> Path:
        return self.logs / f"{part.name}.log"

    def _tail(self, part: Part, lines: int = 15) -> str:
        text = self._log(part).read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a part and to the workers it has started: each part leads a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends; does nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def say_ready() -> None:
    """Tell the supervisor, if there is one, that this part does its work from now on."""
    number = os.environ.pop(_READY, None)
    if number is not None:
        os.write(int(number), b"ready\n")
        os.close(int(number))
