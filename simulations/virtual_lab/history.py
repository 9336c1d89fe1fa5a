"""Weeks of synthetic history: each lab's twin run from then to now, told by its narrator, written down in two parts.

The recent part holds every case that something happened to in the last weeks, with all its events; the older part the
rest. Both are files of JSON lines in order of time, ready for the one door. Nothing here knows the database.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
from simpy import Environment

from simulations.virtual_lab.narrator import Narrator, machine_steps
from tracking.identifiers import Grammar
from tracking.registry import Lab
from twin.engine.agenda import run_until
from twin.lab import load_lab
from twin.model import LabModel
from twin.variates import Streams

BOOT = "synthetic-history"
"""Boot of every device while it wrote history: its sequence has no gaps."""


@dataclass(frozen=True, slots=True)
class Period:
    """What to write: from ``start_us`` to ``end_us``; cases alive since ``recent_us`` belong to the recent part."""

    start_us: int
    recent_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """One lab's history on disk: two files of lines ``turn_us source TAB envelope``, and how many lines they hold."""

    lab: str
    recent: Path
    older: Path
    recent_events: int
    older_events: int


def write_history(
    labs: Sequence[Lab], models: Path, period: Period, *, seed: int, folder: Path, processes: int = 2
) -> Iterator[Chapter]:
    """Yield each lab's chapter as soon as it is written; ``models`` is the directory that model paths start from."""
    largest_first = sorted(labs, key=lambda lab: -lab.cases_per_week)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(write_chapter, lab, models / lab.model, period, seed, folder) for lab in largest_first]
        for job in jobs:
            yield job.result()


def write_chapter(lab: Lab, model_file: Path, period: Period, seed: int, folder: Path) -> Chapter:
    """Run one lab's twin over the period and write down what its instruments would have sent."""
    told = _live_through(lab, model_file, period, seed)
    alive = _alive_since(told, lab.grammar, period.recent_us)
    ended_us = {
        envelope["subject"]: at_us for at_us, _, envelope in told if envelope["type"] == "histotwin.case.authorised"
    }
    recent: list[Line] = []
    older: list[Line] = []
    for entry, line in zip(told, _with_identity(told), strict=True):
        if _concerns(entry[2], lab.grammar, alive):
            recent.append((entry[0], entry[1], line))
        else:
            older.append((_turn_of(entry, ended_us), entry[1], line))
    return Chapter(
        lab.id, _write(folder / f"{lab.id}.recent", recent), _write(folder / f"{lab.id}.older", older),
        len(recent), len(older),
    )  # fmt: skip


def read_in_order(files: Sequence[Path]) -> Iterator[tuple[int, str, bytes]]:
    """Yield (turn in µs UTC, source, envelope) of several files, merged by turn."""
    yield from heapq.merge(*(_read(file) for file in files), key=lambda entry: entry[0])


Told = list[tuple[int, str, dict[str, Any]]]


Line = tuple[int, str, bytes]
"""When it is a line's turn (µs UTC), its source, and the envelope."""


def _turn_of(entry: tuple[int, str, dict[str, Any]], ended_us: dict[str, int]) -> int:
    """An old case is received only when its end is stored, lest it be taken for an open one meanwhile."""
    at_us, _, envelope = entry
    is_receipt = envelope["type"] == "histotwin.case.received"
    return ended_us.get(envelope["subject"], at_us) + 1 if is_receipt else at_us


def _write(file: Path, lines: list[Line]) -> Path:
    lines.sort(key=lambda line: line[0])
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_bytes(b"".join(b"%d %s\t%s\n" % (turn, source.encode(), body) for turn, source, body in lines))
    return unfinished.replace(file)


def _live_through(lab: Lab, model_file: Path, period: Period, seed: int) -> Told:
    model = load_lab(model_file).model_copy(update={"accession_prefix": lab.case_prefix})
    env = Environment(initial_time=period.start_us)
    streams = Streams(seed, lab.id)
    told: Told = []

    def tell(source: str, at_us: int, envelope: dict[str, Any]) -> None:
        told.append((at_us, source, envelope))

    narrator = Narrator(lab, machine_steps(model), streams.generator("narrator", "details"), tell)
    LabModel(model, env, streams, narrator, cases_per_week=lab.cases_per_week)
    run_until(env, period.end_us)
    told.sort(key=lambda entry: entry[0])
    return told


def _with_identity(told: Told) -> list[bytes]:
    sequences: dict[str, int] = {}
    lines = []
    for _, source, envelope in told:
        number = sequences[source] = sequences.get(source, 0) + 1
        identity = {"id": f"{BOOT}-{number}", "source": source, "boot": BOOT, "sequence": number}
        lines.append(orjson.dumps(envelope | identity))
    return lines


def _alive_since(told: Told, grammar: Grammar, moment_us: int) -> set[str]:
    return {case for at_us, _, envelope in told if at_us >= moment_us for case in _cases(envelope, grammar)}


def _concerns(envelope: dict[str, Any], grammar: Grammar, alive: set[str]) -> bool:
    cases = _cases(envelope, grammar)
    return not cases or any(case in alive for case in cases)


def _cases(envelope: dict[str, Any], grammar: Grammar) -> set[str]:
    barcodes = [envelope["subject"]] if "subject" in envelope else envelope["data"].get("items", ())
    return {grammar.read(barcode).case or barcode for barcode in barcodes}


def _read(file: Path) -> Iterator[tuple[int, str, bytes]]:
    with file.open("rb") as lines:
        for line in lines:
            head, _, envelope = line.partition(b"\t")
            at_us, _, source = head.decode().partition(" ")
            yield int(at_us), source, envelope
