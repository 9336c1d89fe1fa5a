"""What the simulating command does and prints: replications of a lab file, over several processes, and figures."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from dashboard.operations.lab_files import read_lab
from dashboard.operations.progress_bar import progress_bar
from tracking.errors import InputMistakes, Mistake
from tracking.store.rebuild import TellProgress
from twin.frames import frames, gather, write
from twin.lab import Lab
from twin.model import LabModel
from twin.simulate import estimates, replicate
from twin.statistics import Estimate
from twin.utilisation import Reading
from twin.variates import Streams

TURNAROUND = "Turnaround"
FLOW = "Flow"
RESOURCES = "People and machines"
_OF_RESOURCES = {"utilisation", "busy_mean"}
"""Measures of people and machines; some are called like a step."""
_LONGEST_WEEKS = 52 * 200
SUMMARY = "summary.json"

Run = dict[str, float]
"""The measures of one replication."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a lab; what is ``None`` stands in the lab file's ``run``. ``weeks`` may be fractions.

    ``jobs`` None: a process for each core. ``out`` is a folder for the tables of every replication.
    """

    model: Path
    weeks: float | None
    replications: int | None
    seed: int
    jobs: int | None
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The figures of a lab over replications, and what was run."""

    lab: Lab
    weeks: float
    replications: int
    seed: int
    kpis: Mapping[str, Estimate]


def simulate_report(question: Question, *, as_json: bool) -> str:
    """Run a lab file and return its figures with 95 % intervals; raises ``InputMistakes`` for a wrong file or wish."""
    if question.weeks is not None and not 0 < question.weeks <= _LONGEST_WEEKS:
        wanted = f"a number of weeks above 0, at most {_LONGEST_WEEKS}"
        raise InputMistakes([Mistake("command line", "--weeks", f"{question.weeks:g}", wanted)])
    if question.out is not None:
        _make_room(question.out)
    answer = _ask(question, shows_progress=not as_json)
    if question.out is not None:
        gather(question.out)
        (question.out / SUMMARY).write_text(_as_json(answer) + "\n", encoding="utf-8")
    return _as_json(answer) if as_json else "\n".join(_as_text(answer))


def _ask(question: Question, *, shows_progress: bool) -> Answer:
    lab = read_lab(question.model)
    weeks = lab.run.weeks if question.weeks is None else question.weeks
    replications = question.replications or lab.run.replications
    with progress_bar("Replications", show=shows_progress) as tell:
        once = partial(_replicate, lab, weeks, question.out)
        luck = [Streams(question.seed, lab.name, number) for number in range(replications)]
        runs = _run(once, luck, question.jobs or os.cpu_count() or 1, tell)
    return Answer(lab, weeks, replications, question.seed, estimates(runs))


def _replicate(lab: Lab, weeks: float, out: Path | None, luck: Streams) -> Run:
    keep = None if out is None else partial(_keep, out, luck.replication)
    return replicate(lab, luck, weeks=weeks, afterwards=keep)


def _keep(out: Path, replication: int, model: LabModel, begin: Reading) -> None:
    write(frames(model, begin, replication), out, replication)


def _run(once: partial[Run], luck: list[Streams], jobs: int, tell: TellProgress) -> list[Run]:
    runs: list[Run] = []
    jobs = min(jobs, len(luck))
    for run in map(once, luck) if jobs == 1 else _over_processes(once, luck, jobs):
        runs.append(run)
        tell(len(runs), len(luck))
    return runs


def _over_processes(once: partial[Run], luck: list[Streams], jobs: int) -> Iterator[Run]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(once, luck)


def _make_room(out: Path) -> None:
    """Make the folder for the tables; raises ``InputMistakes`` where one stands already that is not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputMistakes([Mistake("command line", "--out", str(out), "a folder that is new or empty")])
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        wanted = f"a folder that can be made: {error.strerror}"
        raise InputMistakes([Mistake("command line", "--out", str(out), wanted)]) from error


def _as_json(answer: Answer) -> str:
    about = {
        "model": answer.lab.name,
        "replications": answer.replications,
        "weeks": answer.weeks,
        "warm_up_weeks": answer.lab.run.warm_up_weeks,
        "seed": answer.seed,
    }
    kpis = {
        name: {"mean": _number(kpi.mean), "low": _number(kpi.low), "high": _number(kpi.high)}
        for name, kpi in answer.kpis.items()
    }
    return json.dumps({**about, "kpis": kpis}, indent=1)


def _number(value: float) -> float | None:
    """JSON has no word for a figure that no run has given."""
    return None if math.isnan(value) else value


def _as_text(answer: Answer) -> Iterator[str]:
    run = f"{answer.replications} replications of {answer.weeks:g} weeks"
    yield f"{answer.lab.title}: {run} after {answer.lab.run.warm_up_weeks:g} of warm-up, seed {answer.seed}"
    yield "Means with 95 % intervals; docs/lab-files.md says what each measures."
    groups = _groups(answer)
    width = max(len(name) for group in groups.values() for name in group)
    for title, names in groups.items():
        yield f"\n{title}"
        for name in sorted(names, key=_in_natural_order):
            yield _line(f"{name:{width}}", answer.kpis[name])


def _groups(answer: Answer) -> dict[str, list[str]]:
    """Return the names of all figures under their headings, in the order a reader wants them."""
    steps = [step.name for step in answer.lab.steps]
    groups: dict[str, list[str]] = {title: [] for title in (TURNAROUND, FLOW, RESOURCES, *map(_heading, steps))}
    for name in answer.kpis:
        groups[_group_of(name, steps)].append(name)
    return {title: names for title, names in groups.items() if names}


def _group_of(name: str, steps: list[str]) -> str:
    measure, _, of = name.partition(".")
    if measure in _OF_RESOURCES:
        return RESOURCES
    if of.partition(".")[0] in steps:
        return _heading(of.partition(".")[0])
    return TURNAROUND if "tat" in measure.split("_") else FLOW


def _heading(step: str) -> str:
    return f"Step {step}"


def _in_natural_order(name: str) -> list[tuple[int, str]]:
    """Numbers in a name count as numbers: 7d before 10d."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _line(name: str, kpi: Estimate) -> str:
    if math.isnan(kpi.mean):
        return f"  {name}  none to measure"
    between = "" if math.isnan(kpi.low) else f"   {kpi.low:.3f} to {kpi.high:.3f}"
    return f"  {name}  {kpi.mean:12.3f}{between}"
