"""The corrections that people have made: kept for ever, remembered here while nobody changes them. Judges nothing.

Nothing is read until an event is refused for something that a correction can help; then one short look tells whether
what is remembered still holds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection, func, insert, select, update

from tracking.clock import Clock
from tracking.corrections import Correction, Field, InForce, require_meaningful, still_holds
from tracking.errors import NotFound, Refusal
from tracking.registry import Registry
from tracking.store.database import Database
from tracking.store.tables import alias, correction, item

LookUp = Callable[[], InForce]


class Corrections:
    """The corrections in force, as a door asks for them: those that the network file still allows.

    ``StoreUnavailable`` may be raised by every call.
    """

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database, self._registry = database, registry
        self._version: tuple[int, int] | None = None
        self._in_force = InForce()

    def once(self) -> LookUp:
        """Return a question that reads at most once, when it is first asked: one for each batch."""
        found: list[InForce] = []

        def look_up() -> InForce:
            if not found:
                found.append(self._current())
            return found[0]

        return look_up

    def is_named(self, lab: str, text: str) -> bool:
        """Tell whether a text is a second barcode or a booked-in item of a lab, so that it needs no correction."""
        with self._database.reading() as connection:
            return _is_named(connection, self._registry, lab, text)

    def _current(self) -> InForce:
        with self._database.reading() as connection:
            version = _version(connection)
            if version != self._version:
                held = _in_force(connection)
                self._in_force = InForce(one for one in held if still_holds(self._registry, one))
                self._version = version
        return self._in_force


def add_correction(
    database: Database, registry: Registry, clock: Clock, wanted: Correction, *, reason: str, person: str
) -> int:
    """Keep a correction (its ``id`` is not looked at) and return its number.

    Raises ``Refusal`` when what is meant does not exist, or when something else holds for what was given.
    """
    lab = registry.lab(wanted.lab)
    meant = require_meaningful(registry, lab, wanted.field, wanted.given, wanted.meant)
    row = {"lab": lab.id, "field": wanted.field.value, "given": wanted.given, "meant": meant}
    with database.writing() as connection:
        _require_free(connection, wanted)
        if wanted.field is Field.BARCODE and _is_named(connection, registry, lab.id, wanted.given):
            raise Refusal("known_barcode", f"given: {wanted.given!a} is an item here; expected what names nothing.")
        made = insert(correction).values(**row, reason=reason, person=person, made_us=clock.now_us())
        return int(connection.execute(made.returning(correction.c.id)).scalar_one())


def end_correction(database: Database, clock: Clock, number: int, person: str) -> None:
    """End a correction from now on; its row stays. One that has ended stays as it is."""
    ended = update(correction).where(correction.c.id == number, correction.c.ended_us.is_(None))
    with database.writing() as connection:
        connection.execute(ended.values(ended_us=clock.now_us(), ended_by=person))


def lab_of_correction(connection: Connection, number: int) -> str:
    """Return whose a correction is; raises ``NotFound``."""
    lab = connection.execute(select(correction.c.lab).where(correction.c.id == number)).scalar()
    if lab is None:
        raise NotFound(f"There is no correction {number}.")
    return str(lab)


def _version(connection: Connection) -> tuple[int, int]:
    """Return what is different after every change: rows are only added, and ended once."""
    row = connection.execute(select(func.max(correction.c.id), func.count(correction.c.ended_us))).one()
    return row[0] or 0, row[1]


def _in_force(connection: Connection) -> list[Correction]:
    rows = connection.execute(select(correction).where(correction.c.ended_us.is_(None)).order_by(correction.c.id))
    return [Correction(row.id, row.lab, Field(row.field), row.given, row.meant) for row in rows]


def _require_free(connection: Connection, wanted: Correction) -> None:
    same = select(correction.c.id, correction.c.lab, correction.c.meant).where(
        correction.c.field == wanted.field.value, correction.c.given == wanted.given, correction.c.ended_us.is_(None)
    )
    if wanted.field is not Field.SOURCE:
        same = same.where(correction.c.lab == wanted.lab)
    if (found := connection.execute(same).first()) is None:
        return
    if found.lab != wanted.lab:  # what it means there is for that laboratory's people to see
        raise Refusal("already_corrected", f"given: {wanted.given!a} has a meaning in another laboratory already.")
    raise Refusal(
        "already_corrected", f"given: {wanted.given!a} means {found.meant!a} already. End correction {found.id} first."
    )


def _is_named(connection: Connection, registry: Registry, lab: str, text: str) -> bool:
    """Tell whether a text is on an item here: to give it another meaning would store events for the wrong tissue."""
    texts = {text}
    with suppress(Refusal, NotFound):
        texts.add(registry.lab(lab).grammar.read(text).barcode)
    as_alias = select(alias.c.item_id).where(alias.c.lab == lab, alias.c.value.in_(texts))
    as_item = select(item.c.id).where(item.c.lab == lab, item.c.barcode.in_(texts), item.c.announced)
    return connection.execute(as_alias.union_all(as_item)).first() is not None
