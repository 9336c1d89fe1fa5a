"""What a lab is, as data: the schema of `data/labs/*.yaml`, its loading and its complaints. No behaviour lives here."""

from twin.lab.base import DAYS, LEAVE, LEVELS, OUT, PRIORITIES, WAIT_BEFORE, WEEKDAYS, Condition, Day, Level, fits
from twin.lab.demand import Attribute, Demand, Profile, Stream
from twin.lab.lab import Holidays, Lab, Run
from twin.lab.loading import LabFileError, Mistake, load_lab, parse_lab
from twin.lab.resources import Failures, MachineGroup, Pause, Shift, StaffGroup
from twin.lab.ruled import Rule, Ruled
from twin.lab.schema import json_schema
from twin.lab.steps import (
    Batch,
    Close,
    Handling,
    Initial,
    Programme,
    Rework,
    Slot,
    Slots,
    Step,
    Transport,
    Turn,
)

__all__ = [
    "DAYS", "LEAVE", "LEVELS", "OUT", "PRIORITIES", "WAIT_BEFORE", "WEEKDAYS", "Attribute", "Batch", "Close",
    "Condition", "Day", "Demand", "Failures", "Handling", "Holidays", "Initial", "Lab", "LabFileError", "Level",
    "MachineGroup", "Mistake", "Pause", "Profile", "Programme", "Rework", "Rule", "Ruled", "Run", "Shift", "Slot",
    "Slots", "StaffGroup", "Step", "Stream", "Transport", "Turn", "fits", "json_schema", "load_lab", "parse_lab",
]  # fmt: skip
