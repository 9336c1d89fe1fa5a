"""Which cases an event's own words name, without reading it as an event: good enough to know what to look at again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from sqlalchemy import Connection, select

from tracking.errors import Refusal
from tracking.queries.words import from_json
from tracking.registry import Registry
from tracking.store.tables import alias, item

_ONE = ("case", "on", "parent")
_MANY = ("items", "children", "specimens", "missing")
_AT_ONCE = 500


def names_in(body: bytes) -> set[str]:
    """Return every text in a stored event that may be an item's barcode."""
    document = from_json(body) or {}
    data = document.get("data") or {}
    kind = document.get("type", "")
    subject = () if kind.endswith("device.state") or ".run." in kind else (document.get("subject"),)
    singles = (*subject, *(data.get(field) for field in _ONE))
    many = (text for field in _MANY for text in data.get(field) or ())
    return {text for text in (*singles, *many) if isinstance(text, str)}


def cases_named(
    connection: Connection, registry: Registry, named: Mapping[str, Iterable[str]]
) -> tuple[dict[str, set[int]], set[str]]:
    """Return the cases, by lab, that texts said in each lab name, and the labs in which some text names nothing."""
    wanted: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for said_in, texts in named.items():
        for text in texts:
            lab, barcode = _read(registry, said_in, text)
            wanted[lab][barcode] = said_in
    found: dict[str, set[int]] = {}
    unknown: set[str] = set()
    for lab, barcodes in wanted.items():
        rows = list(_look_up(connection, lab, list(barcodes)))
        found[lab] = {case_id for _, case_id in rows}
        unknown |= {barcodes[barcode] for barcode in barcodes.keys() - {barcode for barcode, _ in rows}}
    return found, unknown


def _look_up(connection: Connection, lab: str, barcodes: list[str]) -> Iterator[tuple[str, int]]:
    columns = (item.c.id, item.c.case_id, item.c.kind)
    for start in range(0, len(barcodes), _AT_ONCE):
        some = barcodes[start : start + _AT_ONCE]
        direct = select(item.c.barcode, *columns).where(item.c.lab == lab, item.c.barcode.in_(some))
        known = {row[0]: row for row in connection.execute(direct)}
        if missing := set(some) - known.keys():
            aliased = select(alias.c.value, *columns).join(item, item.c.id == alias.c.item_id)
            rows = connection.execute(aliased.where(alias.c.lab == lab, alias.c.value.in_(missing)))
            known |= {row[0]: row for row in rows}
        for text, item_id, case_id, kind in known.values():
            if (case := item_id if kind == "case" else case_id) is not None:
                yield text, case


@lru_cache(maxsize=65_536)
def _read(registry: Registry, said_in: str, text: str) -> tuple[str, str]:
    """Return whose barcode a text is and its one right form: the speaking lab's own if it can be, else any other's."""
    labs = [registry.labs[said_in], *registry.labs.values()] if said_in in registry.labs else registry.labs.values()
    for lab in labs:
        try:
            return lab.id, lab.grammar.read(text).barcode
        except Refusal:
            continue
    return said_in, text
