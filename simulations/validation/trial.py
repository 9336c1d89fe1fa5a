"""Chooses what the simulator is tried on, runs it and judges it: where the parts of the validation meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

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
ROUNDS = 3
"""So often an oracle gets half as many replications again while its intervals are too wide."""


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


def choose(only: str | None, *, long: bool) -> Chosen:
    """Return everything whose id or lab file's name fits a pattern; raises `InputMistakes` when nothing does.

    Ids begin with a capital, lab files with a small letter, and the pattern tells them apart.
    """

    def fits(*names: str) -> bool:
        return only is None or any(fnmatchcase(name, only) for name in names)

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
    for _ in range(ROUNDS):
        wide = [_more_of(oracle, runs, long=chosen.long) for oracle in chosen.oracles]
        more = {system: part for system, part in wide if part is not None}
        if not more:
            break
        found = watch(list(more.values()), seed=seed, jobs=jobs, tell=tell)
        runs |= {system: runs[system] + found[part] for system, part in more.items()}
    return [*exact, *_statistical(chosen, runs), *_laws(runs)]


def judge_oracle(oracle: Oracle, runs: Runs, *, long: bool) -> Iterator[Verdict]:
    """Judge every measure of an oracle."""
    hours = oracle.length(long=long).hours
    for measure in oracle.measures:
        head = (oracle.id, oracle.what, measure.kpi)
        controls = [_control(oracle.control(name, hours), runs) for name in measure.controls]
        yield judge(head, _read(measure, runs), measure.theory, _precision(measure, long=long), controls)


def _more_of(oracle: Oracle, runs: dict[System, Runs], *, long: bool) -> tuple[System, System | None]:
    """Return an oracle's system, and which replications to add because an interval is too wide; None: none."""
    length = oracle.length(long=long)
    system = System(oracle.path, length)
    pairs = zip(oracle.measures, judge_oracle(oracle, runs[system], long=long), strict=True)
    if all((verdict.half_width_pct or 0) <= 100 * _precision(measure, long=long) for measure, verdict in pairs):
        return system, None
    more = replace(length, replications=length.replications // 2)
    return system, System(oracle.path, more, first=len(runs[system].kpis))


def _precision(measure: Measure, *, long: bool) -> float:
    return PRECISION[long] if measure.precision is None else measure.precision


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
        yield Verdict(
            "L", "the laws every run must obey", f"{count:,} runs", None, "exact", replications=count, reasons=broken
        )


def _control(measure: Measure, runs: Runs) -> Control:
    return Control(measure.kpi, _read(measure, runs), measure.theory)


def _read(measure: Measure, runs: Runs) -> Sequence[float]:
    return [measure.read(kpis) for kpis in runs.kpis]
