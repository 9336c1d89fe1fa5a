"""Puts one fault into a copy of the repository and lets the tests that must catch it run there. Never touches the repo.

A fault is caught only by a test that fails, and that passes without it. One that cannot be placed, that does not load,
or whose tests are not there or never end, is a mistake in the list and raises `FaultMistakeError`.
"""

import compileall
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from tests.mutants.fault import Fault

REPO = Path(__file__).parents[2]
COMPILED = ("twin", "tracking", "simulations")
COPIED = (*COMPILED, "data", "tests")
LEFT_OUT = shutil.ignore_patterns("mutants", "__pycache__")
PYTEST = (
    sys.executable, "-m", "pytest", "-x", "-q", "--tb=no",
    "-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "pytest_asyncio.plugin",
)  # fmt: skip
PLUGINS_BY_NAME_ONLY = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
"""Half of a run that short would go into loading plugins."""
LONGEST_S = 600
PASSED, FAILED = 0, 1


class FaultMistakeError(Exception):
    """A fault that says nothing: it cannot be placed, or its tests cannot be run or fail without it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which test noticed a fault, if any did, and how many seconds the tests took."""

    fault: Fault
    caught_by: str | None
    seconds: float


def place(fault: Fault, folder: Path) -> None:
    """Make the one change of a fault in a copy; raise `FaultMistakeError` unless its old text is there once."""
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    found = text.count(fault.old)
    if found != 1:
        raise FaultMistakeError(
            f"{fault.name}: expected its old text once in {fault.file}, found it {found} times: {fault.old!r}"
        )
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def first_failure(folder: Path, tests: Sequence[str]) -> str | None:
    """Run tests in a copy and return the first that fails; None when all pass."""
    done = _pytest(folder, tests)
    failed = re.search(r"^FAILED (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    if done.returncode == FAILED and failed is not None:
        return failed[1]
    if done.returncode != PASSED:
        raise FaultMistakeError(f"{' '.join(tests)} cannot be run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return None


def _pytest(folder: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), **PLUGINS_BY_NAME_ONLY}
    command = [*PYTEST, *tests]
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as endless:
        raise FaultMistakeError(f"{' '.join(tests)}: no end within {LONGEST_S} s") from endless


@contextmanager
def pristine_copy() -> Iterator[Path]:
    """Lend a copy of what the tests of the twin need, as it is now, compiled once for all copies of it."""
    with tempfile.TemporaryDirectory(prefix="histotwin-mutants-") as name:
        folder = Path(name) / "pristine"
        for part in COPIED:
            shutil.copytree(REPO / part, folder / part, ignore=LEFT_OUT)
        shutil.copy2(REPO / "pyproject.toml", folder)
        for part in COMPILED:
            compileall.compile_dir(folder / part, quiet=1)
        yield folder


def judge(fault: Fault, pristine: Path) -> Verdict:
    """Put a fault into a copy of its own and let its tests run."""
    with tempfile.TemporaryDirectory(dir=pristine.parent) as name:
        folder = Path(name) / "repo"
        shutil.copytree(pristine, folder)
        place(fault, folder)
        began = time.perf_counter()
        caught_by = first_failure(folder, fault.caught_by)
        return Verdict(fault, caught_by, time.perf_counter() - began)


def judge_all(faults: Sequence[Fault], jobs: int) -> Iterator[Verdict]:
    """Judge so many faults at once, and yield each verdict as it is known; first, all must be well without any."""
    with pristine_copy() as pristine, ThreadPoolExecutor(jobs) as pool:
        failed = first_failure(pristine, sorted({test for fault in faults for test in fault.caught_by}))
        if failed is not None:
            raise FaultMistakeError(f"{failed} fails without any fault")
        try:
            for done in as_completed([pool.submit(judge, fault, pristine) for fault in faults]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)
