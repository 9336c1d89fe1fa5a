"""Events that contradict each other, by clocks that may say anything: what Hypothesis cooks for the store."""

from __future__ import annotations

import random
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.tracking.store.histories import START_US
from tracking.clock import HOUR_US, SECOND_US, to_rfc3339
from tracking.offering import Incoming

ABSURD = (
    "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2016-12-31T23:59:60Z",
    "2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+00:00", "2100-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-14:00",
)  # fmt: skip
MOMENTS = st.integers(0, 5).map(lambda n: to_rfc3339(START_US + n * SECOND_US))
CLOCKS = st.one_of(
    MOMENTS, st.integers(-40 * 24, 40 * 24).map(lambda n: to_rfc3339(START_US + n * HOUR_US)), st.sampled_from(ABSURD)
)
OFFSETS = st.sampled_from(["0.4", "-3600", "3600.25", 61, -86_400, "soon", "", "99999999999", "-99999999999", None])
_LAST_MINUTE = 30 * 24 * 60
RECEIPTS = st.one_of(st.integers(0, 5), st.integers(0, _LAST_MINUTE), st.just(_LAST_MINUTE)).map(
    lambda n: START_US + n * 60 * SECOND_US
)
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

REFUSED = st.one_of(
    told("step.completed", ITEMS, step="juggling"),
    told("item.created", SLIDES, kind="slide", parent=CASES),
    told("item.scanned", st.just("milk carton"), station="here"),
    told("item.eaten", ITEMS),
)
GAPS = st.tuples(st.integers(0, 30), st.integers(-1, 6)).map(lambda pair: gap_closed(pair[0], pair[0] + pair[1]))


def gap_closed(first: int, last: int, device: str = "/demo/opq/bench-1") -> dict[str, Any]:
    """A person's word that some of a device's events will not come."""
    data = {"device": device, "boot": "b", "first": first, "last": last, "person": "Ann Lee", "reason": "disk lost"}
    lab = device.rpartition("/")[0]
    return {"type": "histotwin.gap.closed", "time": to_rfc3339(START_US), "source": f"{lab}/histotwin", "data": data}


@st.composite
def by_wild_clocks(draw: st.DrawFn) -> Incoming:
    """One event of the soup, a refused one or a word about a gap, by any clock, received at any time."""
    event = draw(st.one_of(SOUP, SOUP, SOUP, REFUSED, GAPS))
    event = {**event, "time": draw(CLOCKS), "clockoffset": draw(OFFSETS)}
    if event["type"] == "histotwin.case.received":
        event["data"] = {**event["data"], "received_at": draw(CLOCKS), "collected_at": draw(CLOCKS)}
    if event["clockoffset"] is None:
        del event["clockoffset"]
    return Incoming(orjson.dumps(event), "test", draw(RECEIPTS))


def named(offered: list[Incoming]) -> list[Incoming]:
    """Give each event its identity, and what comes from a device its boot and sequence, with holes now and then."""
    return [_named(one, number) for number, one in enumerate(offered, start=1)]


def _named(one: Incoming, number: int) -> Incoming:
    event = orjson.loads(one.body)
    device = event.pop("device", None)
    named = {"specversion": "1.0", "id": f"e{number}", **event}
    if device is None:
        return Incoming(orjson.dumps(named), one.channel, one.received_us)
    named |= {"source": f"/demo/opq/{device}", "boot": "b", "sequence": number + number // 5}
    return Incoming(orjson.dumps(named), one.channel, one.received_us, origin=named["source"])


def again(one: Incoming, later_us: int) -> Incoming:
    """The same message, received once more."""
    return Incoming(one.body, one.channel, one.received_us + later_us, origin=one.origin)


def shuffled_with_repeats(offered: list[Incoming], repeats: list[Incoming], luck: random.Random) -> list[Incoming]:
    """Return the messages in any order in which no message comes again before it came."""
    place = {one.body: luck.random() for one in offered}
    keyed = [(place[one.body], one) for one in offered]
    keyed += [(luck.uniform(place[one.body], 1), one) for one in repeats]
    return [one for _place, one in sorted(keyed, key=lambda pair: pair[0])]
