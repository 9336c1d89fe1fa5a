"""The stations of the pathway: an item arrives, waits, is worked on by hand, in a machine or carried, and is sent on."""

from twin.stations.by_hand import HandStation
from twin.stations.in_machine import BatchStation

Station = HandStation | BatchStation

__all__ = ["BatchStation", "HandStation", "Station"]
