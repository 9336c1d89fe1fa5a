"""From the broker into the store, and nothing dies unseen: ``service`` puts it together, each module has one duty."""

from devices.ingest.service import Ingest, IngestSettings

__all__ = ["Ingest", "IngestSettings"]
