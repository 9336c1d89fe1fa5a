"""The stations of the pathway: an item comes, waits, is worked on by hand, in a machine or carried, and is sent on."""

from twin.stations.by_hand import HandStation
from twin.stations.carried import CarriedStation
from twin.stations.in_machine import BatchStation

Station = HandStation | BatchStation | CarriedStation

__all__ = ["BatchStation", "CarriedStation", "HandStation", "Station"]
