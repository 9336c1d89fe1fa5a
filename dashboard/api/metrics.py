"""The figures for Prometheus: what the log, ingest and the other parts say of themselves. Explains nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from dashboard.api.asking import PartsOf
from dashboard.api.parts import Parts
from devices.ingest.tally import COMMIT_BUCKETS_S
from tracking.clock import SECOND_US, real_seconds_since
from tracking.queries.health import Vitals
from tracking.queries.troubles import INGEST
from tracking.queries.words import seconds_since
from tracking.reasons import Reason

at_root = APIRouter()
_FATES = {"accepted": "accepted", "duplicates": "duplicate", "rejected": "rejected", "conflicts": "conflict"}
_NAN = float("nan")


@at_root.get("/metrics", include_in_schema=False)
def get_metrics(parts: PartsOf) -> Response:
    """Return counts for Prometheus, text format 0.0.4. Raises ``StoreUnavailable``."""
    registry = CollectorRegistry()
    registry.register(_Figures(parts, parts.lookout.vitals()))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Figures:
    """All figures of one moment, as Prometheus collects them."""

    def __init__(self, parts: Parts, seen: Vitals) -> None:
        self._parts, self._seen, self._clock = parts, seen, parts.clock
        beat = seen.beats.get(INGEST)
        self._said: Mapping[str, Any] = beat.detail if beat is not None else {}

    def collect(self) -> Iterator[Metric]:
        """Give every figure."""
        yield from self._log()
        yield from self._pages()
        yield from self._ingest()
        yield from self._standing()
        yield self._ages()
        yield from self._disk()

    def _log(self) -> Iterator[Metric]:
        seen = self._seen
        lag_s = seconds_since(seen.last_received_us, self._clock.now_us())
        yield CounterMetricFamily("histotwin_events_stored", "Events in the log.", seen.position)
        yield CounterMetricFamily("histotwin_events_rejected", "Different messages refused.", seen.rejected)
        yield GaugeMetricFamily("histotwin_store_head", "Position of the log's last event.", seen.position)
        yield GaugeMetricFamily("histotwin_ingest_lag_seconds", "Seconds since the last event came.", _number(lag_s))

    def _pages(self) -> Iterator[Metric]:
        behind = max(self._seen.position - self._parts.board.position, 0)
        yield GaugeMetricFamily(
            "histotwin_board_behind_events", "Events that the live board has not drawn yet.", behind
        )
        yield GaugeMetricFamily("histotwin_stream_viewers", "Open live streams.", self._parts.live.viewers)

    def _ingest(self) -> Iterator[Metric]:
        said = self._said
        taken = CounterMetricFamily(
            "histotwin_ingest_messages", "What became of messages since ingest started.", labels=["fate"]
        )
        for name, fate in _FATES.items():
            taken.add_metric([fate], said.get(name, 0))
        yield taken
        yield CounterMetricFamily("histotwin_ingest_batches", "Transactions of ingest since it started.",
                                  said.get("batches", 0))  # fmt: skip
        yield _commits(said)
        yield GaugeMetricFamily("histotwin_ingest_waiting", "Messages read and not yet stored.", said.get("waiting", 0))
        round_trip_ms = said.get("round_trip_ms")
        yield GaugeMetricFamily("histotwin_canary_round_trip_seconds", "From ingest by broker and writer and back.",
                                _NAN if round_trip_ms is None else round_trip_ms / 1000)  # fmt: skip
        yield CounterMetricFamily("histotwin_broker_sessions_lost", "Times that the broker forgot ingest's session.",
                                  said.get("sessions_lost", 0))  # fmt: skip

    def _standing(self) -> Iterator[Metric]:
        gaps = [gap for stream in self._seen.gaps for gap in stream.gaps]
        oldest_s = max((real_seconds_since(self._clock, gap.since_us) for gap in gaps), default=0.0)
        yield GaugeMetricFamily("histotwin_gaps_open", "Gaps in the sequences of connectors.", len(gaps))
        yield GaugeMetricFamily("histotwin_oldest_gap_seconds", "For how long the oldest of them is known.", oldest_s)
        yield from self._refusals()
        clocks = GaugeMetricFamily(
            "histotwin_device_clock_error_seconds", "What has to be added to a device's clock, where over 2 s.",
            labels=["source"],
        )  # fmt: skip
        for wrong in self._seen.clocks:
            clocks.add_metric([wrong.source], wrong.off_us / SECOND_US)
        yield clocks

    def _refusals(self) -> Iterator[Metric]:
        by_reason: dict[str, int] = {}
        for refused in self._seen.refusals:
            by_reason[refused.reason] = by_reason.get(refused.reason, 0) + refused.count
        conflicts = by_reason.pop(Reason.IDENTITY_CONFLICT.value, 0)
        yield GaugeMetricFamily("histotwin_conflicts_open", "Events under another's name, not settled.", conflicts)
        family = GaugeMetricFamily("histotwin_refused_open", "Refused messages, not settled.", labels=["reason"])
        for reason, count in sorted(by_reason.items()):
            family.add_metric([reason], count)
        yield family

    def _ages(self) -> Metric:
        family = GaugeMetricFamily(
            "histotwin_heartbeat_age_seconds", "Since a part said that it lives.", labels=["part"]
        )
        for part, silent_s in sorted(self._seen.silent_s.items()):
            family.add_metric([part], silent_s)
        return family

    def _disk(self) -> Iterator[Metric]:
        room = self._parts.lookout.room()
        yield GaugeMetricFamily("histotwin_database_bytes", "Size of the database.", self._seen.database_bytes)
        yield GaugeMetricFamily("histotwin_wal_bytes", "SQLite: changes not yet merged into the database file.",
                                self._seen.unmerged_bytes)  # fmt: skip
        yield GaugeMetricFamily("histotwin_disk_free_bytes", "Room on the disk with the data directory.",
                                _NAN if room is None else room.free)  # fmt: skip


def _commits(said: Mapping[str, Any]) -> Metric:
    counts = said.get("commit_counts") or [0] * (len(COMMIT_BUCKETS_S) + 1)
    bounds = [*(str(bound) for bound in COMMIT_BUCKETS_S), "+Inf"]
    family = HistogramMetricFamily("histotwin_commit_seconds", "From a batch taken in hand to its being committed.")
    family.add_metric([], list(zip(bounds, accumulate(counts), strict=True)), said.get("commit_s", 0.0))
    return family


def _number(value: float | None) -> float:
    return _NAN if value is None else value
