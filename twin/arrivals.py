"""When cases come: Poisson along a weekly profile, by gaps, or at given moments. Draws only from streams handed in."""

from collections.abc import Iterator

import numpy as np

from twin.calendars import WEEK_HOURS, Timetable
from twin.distributions import HOUR, MICROSECONDS, Floats
from twin.lab import Profile, Stream
from twin.variates import draws

_GAPS = 512
WEEK = WEEK_HOURS * HOUR


def moments(
    stream: Stream, rng: np.random.Generator, timetable: Timetable, after_us: int, factor: float = 1.0
) -> Iterator[int]:
    """Yield the moments (µs UTC) after the start at which cases of a stream come; `factor` scales a weekly load."""
    if stream.at is not None:
        unit = MICROSECONDS[stream.unit]
        return iter(sorted(after_us + round(moment * unit) for moment in stream.at))
    if stream.every is not None:
        return _renewals(draws(rng, stream.every.filler()), after_us)
    cases_per_week = (stream.cases_per_week or 0.0) * factor
    if stream.profile is None:
        return _even(rng, cases_per_week, after_us)
    return along_profile(rng, timetable, stream.profile, cases_per_week, after_us)


def along_profile(
    rng: np.random.Generator, timetable: Timetable, profile: Profile, cases_per_week: float, after_us: int
) -> Iterator[int]:
    """Yield, for ever, the moments of a Poisson stream whose rate is constant within each hour of the profile.

    By inversion of the cumulative rate, so that a heavier load under the same luck is the same stream, faster.
    """
    if cases_per_week <= 0:
        return
    start = after_us // HOUR * HOUR
    edges, cumulative = _week(timetable, profile, start, 0.0)
    reached = float(np.interp(after_us, edges, cumulative))
    while True:
        targets = reached + np.cumsum(rng.exponential(1.0, _GAPS)) / cases_per_week
        reached = float(targets[-1])
        while reached > cumulative[-1]:
            more, further = _week(timetable, profile, int(edges[-1]), float(cumulative[-1]))
            edges, cumulative = np.append(edges, more[1:]), np.append(cumulative, further[1:])
        yield from np.maximum(np.interp(targets, cumulative, edges).astype(np.int64), after_us + 1).tolist()
        passed = max(int(np.searchsorted(cumulative, reached, side="right")) - 1, 0)
        edges, cumulative = edges[passed:], cumulative[passed:]


def _week(timetable: Timetable, profile: Profile, start: int, base: float) -> tuple[Floats, Floats]:
    edges = start + HOUR * np.arange(WEEK_HOURS + 1, dtype=np.float64)
    shares = np.concatenate(([0.0], timetable.hourly_shares(profile, start)))
    return edges, base + np.cumsum(shares)


def _even(rng: np.random.Generator, cases_per_week: float, after_us: int) -> Iterator[int]:
    reached = after_us
    while cases_per_week > 0:
        gaps = np.rint(rng.exponential(WEEK / cases_per_week, _GAPS)).astype(np.int64)
        times = reached + np.cumsum(gaps)
        reached = int(times[-1])
        yield from times.tolist()


def _renewals(gap: "object", after_us: int) -> Iterator[int]:
    moment = after_us
    while True:
        moment += gap()  # type: ignore[operator]
        yield moment
