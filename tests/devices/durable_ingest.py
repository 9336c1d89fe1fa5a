"""A program for tests: ingest into ``StoreOnDisk`` until it is killed. Arguments: port, file."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from devices.ingest import Ingest, IngestSettings
from devices.session import BrokerAddress
from tests.devices.stand_ins import StoreOnDisk
from tracking.clock import SystemClock

if __name__ == "__main__":
    settings = IngestSettings(BrokerAddress(port=int(sys.argv[1])), client_id="durable-ingest")
    Ingest(settings, StoreOnDisk(Path(sys.argv[2])), SystemClock()).start()
    print("started", flush=True)
    threading.Event().wait()
