"""Any order of arrival, any batching and any number of duplicates lead to the same state; a rebuild leads there too."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.store.histories import START_US, batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench, Picture
from tracking.clock import to_rfc3339
from tracking.door import Incoming
from tracking.registry import Registry
from tracking.store.rebuild import rebuild
from tracking.store.verify import verify

_LIFE = incoming(lab_life("rl4", "S", 2, seed=4))
_MANY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def state_after(registry: Registry, batches: list[list[Incoming]], restart_each: int = 1000) -> Picture:
    with tempfile.TemporaryDirectory() as folder, Bench(f"sqlite:///{Path(folder) / 'a.db'}", registry) as bench:
        for number, batch in enumerate(batches, start=1):
            bench.door.take(batch)
            if number % restart_each == 0:
                bench.restart()
        before = bench.projections()
        assert rebuild(bench.url, registry) == bench.picture()["head"][0][1]
        assert bench.projections() == before
        return bench.picture()


def cut(offered: list[Incoming], luck: random.Random) -> list[list[Incoming]]:
    batches: list[list[Incoming]] = []
    while offered:
        size = luck.choice((1, 2, 7, 40))
        batches.append(offered[:size])
        offered = offered[size:]
    return batches


@_MANY
@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_a_case_ends_in_the_same_state_however_its_events_arrive(
    registry: Registry, luck: random.Random, again: int
) -> None:
    wanted = state_after(registry, [list(_LIFE)])
    offered = [*_LIFE, *luck.choices(_LIFE, k=again)]
    luck.shuffle(offered)
    assert state_after(registry, cut(offered, luck), luck.choice((1, 2, 1000))) == wanted


MOMENTS = st.integers(0, 5).map(lambda n: to_rfc3339(START_US + n * 1_000_000))
CASES, SPECIMENS, BLOCKS, SLIDES = (st.sampled_from([f"{kind}0{n}" for n in (1, 2)]) for kind in "CPBG")
ITEMS = st.one_of(CASES, SPECIMENS, BLOCKS, SLIDES)
FEW_ITEMS = st.lists(ITEMS, min_size=1, max_size=3)
STEPS = st.sampled_from(["reception", "cut_up", "microtomy", "staining"])


def told(kind: str, subject: st.SearchStrategy[str] | None = None, /, **data: Any) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        name.rstrip("_"): one if isinstance(one, st.SearchStrategy) else st.just(one) for name, one in data.items()
    }
    event = {"type": st.just(f"histotwin.{kind}"), "time": MOMENTS, "data": st.fixed_dictionaries(fields),
             "device": st.sampled_from(["bench-1", "bench-2", "stainer-1", "stainer-2"])}  # fmt: skip
    return st.fixed_dictionaries(event | ({"subject": subject} if subject is not None else {}))


def about(kind: str, subject: st.SearchStrategy[str], /, **data: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An event whose data names the same thing as its subject."""
    name = next(iter(data))
    return told(kind, subject, **data).map(lambda event: {**event, "data": {**event["data"], name: event["subject"]}})


KINDS = st.sampled_from(["recut", "levels", "ihc"])
SOUP = st.one_of(
    about("case.received", CASES, case="", received_at=MOMENTS, collected_at=MOMENTS,
          specimens=st.lists(SPECIMENS, max_size=2), priority=st.sampled_from(["urgent", "routine"])),
    told("item.created", SPECIMENS, kind="specimen", parent=CASES),
    told("item.created", BLOCKS, kind="block", parent=SPECIMENS,
         attributes=st.dictionaries(st.sampled_from("ab"), st.integers(0, 3))),
    told("item.created", SLIDES, kind="slide", parent=BLOCKS, stain=st.sampled_from(["HE", "PAS"])),
    told("item.scanned", ITEMS, station=st.sampled_from(["here", "there"])),
    told("step.started", ITEMS, step=STEPS, operator=st.sampled_from(["ann", "ben"])),
    told("step.completed", ITEMS, step=STEPS),
    told("step.completed", BLOCKS, step="microtomy", children=st.lists(SLIDES, max_size=2)),
    told("step.completed", SPECIMENS, step="cut_up", children=st.lists(BLOCKS, max_size=2)),
    told("step.failed", ITEMS, step=STEPS),
    told("run.started", run=st.sampled_from(["r1", "r2"]), items=FEW_ITEMS),
    told("run.completed", run=st.sampled_from(["r1", "r2"]), items=FEW_ITEMS),
    told("run.failed", run=st.sampled_from(["r1", "r2"]), items=FEW_ITEMS, step=STEPS),
    told("item.moved", ITEMS, to=st.sampled_from(["trolley", "shelf"])),
    told("consignment.sent", consignment="box", items=FEW_ITEMS),
    told("consignment.received", consignment="box", items=FEW_ITEMS, missing=st.lists(ITEMS, max_size=1)),
    told("item.rejected", ITEMS, reason="cracked"),
    told("item.stored", ITEMS, location="archive"),
    told("item.retrieved", ITEMS),
    told("item.disposed", ITEMS),
    about("work.requested", BLOCKS, on="", kind=KINDS),
    about("work.cancelled", BLOCKS, on="", kind=KINDS),
    told("image.available", SLIDES),
    told("image.removed", SLIDES),
    about("case.assigned", CASES, case="", pathologist=st.sampled_from(["p1", "p2"])),
    about("case.reported", CASES, case=""),
    about("case.authorised", CASES, case=""),
    told("device.state", state=st.sampled_from(["idle", "running", "error"]), detail=st.sampled_from(["x", "y"])),
)  # fmt: skip


def numbered(events: list[dict[str, Any]]) -> list[Incoming]:
    return incoming(
        {
            "specversion": "1.0", "id": f"e{n}", "source": f"/demo/opq/{event['device']}", "boot": "b",
            "sequence": n, **{name: value for name, value in event.items() if name != "device"},
        }
        for n, event in enumerate(events, start=1)
    )  # fmt: skip


@settings(_MANY, max_examples=80)
@given(st.lists(SOUP, min_size=2, max_size=25), st.randoms(use_true_random=False))
def test_even_events_that_contradict_each_other_fold_to_one_state_in_any_order(
    registry: Registry, events: list[dict[str, Any]], luck: random.Random
) -> None:
    offered = numbered(events)
    wanted = state_after(registry, [offered])
    luck.shuffle(offered)
    assert state_after(registry, cut(offered, luck), luck.choice((1, 2, 1000))) == wanted


def test_the_same_log_makes_the_same_rows_on_both_databases(
    sqlite_url: Callable[[], str], postgres_url: Callable[[], str], registry: Registry
) -> None:
    offered = incoming(lab_life("rl4", "S", 40))
    random.Random(5).shuffle(offered)
    with Bench(sqlite_url(), registry) as one, Bench(postgres_url(), registry) as other:
        for batch in batches_of(offered, 200):
            one.door.take(batch)
            other.door.take(batch)
        assert one.projections() == other.projections()


def test_a_rebuild_equals_what_stands_row_for_row(bench: Bench) -> None:
    offered = incoming(lab_life("rl4", "S", 30))
    random.Random(6).shuffle(offered)
    for batch in batches_of([*offered, Incoming(b"junk", "test", START_US)], 150):
        bench.door.take(batch)
    before, steps = bench.projections(), []
    assert rebuild(bench.url, bench.registry, lambda done, total: steps.append((done, total))) == len(offered)
    assert bench.projections() == before
    assert steps[-1] == (len(offered), len(offered))
    report = verify(bench.url, bench.registry)
    assert report.is_sound
    assert report.events == len(offered)
    assert report.rejected == 1
