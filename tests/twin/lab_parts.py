"""Parts that lab files are made of, as small as can be, and the mistakes found in a file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.twin.micro import constant, document
from twin.lab import LabFileError, Mistake, parse_lab

SHIPPED = sorted((Path(__file__).parents[2] / "data" / "labs").glob("*.yaml"))


def mistakes(text: str) -> tuple[Mistake, ...]:
    with pytest.raises(LabFileError) as caught:
        parse_lab(text)
    return caught.value.mistakes


def wrong(**changes: Any) -> tuple[Mistake, ...]:
    """Return the mistakes in the smallest lab with these changes, written as a file."""
    return mistakes(yaml.safe_dump(document(**changes)))


def by_hand(name: str, per: str = "case", **more: Any) -> dict[str, Any]:
    return {"name": name, "per": per, "staff": "hands", "duration": constant(1), **more}


def in_machine(name: str = "processing", *, programme: Any = None, **batch: Any) -> dict[str, Any]:
    programmes = [{"size": 5, "run": constant(1), **(programme or {})}]
    return {"name": name, "per": "case", "batch": {"machine": "oven", "programmes": programmes, **batch}}


def carried(**transport: Any) -> dict[str, Any]:
    return {"name": "walk", "per": "case", "transport": {"size": 3, "there": constant(1), **transport}}


def demand(*streams: dict[str, Any], **counts: Any) -> dict[str, Any]:
    return {"streams": list(streams), **counts}


REPORTING = by_hand("reporting")
OVEN = {"oven": {"count": 1}}
TISSUE = {"name": "tissue", "of": "specimen", "values": {"skin": 3, "bone": 1}}
CUT_UP, MICROTOMY = by_hand("cut_up", "specimen", makes="block"), by_hand("microtomy", "block", makes="slide")
WORKED = [CUT_UP, MICROTOMY, REPORTING]
IHC = {"kind": "ihc", "probability": 0.2, "slides": 1}
