"""Reads a label's text as an item of some lab, and an event as an act on items, with what the registry knows. Pure.

The device's own lab is tried first, then the others: an item keeps the lab whose barcode it wears. A device's station
and step are configuration: after they change in the network file, ``db rebuild`` reads old runs by the new file.
"""

from __future__ import annotations

from collections.abc import Callable

from tracking.decoding import Decoded
from tracking.errors import Refusal
from tracking.events import Event
from tracking.moments import moment_us
from tracking.reasons import Reason, refusal
from tracking.registry import Registry
from tracking.touches import Act, ItemName, Touch, act_of, touches

FindAlias = Callable[[str, str], ItemName | None]
"""(lab, text on the label) → the item it was given to as a second barcode."""
_CACHED_NAMES = 100_000


def no_alias(_lab: str, _text: str) -> ItemName | None:
    """Stand in where no aliases are known."""
    return None


class Names:
    """What the registry's barcode grammars make of a text; remembers what it has read."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._read: dict[tuple[str, str], ItemName] = {}
        self._families: dict[ItemName, tuple[ItemName, ...]] = {}

    def read(self, lab: str, text: str) -> ItemName:
        """Return the item a label names; raises ``Refusal('unreadable_barcode')``."""
        name = self._read.get((lab, text))
        if name is None:
            name = self._read_anew(lab, text)
            if len(self._read) >= _CACHED_NAMES:
                self._read.clear()
            self._read[lab, text] = name
        return name

    def _read_anew(self, lab: str, text: str) -> ItemName:
        if name := self._read_as(lab, text):
            return name
        for other in self._registry.labs:
            if name := self._read_as(other, text):
                return name
        raise refusal(Reason.UNREADABLE_BARCODE, barcode=_shown(text))

    def _read_as(self, lab: str, text: str) -> ItemName | None:
        try:
            found = self._registry.labs[lab].grammar.read(text)
        except Refusal:
            return None
        return ItemName(lab, found.barcode, found.kind, found.parent, found.case)

    def family(self, name: ItemName) -> tuple[ItemName, ...]:
        """Return the items the label itself names as this one's forebears, outermost first."""
        known = self._families.get(name)
        if known is None:
            known = self._family_anew(name)
            if len(self._families) >= _CACHED_NAMES:
                self._families.clear()
            self._families[name] = known
        return known

    def _family_anew(self, name: ItemName) -> tuple[ItemName, ...]:
        parent = self.named(name.lab, name.parent)
        if parent is not None:
            return (*self.family(parent), parent)
        case = self.named(name.lab, name.case)
        return () if case is None or case == name else (case,)

    def named(self, lab: str, text: str | None) -> ItemName | None:
        """Return the item another label's text speaks of, where the lab's grammar can read it."""
        try:
            return None if text is None else self.read(lab, text)
        except Refusal:
            return None


class Interpreter:
    """What an event means here: the act, and the items it touches."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.names = Names(registry)

    def act(self, decoded: Decoded, received_us: int) -> Act:
        """Return the act; the source must have a lab, its device need not be known any more."""
        event, said_us = decoded.event, decoded.time_us
        when = moment_us(said_us, decoded.offset_us, received_us), said_us, received_us
        device = self.registry.devices.get(event.source)
        if device is None:
            return act_of(event, when, lab_of(event.source), None, None)
        return act_of(event, when, device.lab, device.station, device.step)

    def touches(self, event: Event, lab: str, find_alias: FindAlias = no_alias) -> tuple[Touch, ...]:
        """Return the items touched; raises ``Refusal``. Aliases are asked only for what no grammar reads."""
        if find_alias is no_alias:
            return touches(event, lab, self.names.read)

        def read(at: str, text: str) -> ItemName:
            try:
                return self.names.read(at, text)
            except Refusal:
                if found := find_alias(at, text):
                    return found
                raise

        return touches(event, lab, read)


def lab_of(source: str) -> str:
    """Return the lab in ``/network/lab/device``."""
    return source.split("/", 3)[2]


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= 80 else f"{text[:77]!a}..."
