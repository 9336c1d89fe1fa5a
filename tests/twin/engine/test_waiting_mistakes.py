"""Rules of waiting that can come to no good are refused when the file is read, with the place and the reason."""

from typing import Any

import pytest

from tests.twin.engine.hours import coming, h, lab
from twin.lab import Lab

PEOPLE = {name: {"people": 1} for name in ("first", "second", "third")}


def step(name: str, staff: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "staff": staff or name, "duration": h(1), **more}


def kept(name: str, staff: str | None = None, **more: Any) -> dict[str, Any]:
    return step(name, staff, **{"room": 0, "when_full": "wait_before", **more})


def site(*steps: dict[str, Any], **parts: Any) -> Lab:
    return lab(*steps, streams=[coming(0)], **{"staff": PEOPLE, **parts})


SKILLED = {**PEOPLE, "first": {"people": 1, "skills": ["both"]}, "second": {"people": 1, "skills": ["both"]}}
SHARED = {**PEOPLE, "first": {"people": 1, "serves": "all_at_once"}}
LOADING = {"machine": "m", "load": {"staff": "first", "duration": h(1)}, "programmes": [{"size": 1, "run": h(1)}]}


@pytest.mark.parametrize(
    ("steps", "parts", "where", "why"),
    [
        ([step("first"), kept("second", "first")], {}, "steps.1.when_full", "to do without first, kept waiting"),
        ([step("first"), kept("second"), kept("third", "first")], {}, "steps.1.when_full", "third to do without first"),
        ([step("first"), kept("second", "both")], {"staff": SKILLED}, "steps.1.when_full", "to do without first"),
        (
            [step("first", machine="hood"), kept("second", machine="hood")],
            {"machines": {"hood": {"count": 1}}},
            "steps.1.when_full",
            "to do without hood",
        ),
        ([step("first"), kept("second")], {"staff": SHARED}, "steps.1.when_full", "serve one at a time"),
        (
            [step("first", room=1, when_full="second"), step("second", room=1, when_full="first")],
            {},
            "steps.0.when_full",
            "round for ever",
        ),
        ([step("first", room=0, minimum_wait=h(1))], {}, "steps.0.room", "nobody could spend the minimum wait"),
        ([step("first", one_at_a_time=True)], {}, "steps.0.one_at_a_time", "a case was cut from nothing"),
        (
            [{"name": "run", "batch": LOADING}],
            {"staff": SHARED, "machines": {"m": {"count": 1}}},
            "steps.0.batch.load.staff",
            "takes the whole person",
        ),
    ],
)
def test_says_where_and_why(steps: list[dict[str, Any]], parts: dict[str, Any], where: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"{where}: .*{why}"):
        site(*steps, **parts)


def test_a_line_of_full_steps_with_people_of_their_own_is_well() -> None:
    assert site(step("first"), kept("second"), kept("third")).steps[2].room == 0
