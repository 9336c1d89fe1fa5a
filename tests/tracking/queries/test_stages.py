"""Where a case stands, told by where its parts stand."""

from __future__ import annotations

import pytest

from tracking.events import Kind
from tracking.queries.stages import Parts, Route, standing
from tracking.registry import RouteStep

STEPS = {
    "reception": "case", "cut_up": "specimen", "decalcification": "block", "processing": "block",
    "embedding": "block", "microtomy": "block", "staining": "slide", "coverslipping": "slide", "scanning": "slide",
    "quality_check": "case", "reporting": "case", "authorisation": "case",
}  # fmt: skip
ROUTE = Route([RouteStep(step=step, per=Kind(kind)) for step, kind in STEPS.items()])


def case(step: str | None = "reception", state: str | None = "done") -> Parts:
    return Parts("case", step, state, "active", 1, 10, 10)


def part(kind: str, step: str | None = None, state: str | None = None, status: str = "active", count: int = 1) -> Parts:
    return Parts(kind, step, state, status, count, 10, 20)


DONE_PARTS = [part("specimen", "cut_up", "done"), part("block", "microtomy", "done"), part("slide", "scanning", "done")]


@pytest.mark.parametrize(
    ("parts", "stage"),
    [
        ([], "reception"),
        ([case(None, None)], "reception"),
        ([case("reception", "running"), part("specimen")], "reception"),
        ([case(), part("specimen")], "cut_up"),
        ([case(), part("specimen", "cut_up", "running")], "cut_up"),
        ([case(), part("specimen", "cut_up", "done"), part("block")], "processing"),
        ([case(), part("block", "decalcification", "running")], "decalcification"),
        ([case(), part("block", "decalcification", "done")], "processing"),
        ([case(), part("block", "microtomy", "done"), part("slide")], "staining"),
        ([case(), part("block", "embedding", "done"), part("slide", "scanning", "done")], "microtomy"),
        ([case(), part("slide", "staining", "failed")], "staining"),
        ([case(), *DONE_PARTS], "quality_check"),
        ([case("quality_check", "running"), *DONE_PARTS], "quality_check"),
        ([case("quality_check", "done"), *DONE_PARTS], "reporting"),
        ([case("quality_check", "failed"), *DONE_PARTS], "quality_check"),
        ([case("reporting", "done"), *DONE_PARTS], "authorisation"),
        ([case("reporting", "running"), *DONE_PARTS, part("slide")], "staining"),
        ([case(), *DONE_PARTS, part("slide", "staining", "done", "disposed")], "quality_check"),
        ([case(), *DONE_PARTS, part("slide", "an_unknown_step", "done")], "staining"),
    ],
)
def test_a_case_is_at_the_earliest_step_of_its_parts(parts: list[Parts], stage: str) -> None:
    assert standing(ROUTE, parts).stage == stage


def test_the_moments_of_a_case_stand_in_for_steps_that_nobody_told() -> None:
    assert standing(ROUTE, [case(), *DONE_PARTS], ("quality_check", 30)).stage == "reporting"
    assert standing(ROUTE, [case(), *DONE_PARTS], ("reporting", 40)).stage == "authorisation"
    assert standing(ROUTE, [case()], ("reporting", 40)).queues["authorisation"].waiting_since_us == 40


def test_items_are_counted_in_the_unit_of_the_step_they_wait_for() -> None:
    parts = [case(), part("block", "embedding", "done", count=3), part("slide", "staining", "running", count=5)]
    queues = standing(ROUTE, parts).queues
    assert (queues["microtomy"].waiting, queues["microtomy"].waiting_since_us) == (3, 10)
    assert (queues["staining"].running, queues["staining"].waiting) == (5, 0)


def test_a_case_waits_since_its_last_part_was_done() -> None:
    queue = standing(ROUTE, [case(), *DONE_PARTS]).queues["quality_check"]
    assert (queue.waiting, queue.waiting_since_us) == (1, 20)


def test_a_step_that_is_not_on_the_route_does_not_send_a_case_back_to_the_start() -> None:
    assert standing(ROUTE, [case("assembly"), *DONE_PARTS]).stage == "reporting"
    slides = [*DONE_PARTS[:2], part("slide", "labelling", "done")]
    assert standing(ROUTE, [case(), *slides]).stage == "scanning"
