"""Bytes become an event or a refusal, the same for every transport and both databases. Pure; nothing is looked up.

What one database would keep and the other refuse (NUL, lone surrogates, NaN, wide integers, deep nesting) is refused
here, so that both hold the same log. The checks that hardly ever fail are made cheaply on the bytes first and exactly
only on suspicion.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NoReturn

import orjson
from pydantic import ValidationError

from tracking.clock import to_us
from tracking.errors import Refusal
from tracking.events import EVENT, EVENT_TYPES, Event
from tracking.moments import offset_us, without_leap_second
from tracking.reasons import Reason, refusal

LARGEST_BODY = 65_536
LARGEST_NAMED = 1024 * 1024  # the largest packet: up to here even a refused body is asked whose it is
DEEPEST = 32
_INT64 = 2**63
_TYPES = frozenset(EVENT_TYPES)
_OWN_TYPES = "histotwin."
_VALIDATE = EVENT.validator.validate_python
_DIGITS = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
_NINETEEN_DIGITS = b"0" * 19
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SURROGATE = re.compile(rb"surrogate", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


@dataclass(slots=True)
class Decoded:
    """An event that is sound in itself; ``digest`` is the same whatever transport brought it. ``time_us`` is what the
    device's clock said, ``offset_us`` what its connector knows must be added to it.
    """

    event: Event
    body: bytes
    digest: bytes
    time_us: int
    offset_us: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a refused message says of itself, as far as it can be read."""

    event_id: str | None = None
    event_type: str | None = None
    source: str | None = None
    subject: str | None = None
    boot: str | None = None
    sequence: int | None = None


def decode(body: bytes, attributes: Mapping[str, str] | None = None) -> Decoded:
    """Return the event that a message holds; raises ``Refusal`` with a machine word and a sentence.

    ``attributes`` are the CloudEvents attributes of binary mode; ``body`` is then the data alone.
    """
    if len(body) > LARGEST_BODY:
        raise refusal(Reason.TOO_LARGE, size=len(body), limit=LARGEST_BODY)
    if attributes is not None:
        body = assemble(body, attributes)
        if len(body) > LARGEST_BODY:
            raise refusal(Reason.TOO_LARGE, size=len(body), limit=LARGEST_BODY)
    document = _parse(body)
    event = _validate(document)
    offset = None if event.clockoffset is None else offset_us(event.clockoffset)
    return Decoded(event, body, _digest(document, event), to_us(event.time), offset)


def assemble(data: bytes, attributes: Mapping[str, str]) -> bytes:
    """Return the structured-mode document of a binary-mode message; raises ``Refusal``."""
    document: dict[str, Any] = {name.lower(): value for name, value in attributes.items()}
    if data:
        document["data"] = _load(data)
    try:
        return orjson.dumps(document)
    except (TypeError, ValueError) as error:
        raise refusal(Reason.LONE_SURROGATE) from error


def identity_of(body: bytes, attributes: Mapping[str, str] | None = None) -> Identity:
    """Return what a refused message says of itself, the same from the wire and from the rejected list; never raises.

    A body that is too large to be stored is read too: unless it counts, its device's acknowledgement never passes it.
    """
    if len(body) > LARGEST_NAMED and attributes is None:
        return Identity()
    try:
        document = storable_attributes(attributes) if attributes is not None else orjson.loads(body)
    except ValueError:
        return Identity()
    return _identity(document) if isinstance(document, dict) else Identity()


def _identity(document: dict[str, Any]) -> Identity:
    event_id, event_type, source, subject = (_text(document, name) for name in ("id", "type", "source", "subject"))
    return Identity(event_id, event_type, source, subject, boot_of(document), sequence_of(document))


def boot_of(document: Mapping[str, Any]) -> str | None:
    """Return the boot of an event as its document has it, if it is one."""
    return _text(document, "boot", 64)


def sequence_of(document: Mapping[str, Any]) -> int | None:
    """Return the sequence of an event as its document has it, a number or digits, if it is one."""
    return _whole(document.get("sequence"))


def _text(document: Mapping[str, Any], name: str, longest: int = 200) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest and _is_storable(value) else None


def storable(text: str) -> str:
    """Return a text that both databases keep: NUL and lone surrogates written out."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def storable_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return binary-mode attributes as the rejected list keeps them."""
    return {storable(name): storable(value) for name, value in attributes.items()}


