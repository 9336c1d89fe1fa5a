"""A laboratory as tests of the wires need it: one gateway with its disk outbox. No rule is tested in here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devices.connectors.gateway import Gateway, GatewaySettings, Loss, Reply
from devices.outbox import Outbox
from devices.outbox.resend import Patience
from devices.session import BrokerAddress
from tracking.clock import Clock, SystemClock

STEP: dict[str, Any] = {"type": "histotwin.step.completed", "subject": "S26-1-A-1", "data": {"step": "microtomy"}}
HASTY = Patience(first_s=0.3, longest_s=2.0, soon_s=0.2, spread_s=0.01)


class Lab:
    """A gateway with its outbox, as a lab has it."""

    def __init__(
        self,
        port: int,
        folder: Path,
        name: str = "gateway",
        *,
        patience: Patience = HASTY,
        clock: Clock | None = None,
        **outbox: Any,
    ) -> None:
        clock = clock or SystemClock()
        self.replies: list[Reply] = []
        self.losses: list[Loss] = []
        self.outbox = Outbox(folder / f"{name}.db", clock, **outbox)
        settings = GatewaySettings("bcps", "rl4", name, BrokerAddress(port=port), patience)
        self.gateway = Gateway(settings, self.outbox, clock, on_reply=self.replies.append, on_loss=self.losses.append)
        self.gateway.start()

    def leave(self, patience_s: float = 5.0) -> None:
        self.gateway.close(patience_s)
        self.outbox.close()
