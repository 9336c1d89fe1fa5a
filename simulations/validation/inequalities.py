"""What theory says of systems it cannot solve: bounds, and what can only help. Pairs of systems share their luck."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulations.validation.oracle import ORACLES, Length
from simulations.validation.running import Runs, System
from simulations.validation.theory.waiting_lines import kingman_bound
from simulations.validation.verdicts import Verdict, judge_bound, plain

WAIT = "wait_mean_h.serve"
MINUTES_AN_HOUR = 60


@dataclass(frozen=True, slots=True)
class Inequality:
    """One thing theory says, of one system or of two."""

    id: str
    what: str
    measure: str
    systems: tuple[System, ...]
    judge: Callable[["Inequality", Sequence[Runs]], Verdict]

    def verdict(self, runs: Mapping[System, Runs]) -> Verdict:
        """Judge the runs of its systems; they must all be there."""
        own = [runs[system] for system in self.systems]
        broken = tuple(one.broken for one in own if one.broken)
        return Verdict(*self.head, None, reasons=broken) if broken else self.judge(self, own)

    @property
    def head(self) -> tuple[str, str, str]:
        """What the line in the table begins with."""
        return self.id, self.what, self.measure


def inequalities(*, long: bool) -> tuple[Inequality, ...]:
    """Return everything that must hold, watched longer for the long set."""
    hours = 20_000.0 if long else 5_000.0
    return (
        Inequality("I1", "Kingman's bound, G/G/1", WAIT, (_system("kingman", hours * 4),), _below_kingman),
        Inequality(
            "I2", "one line instead of two", "wip_mean",
            (_system("pooled-line", hours, "lines"), _system("separate-lines", hours, "lines")), _less_on_average,
        ),
        Inequality(
            "I3", "one more server, same luck", WAIT,
            (_system("servers-4", hours, "servers"), _system("servers-3", hours, "servers")), _never_more,
        ),
        Inequality(
            "I4", "time × 60, same luck", WAIT,
            (_system("scale-hours", hours, "scale"), _system("scale-minutes", hours / MINUTES_AN_HOUR, "scale")),
            _sixty_times,
        ),
    )  # fmt: skip


def _system(file: str, hours: float, luck: str | None = None) -> System:
    return System(ORACLES / f"{file}.yaml", Length(hours, 0.0 if luck else 500.0, 20), luck)


def _below_kingman(said: Inequality, runs: Sequence[Runs]) -> Verdict:
    """Gaps of mean 1.25 and Erlang of two stages, services of mean 1 and coefficient of variation 1.2."""
    return judge_bound(said.head, _read(runs[0], said.measure), kingman_bound(0.8, 0.5**0.5, 1, 1.2))


def _less_on_average(said: Inequality, runs: Sequence[Runs]) -> Verdict:
    return judge_bound(said.head, _differences(said, runs), 0.0)


def _never_more(said: Inequality, runs: Sequence[Runs]) -> Verdict:
    differences = _differences(said, runs)
    worse = sum(not difference <= 0 for difference in differences)
    reasons = (f"more with more servers in {worse} of {len(differences)} replications",) if worse else ()
    return _about(said, differences, 0.0, "≤", reasons)


def _sixty_times(said: Inequality, runs: Sequence[Runs]) -> Verdict:
    """Every moment is sixty times as late to the microsecond; only the last bit of a mean may differ."""
    pairs = zip(_read(runs[0], said.measure), _read(runs[1], said.measure), strict=True)
    ratios = [slow / fast for slow, fast in pairs]
    wrong = sum(not abs(ratio / MINUTES_AN_HOUR - 1) <= 1e-12 for ratio in ratios)
    reasons = (f"another ratio in {wrong} of {len(ratios)} replications",) if wrong else ()
    return _about(said, ratios, MINUTES_AN_HOUR, "exact", reasons)


def _about(
    said: Inequality, values: Sequence[float], expected: float, relation: str, reasons: tuple[str, ...]
) -> Verdict:
    found = plain(values)
    low, high = found.mean - found.half_width, found.mean + found.half_width
    return Verdict(*said.head, expected, relation, found.mean, low, high, None, None, len(values), reasons)


def _differences(said: Inequality, runs: Sequence[Runs]) -> list[float]:
    pairs = zip(_read(runs[0], said.measure), _read(runs[1], said.measure), strict=True)
    return [first - second for first, second in pairs]


def _read(runs: Runs, measure: str) -> list[float]:
    return [kpis.get(measure, float("nan")) for kpis in runs.kpis]