def _is_storable(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    return value if type(value) is int and 0 <= value < _INT64 else None


def _parse(body: bytes) -> dict[str, Any]:
    document = _load(body)
    if type(document) is not dict:
        raise refusal(Reason.NOT_AN_OBJECT)
    return document


def _load(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        _explain_unreadable(body, error)
    if body.count(b"[") + body.count(b"{") > DEEPEST and depth_of(body) > DEEPEST:
        raise refusal(Reason.TOO_DEEP, limit=DEEPEST)
    if b"\\u0000" in body and _holds_nul(document):
        raise refusal(Reason.NUL_CHARACTER)
    if _NINETEEN_DIGITS in body.translate(_DIGITS):
        _require_int64(body)
    return document


def _explain_unreadable(body: bytes, error: Exception) -> NoReturn:
    """Find out why JSON could not be read, and refuse with that word."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise refusal(Reason.NOT_UTF8, byte=wrong.start) from error
    if depth_of(body) > DEEPEST:
        raise refusal(Reason.TOO_DEEP, limit=DEEPEST) from error
    if _SURROGATE.search(str(error).encode()):
        raise refusal(Reason.LONE_SURROGATE) from error
    try:
        json.loads(text, parse_constant=_refuse_number, parse_float=_require_finite)
    except ValueError:
        raise refusal(Reason.NOT_JSON, detail=str(error)) from error
    raise refusal(Reason.LONE_SURROGATE) from error  # the standard library reads nothing else that orjson refuses


def _refuse_number(_constant: str) -> NoReturn:
    raise refusal(Reason.NOT_A_NUMBER)


def _require_finite(digits: str) -> float:
    value = float(digits)
    return value if abs(value) != float("inf") else _refuse_number(digits)


def _require_int64(body: bytes) -> None:
    def check(digits: str) -> int:
        if len(digits) > 20 or not -_INT64 <= int(digits) < _INT64:
            raise refusal(Reason.INTEGER_TOO_LARGE)
        return 0

    json.loads(body, parse_int=check)


def depth_of(body: bytes) -> int:
    """Return how deep brackets are nested outside strings; for text that need not be JSON."""
    deepest = depth = 0
    for letter in _STRING.sub(b"", body):
        if letter in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in b"]}":
            depth -= 1
    return deepest


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _holds_nul(member) for key, member in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))


def _validate(document: dict[str, Any]) -> Event:
    if "data_base64" in document and "data" not in document:
        document["data"] = _data_of_base64(document.pop("data_base64"))
    for kind in (document.get("type"), _type_of_schema(document.get("dataschema"))):
        if isinstance(kind, str) and kind not in _TYPES:
            raise refusal(Reason.UNKNOWN_TYPE, value=_shown(kind))
    if type(said := document.get("time")) is str and ":60" in said:
        document["time"] = without_leap_second(said)
    try:
        event: Event = _VALIDATE(document)
    except ValidationError as error:
        raise _invalid(error) from error
    if type(document["time"]) is not str or not _MOMENT.match(document["time"]):
        raise refusal(
            Reason.INVALID_EVENT,
            field="time",
            value=_shown(document["time"]),
            expected="a moment like 2026-11-21T09:30:00Z",
        )
    return event


def _type_of_schema(schema: object) -> str | None:
    """Return the type that ``dataschema`` names, where it is one of ours; a later version of it means other things."""
    last = schema.rpartition("/")[2] if isinstance(schema, str) else ""
    return last if last.startswith(_OWN_TYPES) else None


def _data_of_base64(text: Any) -> Any:
    try:
        return _load(base64.b64decode(text, validate=True))
    except (binascii.Error, TypeError, ValueError) as error:
        raise refusal(
            Reason.INVALID_EVENT, field="data_base64", value=_shown(text), expected="JSON in base64"
        ) from error


def _invalid(error: ValidationError) -> Refusal:
    detail = error.errors(include_url=False)[0]
    path = [str(part) for part in detail["loc"] if part not in _TYPES]
    field = ".".join(path) or "type"
    value = "missing" if detail["type"] in ("missing", "union_tag_not_found") else _shown(detail["input"])
    expected = "a value" if value == "missing" else detail["msg"].removeprefix("Input should be ")
    return refusal(Reason.INVALID_EVENT, field=field, value=value, expected=expected)


def _shown(value: object) -> str:
    """Return a value as a message may show it: short, printable ASCII."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _digest(document: dict[str, Any], event: Event) -> bytes:
    """Return SHA-256 of the canonical document; what transports write differently is evened out first."""
    if event.sequence is not None:
        document["sequence"] = event.sequence
    if event.clockoffset is not None:
        document["clockoffset"] = str(event.clockoffset)
    if str(document.get("datacontenttype")).partition(";")[0].rstrip() == "application/json":
        del document["datacontenttype"]
    document.pop("correction", None)  # who put it right says nothing about what happened
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).digest()
