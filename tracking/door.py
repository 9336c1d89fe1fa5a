"""The one door into the store: bytes in, receipts out, committed before anybody is answered.

MQTT ingest, ``POST /api/v1/events``, ``POST /api/v1/scans``, import and seeding all come through here.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

import orjson

from tracking.clock import Clock, to_rfc3339
from tracking.corrections import (
    CLAIMS,
    HELPS,
    Document,
    Field,
    InForce,
    corrected,
    given_mark,
    given_source,
    is_claimed,
    marked,
    steps_of,
)
from tracking.decoding import Decoded, Identity, assemble, decode, identity_of
from tracking.drift import Drift
from tracking.errors import Refusal
from tracking.events import Event
from tracking.names import lab_of
from tracking.offering import Fate, Incoming, Receipt, Verdict
from tracking.reasons import Reason, refusal, sentence, sentence_for
from tracking.registry import OWN_KIND, Device, Registry
from tracking.store.corrections import Corrections, LookUp
from tracking.store.event_store import GAP_CLOSED, EventStore
from tracking.store.log import Mark, Offer, Outcome, mark_of_refused

__all__ = ["Door", "Fate", "Incoming", "Receipt", "Verdict"]

_NOBODY = Identity()
_FROM_EXPORT = "import"
"""The channel on which events come back that a door has corrected before."""


def _own_id(incoming: Incoming) -> str:
    """Return the identity of what has none of its own: offered again with the same receipt, it is the same event.

    So a batch whose commit nobody heard of is not stored twice.
    """
    parts = (incoming.kind, incoming.origin or "", str(incoming.received_us))
    return sha256(b"\x00".join([*(part.encode() for part in parts), incoming.body])).hexdigest()[:32]


class Door:
    """Judges what is offered, has it stored, and says in plain words what became of it."""

    def __init__(self, store: EventStore, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self.drift = Drift()
        self._corrections = Corrections(store.database, registry)
        self._steps = {lab.id: frozenset(steps_of(lab)) for lab in registry.labs.values()}

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store a batch in one transaction and return a receipt for each, in order.

        Raises ``StoreUnavailable`` when nothing could be stored now; offer the same batch again later.
        """
        with _without_garbage_collection():
            return self._take(batch)  # what the batch needed is gone again before anything is collected

    def _take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        offers = self._offers(batch)
        outcomes = self._store.append(offers)
        for offer, outcome in zip(offers, outcomes, strict=True):
            if outcome.fate == "accepted" and offer.decoded is not None:
                self.drift.note(offer.decoded.event)
        return [self._receipt(offer, outcome) for offer, outcome in zip(offers, outcomes, strict=True)]

    def rehearse(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Return the receipts that ``take`` would give, and store nothing. Raises ``StoreUnavailable``."""
        offers = self._offers(batch)
        outcomes = self._store.rehearse(offers)
        return [self._receipt(offer, outcome) for offer, outcome in zip(offers, outcomes, strict=True)]

    def _offers(self, batch: Sequence[Incoming]) -> list[Offer]:
        look_up = self._corrections.once()
        offers: list[Offer] = []
        for incoming in batch:
            offers.append(self._offer(incoming, look_up, offers))
        return offers

    def _offer(self, incoming: Incoming, look_up: LookUp, earlier: Sequence[Offer]) -> Offer:
        offer = Offer(incoming, _NOBODY)
        try:
            if incoming.refusal is not None:
                source = identity_of(incoming.body, incoming.attributes).source
                raise Refusal(incoming.refusal, sentence_for(incoming.refusal, source=source))  # noqa: TRY301
            offer.decoded = self._decode(incoming)
            doubt = self._understand(offer, offer.decoded)
        except Refusal as reason:
            if put_right := self._put_right(incoming, reason, look_up, earlier):
                return put_right
            self._refuse(offer, reason)
            return offer
        return offer if doubt is None else self._put_right(incoming, doubt, look_up, earlier) or offer

    def _put_right(
        self, incoming: Incoming, reason: Refusal, look_up: LookUp, earlier: Sequence[Offer]
    ) -> Offer | None:
        """Return what is offered as people have corrected it, ``None`` where no correction makes it storable."""
        if reason.reason not in HELPS or not len(in_force := look_up()):
            return None

        def is_named(lab: str, text: str) -> bool:
            return any(_names(offer, lab, text) for offer in earlier) or self._corrections.is_named(lab, text)

        best: Offer | None = None
        document, used = self._document(incoming, in_force), frozenset[int]()
        for _round in Field:  # one refusal put right may bare another
            found = document and corrected(document, HELPS.get(reason.reason, ()), in_force, is_named)
            if not found:
                break
            document, used = found[0], used | found[1]
            best = None
            try:
                best, doubt = self._offer_corrected(incoming, marked(document, used))
            except Refusal as next_reason:
                reason = next_reason
                continue
            if doubt is None:
                break
            reason = doubt
        return best

    def _offer_corrected(self, incoming: Incoming, document: Document) -> tuple[Offer, Refusal | None]:
        offer = Offer(incoming, _NOBODY)
        offer.decoded = decode(orjson.dumps(document))
        return offer, self._understand(offer, offer.decoded, is_corrected=True)

    def _document(self, incoming: Incoming, in_force: InForce) -> Document | None:
        """Return the event as it came; a scan or state of a device that nobody knows as that of the one it means.

        ``None`` for what is no document, or already claims to have been corrected: only the door may write that.
        """
        meant = in_force.meant("", Field.SOURCE, incoming.origin)
        known = replace(incoming, origin=meant.meant) if meant and incoming.kind != "event" else incoming
        try:
            document = orjson.loads(self._as_event(known))
        except (Refusal, ValueError):
            return None
        if not isinstance(document, dict) or is_claimed(document):
            return None
        if known is not incoming:
            document["source"] = incoming.origin
        return document

    def _as_event(self, incoming: Incoming) -> bytes:
        body = incoming.body
        if incoming.kind == "raw":
            return self._scan_document(incoming)
        if incoming.kind == "state":
            body = self._state_document(incoming)
        return body if incoming.attributes is None or body is not incoming.body else assemble(body, incoming.attributes)

    def _decode(self, incoming: Incoming) -> Decoded:
        if incoming.kind == "event":
            return decode(incoming.body, incoming.attributes)
        if incoming.kind == "raw":
            return decode(self._scan_document(incoming))
        return decode(self._state_document(incoming), incoming.attributes)

    def _understand(self, offer: Offer, decoded: Decoded, *, is_corrected: bool = False) -> Refusal | None:
        """Find lab, device, step and items of an event; raises ``Refusal``.

        Returns why the store may yet refuse it: nobody's grammar reads a barcode, or a reader may mean an unknown item.
        """
        event = decoded.event
        origin = offer.incoming.origin
        if event.model_extra and not is_corrected:
            _require_unclaimed(event, offer.incoming.channel)
        said = (given_source(event) or event.source) if is_corrected else event.source
        if origin is not None and said != origin:
            raise refusal(Reason.WRONG_SOURCE, source=said, origin=origin)
        device = self._device(event.source)
        if device.kind == OWN_KIND and origin is not None:
            raise refusal(Reason.OWN_DEVICE, source=event.source)
        act = self._store.interpreter.act(decoded, offer.incoming.received_us)
        if act.type == GAP_CLOSED and lab_of(act.data.device) != device.lab:
            raise refusal(Reason.UNKNOWN_DEVICE, source=act.data.device)
        if act.step is not None and act.step not in self._steps[device.lab]:
            raise refusal(Reason.UNKNOWN_STEP, step=act.step, lab=device.lab)
        offer.must_be_known = offer.incoming.kind == "raw"
        if event.boot is None:
            offer.marks = self._given_mark(event, origin, is_corrected=is_corrected)
        offer.act = act
        try:
            offer.touches = self._store.interpreter.touches(event, act.lab)
        except Refusal as reason:
            if reason.reason != Reason.UNREADABLE_BARCODE:
                raise
            return reason
        return refusal(Reason.UNKNOWN_BARCODE, item=event.subject) if offer.must_be_known else None

    def _given_mark(self, event: Event, origin: str | None, *, is_corrected: bool) -> Mark | None:
        """Return what a corrected event counts for; nobody may write it so that it counts for another's device."""
        mark = given_mark(event)
        if mark is None or is_corrected:
            return mark
        theirs = lab_of(mark[0])
        is_foreign = theirs != lab_of(event.source) and theirs in self._registry.labs
        if origin is not None or is_foreign or mark[0] in self._registry.devices:
            raise refusal(Reason.WRONG_SOURCE, source=mark[0], origin=origin or event.source)
        return mark

    def _device(self, source: str) -> Device:
        device = self._registry.devices.get(source)
        if device is not None:
            return device
        if lab_of(source) not in self._registry.labs:
            raise refusal(Reason.UNKNOWN_LAB, lab=lab_of(source))
        raise refusal(Reason.UNKNOWN_DEVICE, source=source)

    def _scan_document(self, incoming: Incoming) -> bytes:
        """Return the event that the bytes of a plain barcode reader amount to; raises ``Refusal``."""
        device = self._device_at(incoming)
        try:
            text = incoming.body.decode("utf-8").strip("\r\n\t \x03\x02")
        except UnicodeDecodeError as error:
            raise refusal(Reason.NOT_UTF8, byte=error.start) from error
        if "\x00" in text:
            raise refusal(Reason.NUL_CHARACTER)
        name = self._store.interpreter.names.read(device.lab, text) if len(text) > 128 or not text else None
        return orjson.dumps({
            **self._envelope(incoming, device, "histotwin.item.scanned"),
            "subject": name.barcode if name else text, "data": {"station": device.station, "raw": text},
        })  # fmt: skip

    def _state_document(self, incoming: Incoming) -> bytes:
        """Return the event of ``online``, ``offline`` or a device.state document."""
        word = incoming.body.strip().lower()
        if word not in (b"online", b"offline"):
            return incoming.body
        device = self._device_at(incoming)
        state = "idle" if word == b"online" else "offline"
        return orjson.dumps({
            **self._envelope(incoming, device, "histotwin.device.state"),
            "subject": device.name, "data": {"state": state, "detail": word.decode()},
        })  # fmt: skip

    def _device_at(self, incoming: Incoming) -> Device:
        if incoming.origin is None:
            raise refusal(Reason.UNKNOWN_DEVICE, source="Whoever sent this")
        return self._device(incoming.origin)

    def _envelope(self, incoming: Incoming, device: Device, kind: str) -> dict[str, object]:
        before = incoming.before
        return {
            "specversion": "1.0", "id": before.event_id if before else _own_id(incoming), "source": device.source,
            "type": kind, "time": to_rfc3339(before.came_us if before else incoming.received_us),
        }  # fmt: skip

    def _refuse(self, offer: Offer, reason: Refusal) -> None:
        """Note a refusal and whose it is; it moves that device's watermark only if the channel does not contradict."""
        came = offer.incoming
        offer.refused, offer.act = reason, None
        if came.kind != "raw":
            offer.identity = identity_of(came.body, came.attributes)
        offer.marks = mark_of_refused(offer.identity, came.origin, came.channel)

    def _receipt(self, offer: Offer, outcome: Outcome) -> Receipt:
        verdict, reason, message = self._verdict(offer, outcome)
        position, through = outcome.position, outcome.stored_through
        if offer.decoded is None:
            own, source = offer.identity, offer.identity.source or offer.incoming.origin
            return Receipt(
                outcome.fate, verdict, reason, message, own.event_id, own.event_type, source, own.subject, own.boot,
                own.sequence, position, through,
            )  # fmt: skip
        event = offer.decoded.event
        boot, sequence = (event.boot, event.sequence) if offer.marks is None else offer.marks[1:]
        return Receipt(
            outcome.fate, verdict, reason, message, event.id, event.type, event.source, event.subject, boot,
            sequence, position, through,
        )  # fmt: skip

    def _verdict(self, offer: Offer, outcome: Outcome) -> tuple[Verdict, str, str]:
        if outcome.refused is not None:
            return "rejected", outcome.refused.reason, outcome.refused.message
        if outcome.fate == "duplicate":
            return "accepted", Reason.DUPLICATE.value, sentence(Reason.DUPLICATE)
        if outcome.unknown is not None:
            return "warning", Reason.UNKNOWN_ITEM.value, sentence(Reason.UNKNOWN_ITEM, item=outcome.unknown)
        return "accepted", Reason.OK.value, _said(offer)


def _require_unclaimed(event: Event, channel: str) -> None:
    """Refuse what an instrument says of corrections: it would be a false witness of what people have decided."""
    for name in CLAIMS if channel != _FROM_EXPORT else ():
        if name in (event.model_extra or {}):
            raise refusal(
                Reason.INVALID_EVENT, field=name, value="there", expected="nothing: histotwin alone writes it"
            )


def _names(offer: Offer, lab: str, text: str) -> bool:
    """Tell whether an event of the same batch books an item in under a text, or gives it to one."""
    act = offer.act
    if act is None or act.lab != lab:
        return False
    is_receipt = act.type == "histotwin.case.received"
    booked_in = (name.barcode for name, _role, parent in offer.touches or () if parent is not None or is_receipt)
    return text in getattr(act.data, "aliases", ()) or text in booked_in


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """A batch makes thousands of objects that all live to its end and form no cycles: collecting finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _said(offer: Offer) -> str:
    act, touches = offer.act, offer.touches
    if act is None or not touches or act.type != "histotwin.item.scanned":
        return sentence(Reason.OK)
    name = touches[0].name
    return f"{name.kind.value.capitalize()} {name.barcode} seen at {act.data.station.replace('_', ' ')}."
