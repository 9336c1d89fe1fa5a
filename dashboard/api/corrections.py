"""Corrections: what a wrong word of a lab's events means, said by a named person. What comes of it, the door does."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic import Field as Limit

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, Manager, PartsOf, Reading, Sentence, require_storable
from tracking.corrections import LONGEST_GIVEN, Correction, Field, stations_of, steps_of
from tracking.errors import NotFound
from tracking.queries.corrections_list import corrections_list
from tracking.queries.scope import visible_lab
from tracking.queries.words import Answer
from tracking.registry import Lab
from tracking.store.corrections import add_correction, end_correction, lab_of_correction

router = APIRouter(tags=["corrections"])


class NewCorrection(BaseModel):
    """In ``lab``, ``given`` in this field means ``meant``."""

    model_config = ConfigDict(extra="forbid")
    lab: Annotated[str, Limit(max_length=40)]
    field: Field
    given: Annotated[str, Limit(min_length=1, max_length=LONGEST_GIVEN), AfterValidator(require_storable)]
    meant: Annotated[str, Limit(min_length=1, max_length=256), AfterValidator(require_storable)]
    reason: Sentence


@router.get("/corrections")
def get_corrections(
    parts: PartsOf,
    who: Anybody,
    connection: Reading,
    lab: Annotated[str | None, Query(max_length=40)] = None,
    state: Literal["in_force", "all"] = "in_force",
) -> Response:
    """Return corrections, the newest first; for one lab also what can be meant there."""
    found = corrections_list(connection, parts.registry, who, lab, in_force_only=state == "in_force")
    choices = None if lab is None else _choices(visible_lab(parts.registry, who, lab))
    return answer({"corrections": found, "choices": choices})


@router.post("/corrections", status_code=201)
def post_correction(parts: PartsOf, who: Manager, new: NewCorrection) -> Response:
    """State what a wrong word means. It holds for what comes from now on, and for what is replayed."""
    lab = visible_lab(parts.registry, who, new.lab)
    wanted = Correction(0, lab.id, new.field, new.given, new.meant)
    number = add_correction(parts.database, parts.registry, parts.clock, wanted, reason=new.reason, person=who.name)
    return answer({"id": number}, 201)


@router.delete("/corrections/{number}")
def delete_correction(parts: PartsOf, who: Manager, number: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """End a correction from now on. What it has put right stays; its row stays too."""
    with parts.database.reading() as connection:
        lab = lab_of_correction(connection, number)
    if not who.may_see(lab):
        raise NotFound(f"There is no correction {number}.")
    end_correction(parts.database, parts.clock, number, who.name)
    return answer({"id": number, "state": "ended"})


def _choices(lab: Lab) -> Answer:
    devices = sorted(lab.devices.values(), key=lambda device: (device.station, device.name))
    return {
        Field.STEP.value: [{"value": step, "label": lab.step_label(step)} for step in steps_of(lab)],
        Field.SOURCE.value: [{"value": one.source, "label": f"{one.name} ({one.kind})"} for one in devices],
        Field.STATION.value: [{"value": name, "label": name} for name in stations_of(lab)],
    }
