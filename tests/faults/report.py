"""Verdicts as text: on the screen, and between the markers of a document. Decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.faults.judge import Verdict
from tests.faults.plan import GATEWAY_POINTS, INGEST_POINTS, NAMES

_COLUMNS = (
    "set-up", "events", "faults", "kill -9 of broker", "of ingest", "of database", "of gateway", "sent twice",
    "duplicates answered", "poison kept", "conflicts kept", "lost", "double", "sound",
    "longest from a kill of ingest to the next event stored, s", "seconds in all", "seed",
)  # fmt: skip


def table(verdicts: Sequence[Verdict]) -> str:
    """Return one row a storm, as Markdown."""
    return _markdown(_COLUMNS, [_row(verdict) for verdict in verdicts])


def by_kind(verdicts: Sequence[Verdict]) -> str:
    """Return how often each kind of fault struck, and how often a part killed itself at a named place."""
    counts = [Counter(str(shock.kind) for shock in verdict.shocks) for verdict in verdicts]
    kinds = sorted(set().union(*counts))
    rows = [[kind, *(str(count[kind] or "–") for count in counts)] for kind in kinds]
    return _markdown(("fault", *(NAMES[verdict.setup] for verdict in verdicts)), rows)


def points(verdicts: Sequence[Verdict]) -> str:
    """Return how often a part killed itself at each named place."""
    rows = [[point, *(_reached(verdict, point) for verdict in verdicts)] for point in INGEST_POINTS + GATEWAY_POINTS]
    return _markdown(("kill point", *(NAMES[verdict.setup] for verdict in verdicts)), rows)


def said(verdict: Verdict) -> str:
    """Return what a person at a terminal wants to know of one storm."""
    lines = [f"  {complaint}" for complaint in verdict.complaints]
    if verdict.own_ends:
        lines.append(f"  ended by themselves and were started again: {_counts(verdict.own_ends)}")
    if verdict.never_passed:
        lines.append(f"  never came by, and were killed from outside: {_counts(verdict.never_passed)}")
    if verdict.account.unannounced:
        lines.append(f"  stored although the gateway died before it could say so: {verdict.account.unannounced}")
    head = f"{NAMES[verdict.setup]}, seed {verdict.seed}: {'clean' if verdict.is_clean else 'NOT CLEAN'}"
    return "\n".join([head, *lines])


def write(document: Path, verdicts: Sequence[Verdict]) -> None:
    """Put the tables between the document's markers for this size of storm. Raises ``ValueError`` without markers."""
    size = f"{verdicts[0].events} events, {len(verdicts[0].shocks)} faults"
    begin, end = f"<!-- storm: {size} -->", "<!-- end of storm -->"
    text = document.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    if not found or end not in rest:
        raise ValueError(f"{document} has no markers {begin} … {end}")
    after = rest.partition(end)[2]
    told = "\n\n".join((table(verdicts), by_kind(verdicts), points(verdicts)))
    document.write_text(f"{before}{begin}\n\n{told}\n\n{end}{after}", encoding="utf-8")


def _row(verdict: Verdict) -> list[str]:
    kills, account = verdict.kills, verdict.account
    database = str(kills["database"]) if verdict.setup == "postgres" else "–"
    back = "–" if verdict.longest_back_s is None else f"{verdict.longest_back_s:.1f}"
    return [
        NAMES[verdict.setup], f"{verdict.events:,}", str(len(verdict.shocks)), str(kills["broker"]),
        str(kills["ingest"]), database, str(kills["gateway"]), str(verdict.repeated), str(verdict.duplicates),
        f"{verdict.poison_kept} of 16", str(verdict.forgeries_kept), str(len(account.lost)), str(len(account.double)),
        "no" if verdict.faults or account.strange else "yes", back, f"{verdict.seconds:.0f}", str(verdict.seed),
    ]  # fmt: skip


def _reached(verdict: Verdict, point: str) -> str:
    missed = verdict.never_passed[point]
    return f"{verdict.reached[point]}" + (f" ({missed} never passed)" if missed else "")


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} × {count}" for name, count in counter.items())


def _markdown(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
