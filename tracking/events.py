"""The vocabulary: every event an instrument, a bench or a LIMS may send, as CloudEvents 1.0.

Only declarations live here. How bytes become one of these is ``decoding``; what an event does to an item is ``items``.
The words follow IHE PaLM Specimen Event Tracking (SET); its S-codes stand beside each type.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
)

from tracking.clock import to_us
from tracking.moments import without_leap_second

SOURCE_PATTERN = r"^/[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*$"
OWN_SOURCE_PATTERN = r"^/[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*/histotwin$"
STANDARD_STEPS = (
    "reception", "cut_up", "decalcification", "processing", "embedding", "microtomy", "staining", "coverslipping",
    "labelling", "scanning", "quality_check", "assembly", "reporting", "authorisation",
)  # fmt: skip

Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Barcode = Annotated[str, StringConstraints(min_length=1, max_length=128)]
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Items = Annotated[list[Barcode], Field(min_length=1, max_length=2000)]
Moment = Annotated[
    AwareDatetime, BeforeValidator(lambda said: without_leap_second(said) if isinstance(said, str) else said)
]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
_OFFSET_SCHEMA = {
    "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
    "description": "seconds to add to time, where a connector knows that its clock is wrong; what is no number counts "
    "as not said",
}
_SEQUENCE_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]{1,19}$"}, {"type": "null"}],
    "description": "running number within a boot; a number, or its digits as CloudEvents' sequence extension has it",
}


class Priority(StrEnum):
    """How soon a case is wanted; served in this order."""

    URGENT = "urgent"
    CANCER = "cancer"
    ROUTINE = "routine"


class Kind(StrEnum):
    """A thing that carries a barcode, from the request down to the glass."""

    CASE = "case"
    SPECIMEN = "specimen"
    BLOCK = "block"
    SLIDE = "slide"


class ExtraWork(StrEnum):
    """Work asked for after the first slides."""

    RECUT = "recut"
    LEVELS = "levels"
    SPECIAL_STAIN = "special_stain"
    IHC = "ihc"
    RE_EMBED = "re_embed"
    EXTRA_BLOCK = "extra_block"


class DeviceState(StrEnum):
    """What an instrument says of itself."""

    IDLE = "idle"
    RUNNING = "running"
    ERROR = "error"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"


class Data(BaseModel):
    """What an event says; fields nobody knows yet are kept, not refused."""

    model_config = ConfigDict(extra="allow", frozen=True)


class CaseReceivedData(Data):
    """A request and its specimens have arrived."""

    case: Barcode
    received_at: Moment
    priority: Priority = Priority.ROUTINE
    pathway: Text | None = None
    specialty: Text | None = None
    specimen_type: Text | None = None
    specimens: list[Barcode] = Field(default_factory=list, max_length=200)
    collected_at: Moment | None = None


class ItemCreatedData(Data):
    """A specimen, block or slide exists from now on."""

    kind: Literal[Kind.SPECIMEN, Kind.BLOCK, Kind.SLIDE]
    parent: Barcode
    stain: Text | None = None
    attributes: dict[str, Any] | None = None
    aliases: list[Barcode] = Field(default_factory=list, max_length=8)


class ItemScannedData(Data):
    """A barcode was read at a station."""

    station: Text
    operator: Text | None = None
    raw: str | None = Field(default=None, max_length=512)
    symbology: Text | None = None


class StepData(Data):
    """One item goes through one step."""

    step: StepName
    station: Text | None = None
    operator: Text | None = None
    children: list[Barcode] = Field(default_factory=list, max_length=2000)
    reason: Text | None = None


class RunData(Data):
    """An instrument works on many items at once."""

    run: Text
    items: Items
    programme: Text | None = None
    step: StepName | None = None
    reason: Text | None = None


class ItemMovedData(Data):
    """An item changed its place."""

    to: Text
    from_: Text | None = Field(default=None, alias="from")
    carrier: Text | None = None


class ConsignmentData(Data):
    """A box travels between laboratories."""

    consignment: Text
    items: Items
    to: Text | None = None
    missing: list[Barcode] = Field(default_factory=list, max_length=2000)


class ItemRejectedData(Data):
    """An item is unfit for the step it came to."""

    reason: Text
    step: StepName | None = None


class StorageData(Data):
    """An item is put away, taken out, or gone for good."""

    location: Text | None = None


class WorkData(Data):
    """Extra work is wanted, or no longer wanted, on an item."""

    kind: ExtraWork
    on: Barcode
    stain: Text | None = None
    reason: Text | None = None


class ImageData(Data):
    """A whole-slide image of a slide came or went."""

    study_uid: Text | None = None
    series_uid: Text | None = None
    bytes: Whole | None = None
    scan_seconds: Annotated[float, Field(ge=0)] | None = None
    quality: Text | float | None = None


class CaseReportData(Data):
    """A pathologist was given the case, or has said what it is."""

    case: Barcode
    pathologist: Text | None = None
    status: Text | None = None


class DeviceStateData(Data):
    """An instrument changed state."""

    state: DeviceState
    detail: Text | None = None


class GapClosedData(Data):
    """A named person states that what is missing of a device will not come."""

    device: Annotated[str, StringConstraints(pattern=SOURCE_PATTERN, max_length=200)]
    boot: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    first: Whole
    last: Whole
    person: Text
    reason: Text


class Envelope(BaseModel):
    """CloudEvents 1.0 context attributes with our extensions: ``boot`` and ``sequence`` let gaps show, ``clockoffset``
    is what must be added to ``time``, in seconds, where a connector knows that its clock is wrong.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    source: Annotated[str, StringConstraints(pattern=SOURCE_PATTERN, max_length=200)]
    subject: Barcode | None = None
    time: AwareDatetime
    boot: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    sequence: Annotated[Whole | None, WithJsonSchema(_SEQUENCE_SCHEMA)] = None
    datacontenttype: str | None = None
    clockoffset: Annotated[Any, WithJsonSchema(_OFFSET_SCHEMA)] = None

    @property
    def time_us(self) -> int:
        """When it happened by the device's clock, microseconds UTC."""
        moment: datetime = self.time
        return to_us(moment)


