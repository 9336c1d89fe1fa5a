"""What a storm left behind: what was promised against what is stored. Reads by itself, and breaks nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from tests.faults.databases import Reader, Row, reading
from tests.faults.instruments import BENCHES, LAB, MARK, NETWORK
from tests.faults.ledger import Identity, Ledger
from tests.faults.plan import Setup, Shock
from tests.faults.poison import doses
from tests.faults.processes import PYTHON, ROOT
from tests.faults.storm import Storm
from tests.faults.world import World

_EVENTS = (
    "SELECT s.path, e.event_id, e.body FROM event e JOIN source s ON s.id = e.source_id"
    " WHERE e.type <> 'histotwin.device.state'"
)
_POSITIONS = "SELECT count(*), coalesce(min(position), 1), coalesce(max(position), 0) FROM event"
_MARKS = "SELECT s.path, w.boot, w.contiguous, w.highest, w.beyond FROM watermark w JOIN source s ON s.id = w.source_id"
_REJECTED = "SELECT channel, body, reason, event_id FROM rejected"
_VERIFY_PATIENCE_S = 600
_SHOWN = 8
_LOOKED_LATE_S = 0.2  # growth seen so soon after a kill was from before it: no process starts so fast


@dataclass(slots=True)
class Account:
    """What the log makes of the ledgers; each list holds sentences, none when all is well."""

    stored: int = 0
    unannounced: int = 0  # stored although the gateway was killed before ``publish`` could say so
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One storm, judged."""

    setup: Setup
    seed: int
    events: int
    shocks: Sequence[Shock]
    kills: Counter[str]
    reached: Counter[str]
    never_passed: Counter[str]
    own_ends: Counter[str]
    repeated: int
    duplicates: int
    poison_kept: int
    forgeries_kept: int
    account: Account
    faults: tuple[str, ...]
    longest_back_s: float | None
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Say whether nothing was lost, doubled or unsound."""
        return not (self.faults or self.account.lost or self.account.double or self.account.strange)

    @property
    def complaints(self) -> list[str]:
        """Everything that is wrong, a few of each kind."""
        account = self.account
        kinds = (self.faults, account.lost, account.double, account.strange)
        return [line for kind in kinds for line in _a_few(kind)]


def _a_few(complaints: Sequence[str]) -> list[str]:
    more = len(complaints) - _SHOWN
    return [*complaints[:_SHOWN], *([f"… and {more} more like these"] if more > 0 else [])]


def judge(world: World, storm: Storm, seed: int, *, is_settled: bool, seconds: float) -> Verdict:
    """Return what became of everything. Ingest has ended by now; the database stands."""
    for ledger in world.ledgers.values():
        ledger.refresh()
    with reading(world.database) as reader:
        account = settle_accounts(world.ledgers.values(), reader.rows(_EVENTS))
        refused = reader.rows(_REJECTED)
        faults = [*_positions(reader), *_watermarks(reader), *_rejections(world, refused)]
    faults = [*([] if is_settled else ["not everything was stored when patience ended"]), *_verify(world), *faults]
    return Verdict(
        world.setup, seed, world.events, storm.shocks, world.tally.kills, world.tally.reached,
        Counter(storm.never_passed), world.tally.own_ends, sum(ledger.repeated for ledger in world.ledgers.values()),
        sum(ledger.duplicates for ledger in world.ledgers.values()), _poison_kept(refused),
        sum(row[2] == "identity_conflict" for row in refused), account, tuple(faults),
        longest_back_s(world.tally.ingest_kills_s, storm.struck, world.stranger.grown_s), seconds,
    )  # fmt: skip


def settle_accounts(ledgers: Iterable[Ledger], stored: Sequence[Row]) -> Account:
    """Compare ledgers and log. ``stored`` has source, id and body of every event."""
    account = Account()
    books = list(ledgers)
    promised = {identity: known for ledger in books for identity, known in ledger.kept.items()}
    tried = dict(zip(BENCHES, (ledger.tried for ledger in books), strict=True))
    found = Counter(Identity(source, event_id) for source, event_id, _body in stored)
    numbers: Counter[tuple[str, int]] = Counter()
    for source, event_id, body in stored:
        _enter(account, Identity(source, event_id), bytes(body), promised, tried, numbers)
    account.lost = [f"{identity} was promised and is not stored" for identity in promised if identity not in found]
    account.double = [f"{identity} is stored {times} times" for identity, times in found.items() if times > 1]
    account.double += [f"event {n} of {name} is stored {times} times" for (name, n), times in numbers.items()
                       if times > 1]  # fmt: skip
    return account


_GATEWAYS = {
    f"/{NETWORK}/{LAB}/{device}": name for name, bench in BENCHES.items() for device in bench.devices
}  # fmt: skip


def _enter(
    account: Account, identity: Identity, body: bytes, promised: dict[Identity, tuple[int, str]],
    tried: dict[str, int], numbers: Counter[tuple[str, int]],
) -> None:  # fmt: skip
    """Enter one stored event; nobody's event, or a forger's, is strange."""
    gateway = _GATEWAYS.get(identity.source)
    if gateway is None:
        return  # the product's own, a canary's for instance
    number = orjson.loads(body).get("data", {}).get(MARK)
    if not isinstance(number, int) or not 0 <= number < tried[gateway]:
        account.strange.append(f"{identity} is stored and nobody made it")
        return
    numbers[gateway, number] += 1
    account.stored += 1
    known = promised.get(identity)
    if known is None:
        account.unannounced += 1
    elif known != (number, hashlib.sha256(body).hexdigest()):
        account.strange.append(f"{identity} is stored with other content than was published")


def _positions(reader: Reader) -> list[str]:
    count, first, last = reader.rows(_POSITIONS)[0]
    return [] if (first, last) == (1, count) else [f"{count} events have positions {first} to {last}: there are gaps"]


def _watermarks(reader: Reader) -> list[str]:
    """Return every stream that is not closed up to its highest sequence."""
    return [
        f"the watermark of {source} ({boot}) stands at {contiguous}, its highest is {highest}, beyond it {beyond}"
        for source, boot, contiguous, highest, beyond in reader.rows(_MARKS)
        if contiguous != highest or orjson.loads(beyond)
    ]


def _rejections(world: World, refused: Sequence[Row]) -> list[str]:
    """Return what is missing from the rejected list, stands there twice, or has no business there."""
    rows = Counter((channel, bytes(body)) for channel, body, _reason, _event_id in refused)
    sent = {(dose.topic, dose.body): dose.kind for dose in world.stranger.sent}
    faults = [f"{kind}: {rows[key]} rows in the rejected list" for key, kind in sent.items() if rows[key] != 1]
    faults += [f"refused, and it was sound ({reason}): {bytes(body)[:120]!r}" for channel, body, reason, _ in refused
               if (channel, bytes(body)) not in sent]  # fmt: skip
    forgeries = sum(reason == "identity_conflict" for _c, _b, reason, _i in refused)
    if forgeries != world.stranger.forgeries:
        faults.append(f"{world.stranger.forgeries} forgeries were published and {forgeries} conflicts are kept")
    return faults


def _poison_kept(refused: Sequence[Row]) -> int:
    held = {(channel, bytes(body)) for channel, body, _reason, _event_id in refused}
    return sum((dose.topic, dose.body) in held for dose in doses())


def _verify(world: World) -> list[str]:
    """Run ``histotwin db verify`` and return its complaint."""
    environment = {**os.environ, **world.environment(world.database.url(None))}
    done = subprocess.run(
        [PYTHON, "-m", "histotwin", "db", "verify"], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=_VERIFY_PATIENCE_S, check=False,
    )  # fmt: skip
    return [] if done.returncode == 0 else [f"db verify: {(done.stdout + done.stderr).strip()[-1500:]}"]


def longest_back_s(
    kills: Sequence[float], struck: Sequence[tuple[float, float]], grown: Sequence[float]
) -> float | None:
    """Return the longest time from a kill of ingest until the log grew, where nothing else was broken meanwhile.

    ``grown`` are the moments at which the log was seen to have grown; all are monotonic seconds. ``None`` where no kill
    was alone.
    """
    alone: list[float] = []
    for killed in kills:
        after = bisect_right(grown, killed + _LOOKED_LATE_S)
        if after == len(grown):
            continue
        back = grown[after]
        if not any(killed < kill <= back for kill in kills) and not any(
            begin < back and end > killed for begin, end in struck
        ):
            alone.append(back - killed)
    return max(alone, default=None)
