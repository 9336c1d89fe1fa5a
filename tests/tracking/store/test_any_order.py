"""Any order of arrival, any batching and any number of duplicates lead to the same state; a rebuild leads there too."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.store.histories import START_US, batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench, Picture, hasty_bench
from tests.tracking.store.soups import ABSURD, SOUP, again, by_wild_clocks, gap_closed, named, shuffled_with_repeats
from tracking.clock import DAY_US, HOUR_US, SECOND_US
from tracking.door import Incoming
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.rebuild import rebuild
from tracking.store.verify import verify

_LIFE = incoming(lab_life("rl4", "S", 2, seed=4))
_MANY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_LUCK = st.randoms(use_true_random=False)
_LOG = (tables.source, tables.event, tables.event_key, tables.rejected)


def state_after(
    registry: Registry, batches: list[list[Incoming]], restart_each: int = 1000, stores: int = 1
) -> Picture:
    """Return what stands after some batches, taken by several stores in turn, and see that a rebuild leads there."""
    with hasty_bench(registry) as bench:
        in_turn = [bench, *(bench.beside() for _ in range(1, stores))]
        for number, batch in enumerate(batches, start=1):
            in_turn[number % stores].door.take(batch)
            if number % restart_each == 0:
                bench.restart()
        before = bench.projections()
        assert rebuild(bench.url, registry) == bench.picture()["head"][0][0]
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
@given(_LUCK, st.integers(0, 30))
def test_a_case_ends_in_the_same_state_however_its_events_arrive(
    registry: Registry, luck: random.Random, repeats: int
) -> None:
    wanted = state_after(registry, [list(_LIFE)])
    offered = shuffled_with_repeats(_LIFE, [again(one, SECOND_US) for one in luck.choices(_LIFE, k=repeats)], luck)
    assert state_after(registry, cut(offered, luck), luck.choice((1, 2, 1000)), luck.choice((1, 2))) == wanted


@settings(_MANY, max_examples=40)
@given(st.lists(SOUP, min_size=2, max_size=25), _LUCK)
def test_even_events_that_contradict_each_other_fold_to_one_state_in_any_order(
    registry: Registry, events: list[dict[str, Any]], luck: random.Random
) -> None:
    offered = named([Incoming(orjson.dumps(event), "test", START_US) for event in events])
    wanted = state_after(registry, [offered])
    luck.shuffle(offered)
    assert state_after(registry, cut(offered, luck), luck.choice((1, 2, 1000))) == wanted


@settings(_MANY, max_examples=60)
@given(st.lists(by_wild_clocks(), min_size=2, max_size=25), st.integers(0, 8), _LUCK)
def test_wild_clocks_refused_events_gaps_and_repeats_fold_to_one_state_in_any_order(
    registry: Registry, soup: list[Incoming], repeats: int, luck: random.Random
) -> None:
    offered = named(soup)
    repeated = [again(one, luck.randrange(7 * DAY_US)) for one in luck.choices(offered, k=repeats)]
    everything_again = [again(one, 8 * DAY_US) for one in offered]
    wanted = state_after(registry, [[*offered, *repeated, *everything_again]])
    arrived = [*shuffled_with_repeats(offered, repeated, luck), *everything_again]
    assert state_after(registry, cut(arrived, luck), luck.choice((1, 2, 1000)), luck.choice((1, 2))) == wanted


def wild_life(cases: int, seed: int) -> list[Incoming]:
    """Return the life of a lab whose clocks are wrong now and then, with gaps, words about them, and refused events."""
    luck = random.Random(seed)
    offered: list[Incoming] = []
    for event in lab_life("rl4", "S", cases, seed):
        [right] = incoming([event])
        wrong: dict[str, Any] = dict(event)
        if luck.random() < 0.2:
            wrong["time"] = luck.choice(ABSURD)
        if luck.random() < 0.2:
            wrong["clockoffset"] = luck.choice(("-3600", "3600.5", "soon", 7_200, "99999999999"))
        if luck.random() < 0.05:
            wrong["data"] = {**event["data"], "step": "juggling"}
        if luck.random() > 0.05:
            offered.append(
                replace(right, body=orjson.dumps(wrong), received_us=right.received_us + luck.randrange(DAY_US))
            )
    sources = sorted({orjson.loads(one.body)["source"] for one in offered})
    for number, source in enumerate(sources, start=1):
        word = {"specversion": "1.0", "id": f"word-{number}", **gap_closed(2, 9, source)}
        word["data"]["boot"] = f"b0{sum(source.encode()) % 97:02d}"
        offered.append(Incoming(orjson.dumps(word), "http", START_US + number * HOUR_US))
    luck.shuffle(offered)
    return [*offered, *(again(one, DAY_US) for one in luck.choices(offered, k=len(offered) // 10))]


def test_the_same_messages_make_the_same_rows_on_both_databases_links_too(
    sqlite_url: Callable[[], str], postgres_url: Callable[[], str], registry: Registry
) -> None:
    with Bench(sqlite_url(), registry) as one, Bench(postgres_url(), registry) as other:
        for batch in batches_of(wild_life(30, seed=5), 150):
            assert one.door.take(batch) == other.door.take(batch)
        assert one.projections() == other.projections()
        for table in _LOG:
            assert one.rows(table) == other.rows(table)


def test_a_rebuild_equals_what_stands_row_for_row(bench: Bench) -> None:
    offered = wild_life(20, seed=6)
    for batch in batches_of([*offered, Incoming(b"junk", "test", START_US)], 150):
        bench.door.take(batch)
    before, steps = bench.projections(), []
    events, rejected = len(bench.rows(tables.event)), len(bench.rows(tables.rejected))
    assert rebuild(bench.url, bench.registry, lambda done, total: steps.append((done, total))) == events
    assert bench.projections() == before
    assert steps[-1] == (events, events)
    report = verify(bench.url, bench.registry)
    assert report.is_sound, report.faults
    assert (report.events, report.rejected) == (events, rejected)
    assert rejected > 1
