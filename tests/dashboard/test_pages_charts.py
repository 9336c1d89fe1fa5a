"""Charts as data: what is drawn where, without a browser."""

from __future__ import annotations

import pytest

from dashboard.components.chart_card import as_csv
from dashboard.components.charts import THEMES, cumulative, share_within, turnaround_by_day, turnaround_share
from dashboard.pages.lab import lab_charts

TARGETS = [{"name": "80 % in 7 days", "days": 7, "percentile": 80}]
HALVES = {"bin_h": 12, "counts": [0] * 12 + [5, 0, 5], "n": 10, "days": 28}


def test_days_without_cases_are_gaps_not_zeros() -> None:
    trend = [{"day": "2026-11-20", "n": 3, "p50_h": 48.0, "p90_h": 96.0}, {"day": "2026-11-21", "n": 0}]
    p90, median = turnaround_by_day(trend, TARGETS, THEMES["light"]).data
    assert list(median.y) == [2.0, None]
    assert list(p90.y) == [4.0, None]


def test_lines_differ_by_dash_as_well_as_by_colour() -> None:
    trend = [{"day": "2026-11-20", "n": 3, "p50_h": 48.0, "p90_h": 96.0}]
    p90, median = turnaround_by_day(trend, TARGETS, THEMES["light"]).data
    assert p90.line.dash != median.line.dash
    assert p90.line.color != median.line.color


def test_the_share_starts_at_nothing_and_ends_at_all() -> None:
    days, percent = cumulative(HALVES)
    assert (days[0], percent[0]) == (0.0, 0.0)
    assert percent[-1] == 100.0


@pytest.mark.parametrize(("days", "share"), [(6, 0.0), (7, 50.0), (8, 100.0)])
def test_share_within_counts_whole_bins_up_to_the_target(days: float, share: float) -> None:
    assert share_within(HALVES, days) == share


def test_the_share_chart_names_each_target() -> None:
    figure = turnaround_share(HALVES, TARGETS, THEMES["dark"])
    assert [note.text for note in figure.layout.annotations] == ["50 % in 7 d (target 80 %)"]


def test_no_finished_case_is_said_instead_of_drawn() -> None:
    cards = lab_charts({"tat_trend": [{"day": "2026-11-20", "n": 0, "p50_h": None}], "tat_distribution": None})
    assert len(cards) == 1
    assert "No case has been authorised yet." in str(cards[0])


def test_csv_leaves_unknown_values_empty() -> None:
    assert as_csv(["day", "median_h"], [["2026-11-21", None]]) == "day,median_h\n2026-11-21,\n"
