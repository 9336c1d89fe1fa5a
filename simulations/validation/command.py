"""`histotwin validate`: chooses what is tried, runs it, and judges it. The only place where the parts meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from simulations.validation import table
from simulations.validation.catalogue import oracles
from simulations.validation.deterministic import CASES_IN_ORDER, Case, judge_case
from simulations.validation.inequalities import Inequality, inequalities
from simulations.validation.oracle import Measure, Oracle
from simulations.validation.published import FigureSet, judge_published, published, published_system
from simulations.validation.running import Runs, System, Tell, watch
from simulations.validation.verdicts import Control, Verdict, judge
from tracking.errors import InputMistakes, Mistake

PRECISION = {False: 0.02, True: 0.01}
"""Half-widths asked for, as a share of the oracle: of the fast set, and of the long one."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is tried."""

    cases: tuple[Case, ...]
    oracles: tuple[Oracle, ...]
    inequalities: tuple[Inequality, ...]
    published: tuple[FigureSet, ...]
    long: bool

    @property
    def systems(self) -> list[System]:
        """Every system that must be run."""
        own = [System(oracle.path, oracle.length(long=self.long)) for oracle in self.oracles]
        paired = [system for inequality in self.inequalities for system in inequality.systems]
        return [*own, *paired, *([published_system(long=self.long)] if self.published else [])]


def validate_report(*, long: bool, only: str | None, jobs: int, seed: int, as_json: bool) -> tuple[str, bool]:
    """Try the simulator and return what is to be printed, and whether every verdict passes.

    `only` is a pattern that an id or a lab file's name must fit; raises `InputMistakes` when nothing fits it.
    """
    chosen = choose(only, long=long)
    with _bar(show=not as_json) as tell:
        verdicts = validate(chosen, seed=seed, jobs=jobs, tell=tell)
    passes = all(verdict.passes for verdict in verdicts)
    if as_json:
        return table.as_json(verdicts, set="long" if long else "fast", seed=seed), passes
    console = Console()
    with console.capture() as shown:
        table.show(verdicts, console)
    return f"{shown.get()}{table.summary(verdicts)}", passes


def choose(only: str | None, *, long: bool) -> Chosen:
    """Return what fits a pattern; raises `InputMistakes` when nothing does."""

    def fits(*names: str) -> bool:
        return only is None or any(fnmatch(name.lower(), only.lower()) for name in names)

    chosen = Chosen(
        tuple(case for case in CASES_IN_ORDER if fits(case.id, case.file)),
        tuple(oracle for oracle in oracles() if fits(oracle.id, oracle.file)),
        tuple(one for one in inequalities(long=long) if fits(one.id, *(system.path.stem for system in one.systems))),
        tuple(figures for figures in published().sets if fits(figures.id, published().lab)),
        long,
    )
    if not (chosen.cases or chosen.systems):
        expected = "an id such as Q4, D5, I1 or P1, or a lab file's name; * stands for anything"
        raise InputMistakes([Mistake("command line", "only", only or "", expected)])
    return chosen


def validate(chosen: Chosen, *, seed: int, jobs: int, tell: Tell) -> list[Verdict]:
    """Run what is chosen and return the verdicts in order."""
    exact = [judge_case(case) for case in chosen.cases]
    runs = watch(chosen.systems, seed=seed, jobs=jobs, tell=tell) if chosen.systems else {}
    return [*exact, *_statistical(chosen, runs), *_laws(runs)]


def judge_oracle(oracle: Oracle, runs: Runs, *, long: bool) -> Iterator[Verdict]:
    """Judge every measure of an oracle."""
    hours = oracle.length(long=long).hours
    for measure in oracle.measures:
        head = (oracle.id, oracle.what, measure.kpi)
        controls = [_control(oracle.control(name, hours), runs) for name in measure.controls]
        precision = PRECISION[long] if measure.precision is None else measure.precision
        yield judge(head, _read(measure, runs), measure.theory, precision, controls)


def _statistical(chosen: Chosen, runs: dict[System, Runs]) -> Iterator[Verdict]:
    for oracle in chosen.oracles:
        own = runs[System(oracle.path, oracle.length(long=chosen.long))]
        yield from judge_oracle(oracle, own, long=chosen.long)
    for inequality in chosen.inequalities:
        yield inequality.verdict(runs)
    for figures in chosen.published:
        yield from judge_published(figures, runs[published_system(long=chosen.long)])


def _laws(runs: dict[System, Runs]) -> Iterator[Verdict]:
    """Every run checked itself; a run that broke a law has stopped its system."""
    if runs:
        count = sum(len(own.kpis) for own in runs.values())
        broken = tuple(own.broken for own in runs.values() if own.broken)
        what = "conservation, Little's law, one place each, no more busy than there"
        yield Verdict("L", what, f"{count:,} runs", None, "exact", replications=count, reasons=broken)


def _control(measure: Measure, runs: Runs) -> Control:
    return Control(measure.kpi, _read(measure, runs), measure.theory)


def _read(measure: Measure, runs: Runs) -> Sequence[float]:
    return [measure.read(kpis) for kpis in runs.kpis]


class _bar:  # noqa: N801  # reads as a word in `with`
    """A progress bar on a terminal; silence in a pipe."""

    def __init__(self, *, show: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not (show and console.is_terminal))
        self._task = self._progress.add_task("Trying the simulator", total=None)

    def __enter__(self) -> Tell:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
