"""What the checking commands print, for people and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import yaml

from dashboard.operations.lab_files import read_lab
from dashboard.operations.progress_bar import progress_bar
from dashboard.operations.settings import SHIPPED_DATA, Settings
from tracking.errors import InputMistakes, Mistake
from tracking.registry import Lab as TrackedLab
from tracking.registry import Registry, load_registry
from tracking.store.rebuild import rebuild
from tracking.store.verify import Anchor, Report, verify

_LINK = re.compile("[0-9a-f]{64}")


def verify_report(
    settings: Settings, *, log_only: bool = False, anchor: str | None = None, as_json: bool
) -> tuple[str, bool]:
    """Return what ``db verify`` found and whether all is well; raises ``InputMistakes`` for what is no anchor."""
    noted = _anchor(anchor)
    registry = None if log_only else load_registry(settings.network_files)
    with progress_bar(
        "Checking the log" if log_only else "Checking the log, then projecting it", show=not as_json
    ) as tell:
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
    with progress_bar("Rebuilding") as tell:
        registry = load_registry(settings.network_files)
        events = rebuild(settings.owner_url, registry, tell, archives=settings.archive_folder)
    return f"Rebuilt from {events:,} events."


def check_files(files: Sequence[Path]) -> None:
    """Check network and lab files, each alone and against what it names; raises ``InputMistakes`` with everything."""
    mistakes: list[Mistake] = []
    networks = [file for file in files if _is_network(file)]
    for file in files:
        if file not in networks:
            mistakes += _mistakes_of(partial(read_lab, file))
    mistakes += _mistakes_of(partial(_check_networks, networks))
    if mistakes:
        raise InputMistakes(mistakes)


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
        model = read_lab(SHIPPED_DATA / lab.model)
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
