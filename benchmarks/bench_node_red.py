"""Side by side with Node-RED on the same messages: events durably stored a second, and what each kept when killed.

Node-RED (pinned in ``benchmarks/node_red``) runs without its editor; its flows use nothing but the stock ``mqtt in``,
``join``, ``function`` and ``sqlite`` nodes. *Node-RED* is what the SQLite node's own help shows: each message is one
prepared ``INSERT OR IGNORE``. *batched* is what an expert would make of it: ``join`` collects what comes within 20 ms,
at most 500, and one statement stores them. Both only store; ours also decodes, judges, projects and answers. All have
MQTT 5, QoS 1, a persistent session, the same real Mosquitto without queue limits, and SQLite with WAL and
``synchronous=FULL``.

Rate: a session that holds all messages is drained, the receivers taking turns; the clocks run from the connection to
the last commit. How fast one statement a message can be hangs on how long the disk takes to flush, and a virtual
machine's disk often answers before it has: so the same is measured with flushes that take some milliseconds longer,
as on disks that keep what they promise (about 1 ms: a good SSD; 5 ms and more: a plain one, a hard disk).

Killed: ``kill -9`` while a publisher sends, five times, each time soon after the receiver has stored its first event;
then it is started once more and drains the broker. *Lost* is what the publisher has a PUBACK for and the database has
not.

    python -m benchmarks.bench_node_red [--events 10000] [--rounds 2] [--flush-ms 0 1 5]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.bench_ingest import messages
from benchmarks.node_red.flushing import can_slow_flushes, flush_us
from benchmarks.node_red.installation import NotInstalled, installed_node_red
from benchmarks.node_red.receivers import Receiver, node_red, ours
from benchmarks.node_red.trials import Message, Rate, Storm, kill_and_count, measure_rate

STORMS = (
    Storm("300 events/s", pace_per_s=300, dies_after_s=(0.3, 1.5)),
    Storm("3,000 events/s", pace_per_s=3000, dies_after_s=(0.05, 0.3)),
)
MOST_SENT = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000, help="events a drain of the rate test holds")
    parser.add_argument("--rounds", type=int, default=2, help="drains of each receiver for each disk")
    parser.add_argument("--flush-ms", type=float, nargs="+", default=[0, 1, 5], help="what a flush takes longer")
    options = parser.parse_args()
    try:
        installation = installed_node_red()
    except NotInstalled as reason:
        print(f"not measured: Node-RED cannot be installed here: {reason}")
        return
    one_by_one = node_red(installation, "one_by_one", "Node-RED")
    receivers = [ours(), one_by_one, node_red(installation, "batched", "batched")]
    measure_rates(receivers, messages(options.events), options.rounds, options.flush_ms)
    measure_kept(receivers)


def measure_rates(
    receivers: Sequence[Receiver], events: Sequence[Message], rounds: int, delays_ms: Sequence[float]
) -> None:
    print(f"{len(events)} events, medians of {rounds} alternated rounds; this disk flushes in {flush_us():.0f} µs")
    print(f"{'flush takes':13}{'':10}{'events/s':>10}{'CPU µs/event':>14}{'ours: events/s':>16}{'events/CPU s':>14}")
    for delay_ms in delays_ms:
        if delay_ms and not can_slow_flushes():
            print("longer flushes not measured: no C compiler here")
            return
        show_rates(delay_ms, alternated_rates(receivers, events, rounds, delay_ms))


def alternated_rates(
    receivers: Sequence[Receiver], events: Sequence[Message], rounds: int, delay_ms: float
) -> dict[str, Rate]:
    """Return each receiver's median; the receivers take turns, so that a busy minute of the machine hits all."""
    rates: dict[str, list[Rate]] = {receiver.name: [] for receiver in receivers}
    for _ in range(rounds):
        for receiver in receivers:
            rates[receiver.name].append(measure_rate(receiver, events, delay_ms))
    return {name: median(taken) for name, taken in rates.items()}


def median(rates: Sequence[Rate]) -> Rate:
    return Rate(
        statistics.median(rate.events_per_s for rate in rates),
        statistics.median(rate.cpu_us_per_event for rate in rates),
    )


def show_rates(delay_ms: float, rates: Mapping[str, Rate]) -> None:
    disk = f"+ {delay_ms:g} ms" if delay_ms else "as it does"
    for name, rate in rates.items():
        faster = rates["ours"].events_per_s / rate.events_per_s
        leaner = rate.cpu_us_per_event / rates["ours"].cpu_us_per_event
        figures = f"{rate.events_per_s:10,.0f}{rate.cpu_us_per_event:14,.0f}"
        print(f"{disk:13}{name:10}{figures}{faster:14.2f} ×{leaner:12.2f} ×", flush=True)


def measure_kept(receivers: Sequence[Receiver]) -> None:
    events = messages(MOST_SENT)
    print(f"\n{'killed at':16}{'':10}{'sent':>8}{'kills':>7}{'lost':>8}{'doubled':>9}")
    for storm in STORMS:
        for receiver in receivers:
            kept = kill_and_count(receiver, events, storm)
            figures = f"{kept.sent:8,}{kept.kills:7}{kept.lost:8,}{kept.doubled:9}"
            print(f"{storm.name:16}{receiver.name:10}{figures}", flush=True)


if __name__ == "__main__":
    main()
