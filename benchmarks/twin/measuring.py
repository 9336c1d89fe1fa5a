"""CPU, memory and their spread: how every job of `bench_twin` measures. It knows no laboratory and no engine."""

import gc
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
STANDARD_ERRORS = 3.89
"""How far apart two means may lie: exceeded by luck once in ten thousand comparisons."""
T = TypeVar("T")


def cpu(work: Callable[[], T]) -> tuple[T, float]:
    """Return what a piece of work returns and the CPU seconds it took, garbage of others cleared away before."""
    gc.collect()
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def peak_mb() -> float:
    """Return this process's own peak of resident memory; `ru_maxrss` would carry over its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return round(int(kilobytes) / 1024, 1)


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Return median and range."""
    figures = {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}
    return {name: round(figure, digits) for name, figure in figures.items()}


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Return how many times as much they took: of the medians, and the range over the rounds."""
    by_round = [one / other for one, other in zip(theirs, ours, strict=True)]
    of_medians = statistics.median(theirs) / statistics.median(ours)
    return {"of_medians": round(of_medians, 2), "lowest": round(min(by_round), 2), "highest": round(max(by_round), 2)}


def agreement(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, Any]:
    """Return two means over replications and by how many standard errors they differ."""
    error = math.sqrt(statistics.variance(theirs) / len(theirs) + statistics.variance(ours) / len(ours))
    means = statistics.fmean(theirs), statistics.fmean(ours)
    apart = abs(means[0] - means[1]) / error if error else 0.0
    return {
        "theirs": round(means[0], 4), "ours": round(means[1], 4), "standard_errors_apart": round(apart, 2),
        "agree": apart <= STANDARD_ERRORS,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ran: the JSON it printed last, and the CPU seconds of the whole process, imports and all."""

    printed: dict[str, Any]
    cpu_s: float


def run_program(command: Sequence[object], *, compiled: Path | None = None) -> tuple[str, float]:
    """Run a program to its end; return what it printed and its CPU seconds; `RuntimeError` when it failed.

    `compiled` is a folder that keeps compiled modules, as an installation does: without it, imports may compile anew.
    """
    words, environment = list(map(str, command)), dict(os.environ)
    if compiled is not None:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return printed, usage.ru_utime + usage.ru_stime


def run_job(module: str, *arguments: object, compiled: Path | None = None) -> Ended:
    """Run a module of this package in a fresh process and read its JSON."""
    command = [sys.executable, "-m", f"benchmarks.twin.{module}", *arguments]
    printed, seconds = run_program(command, compiled=compiled)
    return Ended(json.loads(printed), seconds)