class CaseReceived(Envelope):
    """IHE SET S42/S43."""

    type: Literal["histotwin.case.received"]
    data: CaseReceivedData


class ItemCreated(Envelope):
    """IHE SET S50."""

    type: Literal["histotwin.item.created"]
    subject: Barcode
    data: ItemCreatedData


class ItemScanned(Envelope):
    """IHE SET S42."""

    type: Literal["histotwin.item.scanned"]
    subject: Barcode
    data: ItemScannedData


class StepEvent(Envelope):
    """IHE SET S51 (started), S50 (completed), S52 (failed)."""

    type: Literal["histotwin.step.started", "histotwin.step.completed", "histotwin.step.failed"]
    subject: Barcode
    data: StepData


class RunEvent(Envelope):
    """IHE SET S51 (started), S52 (completed or failed)."""

    type: Literal["histotwin.run.started", "histotwin.run.completed", "histotwin.run.failed"]
    data: RunData


class ItemMoved(Envelope):
    """IHE SET S41 and S42."""

    type: Literal["histotwin.item.moved"]
    subject: Barcode
    data: ItemMovedData


class ConsignmentEvent(Envelope):
    """IHE SET S41 (sent), S42 (received)."""

    type: Literal["histotwin.consignment.sent", "histotwin.consignment.received"]
    data: ConsignmentData


class ItemRejected(Envelope):
    """IHE SET S44."""

    type: Literal["histotwin.item.rejected"]
    subject: Barcode
    data: ItemRejectedData


class StorageEvent(Envelope):
    """IHE SET S47 (stored), S48 (retrieved), S49 (disposed)."""

    type: Literal["histotwin.item.stored", "histotwin.item.retrieved", "histotwin.item.disposed"]
    subject: Barcode
    data: StorageData = StorageData()


class WorkEvent(Envelope):
    """Extra work; no IHE SET code."""

    type: Literal["histotwin.work.requested", "histotwin.work.cancelled"]
    data: WorkData


class ImageEvent(Envelope):
    """IHE SET S51."""

    type: Literal["histotwin.image.available", "histotwin.image.removed"]
    subject: Barcode
    data: ImageData = ImageData()


class CaseReport(Envelope):
    """The pathologist's part; no IHE SET code."""

    type: Literal["histotwin.case.assigned", "histotwin.case.reported", "histotwin.case.authorised"]
    data: CaseReportData


class DeviceStateChanged(Envelope):
    """An instrument speaks of itself; no IHE SET code."""

    type: Literal["histotwin.device.state"]
    data: DeviceStateData


class GapClosed(Envelope):
    """A person's statement about a device's missing events; no IHE SET code. No instrument may say it, of nobody."""

    source: Annotated[str, StringConstraints(pattern=OWN_SOURCE_PATTERN, max_length=200)]
    type: Literal["histotwin.gap.closed"]
    data: GapClosedData


Event = Annotated[
    CaseReceived
    | ItemCreated
    | ItemScanned
    | StepEvent
    | RunEvent
    | ItemMoved
    | ConsignmentEvent
    | ItemRejected
    | StorageEvent
    | WorkEvent
    | ImageEvent
    | CaseReport
    | DeviceStateChanged
    | GapClosed,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
EVENT_TYPES: tuple[str, ...] = tuple(
    name
    for model in (
        CaseReceived, ItemCreated, ItemScanned, StepEvent, RunEvent, ItemMoved, ConsignmentEvent, ItemRejected,
        StorageEvent, WorkEvent, ImageEvent, CaseReport, DeviceStateChanged, GapClosed,
    )
    for name in model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]  # each is a Literal
)  # fmt: skip
