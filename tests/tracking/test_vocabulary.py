"""Every event type of the contract is understood, and what nobody knows yet is kept."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import ValidationError

from tracking.clock import to_rfc3339
from tracking.events import EVENT, EVENT_TYPES

REQUIRED = {
    "case.received": {"case": "S26-000123", "received_at": "2026-11-21T08:00:00Z"},
    "item.created": {"kind": "block", "parent": "S26-000123-A"},
    "item.scanned": {"station": "microtomy"},
    "step.started": {"step": "microtomy"},
    "step.completed": {"step": "microtomy"},
    "step.failed": {"step": "microtomy"},
    "run.started": {"run": "r1", "items": ["S26-000123-A-1"]},
    "run.completed": {"run": "r1", "items": ["S26-000123-A-1"]},
    "run.failed": {"run": "r1", "items": ["S26-000123-A-1"]},
    "item.moved": {"to": "room 2"},
    "consignment.sent": {"consignment": "c1", "items": ["S26-000123-A-1"]},
    "consignment.received": {"consignment": "c1", "items": ["S26-000123-A-1"]},
    "item.rejected": {"reason": "no label"},
    "item.stored": {},
    "item.retrieved": {},
    "item.disposed": {},
    "work.requested": {"kind": "ihc", "on": "S26-000123-A-1"},
    "work.cancelled": {"kind": "ihc", "on": "S26-000123-A-1"},
    "image.available": {},
    "image.removed": {},
    "case.assigned": {"case": "S26-000123"},
    "case.reported": {"case": "S26-000123"},
    "case.authorised": {"case": "S26-000123"},
    "device.state": {"state": "error"},
    "gap.closed": {"device": "/bcps/rl4/microtome-3", "boot": "b", "first": 3, "last": 4, "person": "Ann Lee",
                   "reason": "the instrument's disk failed"},
}  # fmt: skip


def envelope(kind: str, data: dict[str, object], **more: object) -> dict[str, object]:
    source = "/bcps/rl4/histotwin" if kind == "gap.closed" else "/bcps/rl4/microtome-3"
    return {
        "specversion": "1.0", "id": "b-1", "source": source, "type": f"histotwin.{kind}",
        "subject": "S26-000123-A-1", "time": "2026-11-21T09:30:00.000Z", "data": data, **more,
    }  # fmt: skip


def test_the_vocabulary_is_the_contracts_and_a_persons_word_about_a_gap() -> None:
    assert set(EVENT_TYPES) == {f"histotwin.{kind}" for kind in REQUIRED}


@pytest.mark.parametrize("kind", REQUIRED)
def test_an_event_with_just_the_required_fields_is_understood(kind: str) -> None:
    event = EVENT.validate_python(envelope(kind, REQUIRED[kind]))
    assert event.type == f"histotwin.{kind}"


@pytest.mark.parametrize("kind", [kind for kind, data in REQUIRED.items() if data])
def test_each_required_field_is_required(kind: str) -> None:
    for field in REQUIRED[kind]:
        with pytest.raises(ValidationError, match=field):
            EVENT.validate_python(envelope(kind, {k: v for k, v in REQUIRED[kind].items() if k != field}))


def test_only_histotwin_itself_can_state_that_a_gap_is_closed() -> None:
    with pytest.raises(ValidationError, match="source"):
        EVENT.validate_python(envelope("gap.closed", REQUIRED["gap.closed"], source="/bcps/rl4/microtome-3"))


def test_fields_that_nobody_knows_are_kept() -> None:
    event = EVENT.validate_python(envelope("item.stored", {"humidity": 40}, traceparent="00-ab"))
    assert event.data.model_extra == {"humidity": 40}
    assert event.model_extra == {"traceparent": "00-ab"}


def test_the_example_of_the_contract_is_read_to_the_microsecond() -> None:
    event = EVENT.validate_python(envelope("step.completed", {"step": "microtomy"}, boot="9f3c", sequence="184"))
    assert event.sequence == 184
    assert to_rfc3339(event.time_us) == "2026-11-21T09:30:00.000Z"


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "/BCPS/rl4/x"}, {"source": "bcps/rl4/x"}, {"time": "2026-11-21T09:30:00"}, {"id": ""},
        {"specversion": "0.3"}, {"sequence": -1}, {"sequence": 2**63}, {"type": "histotwin.item.eaten"},
    ],
)  # fmt: skip
def test_a_wrong_envelope_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_python(envelope("item.stored", {}) | wrong)


@pytest.mark.parametrize("sequence", [184, "184"])
def test_the_published_schema_takes_what_the_store_takes(sequence: int | str) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs/schemas/event.json").read_text(encoding="utf-8"))
    example = envelope("step.completed", {"step": "microtomy", "children": ["S26-000123-A-1-1"]}, sequence=sequence)
    published = jsonschema_rs.validator_for(schema)
    assert published.is_valid(example)
    assert EVENT.validate_python(example).sequence == 184
    assert not published.is_valid(example | {"source": "nowhere"})
