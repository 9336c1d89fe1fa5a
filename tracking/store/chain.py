"""The chain of hashes that ties each row of the log to all before it. Pure; the formula may never change.

A changed value, a row put elsewhere and a row taken away each break it, from that row on. It shows tampering to whoever
holds an older link; somebody who may rewrite the whole database could make it anew, so links are also told outside
(in the log of ingest and by ``db verify``).

link(n) = SHA-256(link(n-1) ‖ JSON array of the row's values ‖ digest of the content ‖ body), link(0) = 32 zero bytes.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

FIRST_LINK = bytes(32)
Value = str | int | None


def event_link(
    before: bytes, position: int, path: str, event_id: str, kind: str, time_us: int, at_us: int, received_us: int,
    boot: str | None, sequence: int | None, digest: bytes, body: bytes,
) -> bytes:  # fmt: skip
    """Return the link of an event; ``path`` is its source's path, so that the numbers of sources are tied in too."""
    values = orjson.dumps((position, path, event_id, kind, time_us, at_us, received_us, boot, sequence))
    return sha256(b"".join((before, values, digest, body))).digest()


def source_link(before: bytes, number: int, path: str, lab: str) -> bytes:
    """Return the link over the sources up to this one; the head keeps it."""
    return sha256(before + orjson.dumps((number, path, lab))).digest()


def rejected_link(before: bytes, values: tuple[Value, ...], digest: bytes, body: bytes) -> bytes:
    """Return the link of a refused message over what never changes of it."""
    return sha256(b"".join((before, orjson.dumps(values), digest, body))).digest()


def rejected_seal(link: bytes, values: tuple[Value, ...]) -> bytes:
    """Return the seal of what does change of a refused message: how often it came, and what became of it."""
    return sha256(link + orjson.dumps(values)).digest()
