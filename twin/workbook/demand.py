"""Turns arrivals, priorities and numbers of parts into a lab document's attributes and demand. Knows no steps."""

from typing import Any

from twin.workbook.contents import CambridgeWorkbook, Week
from twin.workbook.figures import count, figure, weights
from twin.workbook.names import Chance, HowMany, Stream

RATE_DECIMALS = 4
"""Arrivals per hour are written with four decimals; the week's total is the sum of what is written."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def attributes_of(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    """Return what tells cases, specimens and blocks apart, each drawn from what was drawn before it."""
    chances = workbook.chances
    decalcification = {"bone_station": chances[Chance.BONE_STATION], "oven": chances[Chance.OVEN]}
    return [
        {"name": "origin", "of": "case", "values": weights({"internal": chances[Chance.INTERNAL]}, "external")},
        {"name": "cut_up_type", "of": "specimen", "values": _cut_up_types(workbook)},
        {"name": "tissue", "of": "specimen", "values": _tissues(workbook)},
        {"name": "decalcification", "of": "specimen", "values": weights(decalcification, "none")},
        {"name": "cut", "of": "block", "values": _cuts(workbook)},
    ]


def demand_of(workbook: CambridgeWorkbook) -> dict[str, Any]:
    """Return the `demand` of a lab document: one specimen to a case, as in the workbook's model."""
    chances = workbook.chances
    cancer = {"urgent": chances[Chance.URGENT_CANCER], "priority": chances[Chance.PRIORITY_CANCER]}
    others = {"urgent": chances[Chance.URGENT_NON_CANCER], "priority": chances[Chance.PRIORITY_NON_CANCER]}
    return {
        "streams": [
            _stream("cancer_pathway", workbook.arrivals[Stream.CANCER], weights(cancer, "cancer")),
            _stream("other_pathways", workbook.arrivals[Stream.NON_CANCER], weights(others, "routine")),
        ],
        "specimens_per_case": 1,
        "blocks_per_specimen": _blocks(workbook),
        "slides_per_block": _slides(workbook),
    }


def _stream(name: str, week: Week, priorities: dict[str, Any]) -> dict[str, Any]:
    days = ([figure(round(rate, RATE_DECIMALS)) for rate in hours] for hours in week)
    rates = dict(zip(_DAYS, days, strict=True))
    total = figure(round(sum(map(sum, rates.values())), RATE_DECIMALS))
    return {"name": name, "cases_per_week": total, "profile": rates, "priorities": priorities}


def _cut_up_types(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    chances = workbook.chances
    urgent = {"bms": Chance.BMS_URGENT, "pool": Chance.POOL_URGENT, "large": Chance.LARGE_URGENT}
    others = {"bms": Chance.BMS, "pool": Chance.POOL, "large": Chance.LARGE}
    return [
        {"when": {"priority": "urgent"}, "give": weights({kind: chances[name] for kind, name in urgent.items()})},
        {"give": weights({kind: chances[name] for kind, name in others.items()})},
    ]


def _tissues(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    return [
        {"when": {"cut_up_type": "bms"}, "give": {"small_surgical": 1}},
        {"when": {"cut_up_type": "pool"}, "give": {"large_surgical": 1}},
        {"give": weights({"mega": workbook.chances[Chance.MEGA_BLOCKS]}, "large_surgical")},
    ]


def _cuts(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    small = weights({"levels": workbook.chances[Chance.LEVELS]}, "serials")
    return [
        {"when": {"tissue": "small_surgical"}, "give": small},
        {"when": {"tissue": "large_surgical"}, "give": {"larges": 1}},
        {"give": {"megas": 1}},
    ]


def _blocks(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    return [
        {"when": {"cut_up_type": ["bms", "pool"]}, "give": 1},
        {"when": {"tissue": "large_surgical"}, "give": count(workbook.counts[HowMany.BLOCKS_LARGE])},
        {"give": count(workbook.counts[HowMany.BLOCKS_MEGA])},
    ]


def _slides(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    counts = workbook.counts
    return [
        {"when": {"cut": "levels"}, "give": count(counts[HowMany.SLIDES_LEVELS])},
        {"when": {"cut": "serials"}, "give": count(counts[HowMany.SLIDES_SERIALS])},
        {"when": {"cut": "larges"}, "give": count(counts[HowMany.SLIDES_LARGES])},
        {"give": count(counts[HowMany.SLIDES_MEGAS])},
    ]
