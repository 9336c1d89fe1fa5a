"""What the checking and simulating commands print, for people and for programs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dashboard.operations.settings import SHIPPED_DATA, Settings
from tracking.clock import to_us
from tracking.errors import InputMistakes, Mistake
from tracking.registry import Lab as TrackedLab
from tracking.registry import Registry, load_registry
from tracking.store.rebuild import TellProgress, rebuild
from tracking.store.verify import Anchor, Report, verify
from twin.lab import Lab, LabFileError, load_lab
from twin.simulate import replicate
from twin.statistics import Estimate, estimate
from twin.variates import Streams

A_MONDAY_US = to_us(datetime(2026, 1, 5, tzinfo=UTC))
"""Runs begin on a Monday, after the New Year's holidays."""
WARM_UP_WEEKS = 3.0
_LINK = re.compile("[0-9a-f]{64}")


def verify_report(
    settings: Settings, *, log_only: bool = False, anchor: str | None = None, as_json: bool
) -> tuple[str, bool]:
    """Return what ``db verify`` found and whether all is well; raises ``InputMistakes`` for what is no anchor."""
    noted = _anchor(anchor)
    registry = None if log_only else load_registry(settings.network_files)
    with _bar("Checking the log" if log_only else "Checking the log, then projecting it", show=not as_json) as tell:
        report = verify(settings.url, registry, tell, anchor=noted, archives=settings.archive_folder)
    return _as_json(report) if as_json else _as_text(report, log_only=log_only), report.is_sound


def _anchor(text: str | None) -> Anchor | None:
    if text is None:
        return None
    position, _, link = text.partition(":")
    if not (position.isascii() and position.isdigit() and _LINK.fullmatch(link)):
        raise InputMistakes([Mistake("command line", "anchor", text, "POSITION:LINK, as db verify and ingest tell it")])
    return Anchor(int(position), link)


def _as_json(report: Report) -> str:
    found = {"events": report.events, "rejected": report.rejected, "rows_compared": report.rows_compared}
    head = {"position": report.head.position, "link": report.head.link}
    differences = [asdict(difference) for difference in report.differences]
    told = {**found, "head": head, "is_sound": report.is_sound, "faults": report.faults, "differences": differences}
    return json.dumps(told, indent=1, default=_shown)


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _as_text(report: Report, *, log_only: bool) -> str:
    checked = f"{report.events:,} events, {report.rejected:,} refused"
    if not log_only:
        checked += f", {report.rows_compared:,} projected rows compared"
    head = f"Head, to be noted elsewhere: {report.head}"
    if report.is_sound:
        return f"Sound: {checked}.\n{head}"
    return "\n".join([f"{len(report.faults)} fault(s): {checked}.", *report.faults, head])


def rebuild_with_progress(settings: Settings) -> str:
    """Rebuild the projections and say how many events they were made from."""
    with _bar("Rebuilding") as tell:
        registry = load_registry(settings.network_files)
        events = rebuild(settings.owner_url, registry, tell, archives=settings.archive_folder)
    return f"Rebuilt from {events:,} events."


def simulate_report(model: Path, *, weeks: int, replications: int, seed: int, jobs: int, as_json: bool) -> str:
    """Run a lab model and return its figures with 95 % intervals; raises ``InputMistakes`` for a wrong file."""
    lab = _lab(model)
    with _bar("Replications", show=not as_json) as tell:
        runs = _run(lab, weeks, replications, seed, jobs, tell)
    names = sorted({name for run in runs for name in run})
    kpis = {name: estimate([run.get(name, math.nan) for run in runs]) for name in names}
    if as_json:
        figures = {
            name: {"mean": _number(kpi.mean), "low": _number(kpi.low), "high": _number(kpi.high)}
            for name, kpi in kpis.items()
        }
        about = {"model": lab.name, "replications": replications, "weeks": weeks, "seed": seed}
        return json.dumps({**about, "kpis": figures}, indent=1)
    head = f"{lab.title}: {replications} replications of {weeks} weeks after {WARM_UP_WEEKS:g} of warm-up, seed {seed}"
    return "\n".join([head, *(_line(name, kpi) for name, kpi in kpis.items())])


def check_files(files: Sequence[Path]) -> None:
    """Check network and lab files, each alone and against what it names; raises ``InputMistakes`` with everything."""
    mistakes: list[Mistake] = []
    networks = [file for file in files if _is_network(file)]
    for file in files:
        if file not in networks:
            mistakes += _mistakes_of(partial(_lab, file))
    mistakes += _mistakes_of(partial(_check_networks, networks))
    if mistakes:
        raise InputMistakes(mistakes)


def _run(lab: Lab, weeks: int, replications: int, seed: int, jobs: int, tell: TellProgress) -> list[dict[str, float]]:
    streams = [Streams(seed, lab.name, number) for number in range(replications)]
    runs: list[dict[str, float]] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for job in [pool.submit(replicate, lab, A_MONDAY_US, weeks, WARM_UP_WEEKS, luck) for luck in streams]:
            runs.append(job.result())
            tell(len(runs), replications)
    return runs


def _number(value: float) -> float | None:
    """JSON has no word for a figure that no run has given."""
    return None if math.isnan(value) else value


def _line(name: str, kpi: Estimate) -> str:
    return f"  {name:32} {kpi.mean:10.3f}   95 % CI {kpi.low:.3f} to {kpi.high:.3f}"


def _lab(file: Path) -> Lab:
    try:
        return load_lab(file)
    except LabFileError as error:
        raise InputMistakes([_mistake(error.file, it.path, it.value, it.expected) for it in error.mistakes]) from None


def _mistake(file: str, path: str, value: object, expected: str) -> Mistake:
    return Mistake(file, path or "file", str(value)[:80], " ".join(expected.split()).removeprefix("expected "))


def _is_network(file: Path) -> bool:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(document, dict) and "network" in document


def _mistakes_of(check: Callable[[], object]) -> list[Mistake]:
    try:
        check()
    except InputMistakes as error:
        return error.mistakes
    return []


def _check_networks(files: Sequence[Path]) -> None:
    registry: Registry = load_registry(files)
    mistakes = [mistake for lab in registry.labs.values() for mistake in _model_mistakes(lab)]
    if mistakes:
        raise InputMistakes(mistakes)


def _model_mistakes(lab: TrackedLab) -> list[Mistake]:
    """A lab's route and the model it names must speak of the same steps."""
    try:
        model = _lab(SHIPPED_DATA / lab.model)
    except InputMistakes as error:
        return error.mistakes
    route = {stop.step: stop.per.value for stop in lab.route}
    return [
        Mistake(
            f"network {lab.network}", f"labs.{lab.id}.route", step.name, f"a step per {step.per}, as in {lab.model}"
        )
        for step in model.steps
        if route.get(step.name) != step.per
    ]


class _bar:  # noqa: N801  # reads as a word in `with`
    """A progress bar on a terminal; silence in a pipe."""

    def __init__(self, what: str, *, show: bool = True) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not (show and console.is_terminal))
        self._task = self._progress.add_task(what, total=None)

    def __enter__(self) -> TellProgress:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
