"""What a connector keeps on its disk, and what it sends again: ``disk`` keeps, ``resend`` decides; no MQTT in here."""

from devices.outbox.disk import EventTooLarge, Outbox
from devices.outbox.file import OutboxFull, OutboxUnavailable
from devices.outbox.streams import Entry, Leftover, Stream

__all__ = ["Entry", "EventTooLarge", "Leftover", "Outbox", "OutboxFull", "OutboxUnavailable", "Stream"]
