"""Every word with which the store answers, and its sentence: one table. No rule and no check lives here.

A sentence says what is wrong and what to do, for a scientist at a bench; the same text goes to screen, API and log.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from tracking.errors import Refusal


class Reason(StrEnum):
    """Machine words of receipts and of the rejected list."""

    OK = "ok"
    DUPLICATE = "duplicate"
    UNKNOWN_ITEM = "unknown_item"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NUL_CHARACTER = "nul_character"
    LONE_SURROGATE = "lone_surrogate"
    NOT_A_NUMBER = "not_a_number"
    TOO_DEEP = "too_deep"
    INTEGER_TOO_LARGE = "integer_too_large"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_EVENT = "invalid_event"
    WRONG_SOURCE = "wrong_source"
    UNKNOWN_LAB = "unknown_lab"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_STEP = "unknown_step"
    UNREADABLE_BARCODE = "unreadable_barcode"
    UNKNOWN_BARCODE = "unknown_barcode"
    NOT_A_CASE = "not_a_case"
    IMPOSSIBLE_PARENT = "impossible_parent"
    ALIAS_TAKEN = "alias_taken"
    IDENTITY_CONFLICT = "identity_conflict"
    DATABASE_REFUSED = "database_refused"
    ARCHIVE_MISSING = "archive_missing"
    RETAINED_EVENT = "retained_event"
    OUT_OF_SCOPE = "out_of_scope"
    OWN_DEVICE = "own_device"
    WRONG_TOPIC = "wrong_topic"
    UNREADABLE_MESSAGE = "unreadable_message"
    INTERNAL_ERROR = "internal_error"


SENTENCES: Mapping[Reason, str] = {
    Reason.OK: "Stored.",
    Reason.DUPLICATE: "Already stored; counted once.",
    Reason.UNKNOWN_ITEM: "{item} is not booked in yet. It is stored; book {item} in so that its history is complete.",
    Reason.TOO_LARGE: "The message has {size} bytes; at most {limit} are taken. Send it in parts.",
    Reason.NOT_UTF8: "The message is not UTF-8 text (byte {byte}). Set the sender to UTF-8.",
    Reason.NOT_JSON: "The message is not JSON: {detail}.",
    Reason.NOT_AN_OBJECT: "The message is JSON but not an object; one CloudEvent in braces is expected.",
    Reason.NUL_CHARACTER: "The text holds a NUL character, which no database keeps. Check the sender's encoding.",
    Reason.LONE_SURROGATE: "The text holds half of a Unicode pair. Check the sender's encoding.",
    Reason.NOT_A_NUMBER: "A value is NaN or infinite; leave the field out when it is not known.",
    Reason.TOO_DEEP: "The message is nested more than {limit} levels deep.",
    Reason.INTEGER_TOO_LARGE: "A whole number does not fit 64 bits; send it as text.",
    Reason.UNKNOWN_TYPE: "{value} is no event type known here. Check its spelling, or whether this version is older.",
    Reason.INVALID_EVENT: "{field} is {value}; expected: {expected}.",
    Reason.WRONG_SOURCE: "The event says it is from {source}, but it came from {origin}. Check the device's settings.",
    Reason.UNKNOWN_LAB: "There is no laboratory {lab} in the network file.",
    Reason.UNKNOWN_DEVICE: "{source} is not a device of its laboratory. Add it to the network file.",
    Reason.UNKNOWN_STEP: "{step} is neither a step of {lab} nor a standard one. Check its spelling.",
    Reason.UNREADABLE_BARCODE: "Read {barcode}, which is no barcode of any laboratory here. Scan it again.",
    Reason.UNKNOWN_BARCODE: "{item} is not known here. Book the case in, or scan it again.",
    Reason.NOT_A_CASE: "{item} is a {kind}; a case number is expected.",
    Reason.IMPOSSIBLE_PARENT: "{item} cannot come from {parent}: {why}.",
    Reason.ALIAS_TAKEN: "{alias} already names {owner}; it cannot name {item} too.",
    Reason.IDENTITY_CONFLICT: "{event_id} of {source} was stored before with other content. Both are kept.",
    Reason.DATABASE_REFUSED: "The database could not take this event: {detail}.",
    Reason.ARCHIVE_MISSING: "What came before is in an archive that cannot be read: {detail}. Then replay this event.",
    Reason.RETAINED_EVENT: "An event came as a retained message; it may be old. Publish without the retain flag.",
    Reason.OUT_OF_SCOPE: "The source is no device of a laboratory in the sender's scope. Send it with another token.",
    Reason.OWN_DEVICE: "{source} is histotwin's own voice; no instrument may use it. Give the device another name.",
    Reason.WRONG_TOPIC: "The topic is none of ours; expected histotwin/network/lab/device/event, raw or state.",
    Reason.UNREADABLE_MESSAGE: "The message could not be taken apart. Its bytes are kept; check its sender.",
    Reason.INTERNAL_ERROR: "histotwin failed over this message. Its bytes are kept; report this, then replay it.",
}


def sentence(reason: Reason, **words: object) -> str:
    """Return the sentence of a reason with its blanks filled in."""
    return SENTENCES[reason].format(**words)


def refusal(reason: Reason, **words: object) -> Refusal:
    """Return the refusal to raise for a reason."""
    return Refusal(reason.value, sentence(reason, **words))


def sentence_for(word: str, **words: object) -> str:
    """Return a sentence for a word the wire chose; unknown words and blanks that nothing fills get a plain one."""
    try:
        return SENTENCES[Reason(word)].format_map(words)
    except (ValueError, KeyError):
        return f"The channel refused this message: {word.replace('_', ' ')}."
