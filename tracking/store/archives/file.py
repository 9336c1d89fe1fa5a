"""One month of the log as a Parquet file with a manifest beside it. Knows files and the chain, and no database.

A file is written under a temporary name, read back, and named only when every link in it holds; none is overwritten.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from tracking.errors import HistotwinError
from tracking.store.chain import event_link

FORMAT = 1
ROWS_AT_ONCE = 5_000
_ROWS_IN_GROUP = 20_000
_SCHEMA = pa.schema([
    ("position", pa.int64()), ("source_id", pa.int32()), ("path", pa.string()), ("event_id", pa.string()),
    ("type", pa.string()), ("time_us", pa.int64()), ("at_us", pa.int64()), ("received_us", pa.int64()),
    ("boot", pa.string()), ("sequence", pa.int64()), ("digest", pa.binary()), ("body", pa.binary()),
    ("link", pa.binary()),
])  # fmt: skip
_REPEATING = ["path", "type", "boot", "source_id"]
COLUMNS: tuple[str, ...] = tuple(_SCHEMA.names)
Row = tuple[Any, ...]
"""The values of ``COLUMNS``."""


class ArchiveFailed(HistotwinError):
    """A month could not be written, read or put back; what was there before still stands."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds: positions ``first`` to ``last``, one row each, tied to the log by the links at both ends.

    Hashes and links are hexadecimal; ``schema`` is the schema's revision, ``written_us`` microseconds UTC.
    """

    format: int
    store: str
    schema: str
    month: str
    file: str
    first: int
    last: int
    rows: int
    link_before: str
    link_last: str
    size: int
    sha256: str
    written_us: int

    @property
    def name(self) -> str:
        """Return the manifest's own file name."""
        return manifest_name(self.file)


@dataclass(frozen=True, slots=True)
class Contents:
    """Which part of the log a file holds, as reading all of it has shown."""

    first: int
    last: int
    link_last: bytes


def file_name(month: str, first: int, last: int) -> str:
    """Return the name of a month's file."""
    return f"events-{month}-{first}-{last}.parquet"


def manifest_name(file: str) -> str:
    """Return the name of the manifest beside a file."""
    return f"{file.removesuffix('.parquet')}.json"


def write_rows(target: Path, batches: Iterable[Sequence[Row]]) -> None:
    """Write a file anew, in bounded memory, and see to it that it is on the disk. Raises ``ArchiveFailed``."""
    try:
        with parquet.ParquetWriter(target, _SCHEMA, compression="zstd", use_dictionary=_REPEATING) as writer:
            for rows in _groups(batches):
                writer.write_batch(_as_batch(rows), row_group_size=_ROWS_IN_GROUP)
        flush(target)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveFailed(f"{target} could not be written: {error}.") from error


def _as_batch(rows: list[Row]) -> Any:
    columns = zip(zip(*rows, strict=True), _SCHEMA, strict=True)
    return pa.record_batch([pa.array(values, field.type) for values, field in columns], schema=_SCHEMA)


def _groups(batches: Iterable[Sequence[Row]]) -> Iterator[list[Row]]:
    waiting: list[Row] = []
    for rows in batches:
        waiting += rows
        if len(waiting) >= _ROWS_IN_GROUP:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def read_rows(file: Path) -> Iterator[list[Row]]:
    """Yield the rows of a file in order, some at a time. Raises ``ArchiveFailed``."""
    try:
        with parquet.ParquetFile(file) as opened:
            _require_columns(file, opened)
            for batch in opened.iter_batches(ROWS_AT_ONCE):
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    except (OSError, pa.ArrowException) as error:
        raise ArchiveFailed(f"{file} cannot be read: {error}.") from error


def find_rows(file: Path, **equal_to: Sequence[Any]) -> list[Row]:
    """Return the rows whose columns have one of the values; reads only those parts of a file that may have some.

    Raises ``ArchiveFailed``.
    """
    filters = [(column, "in", list(values)) for column, values in equal_to.items()]
    try:
        found = parquet.read_table(file, filters=filters, schema=_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveFailed(f"{file} cannot be read: {error}.") from error
    return sorted(zip(*(column.to_pylist() for column in found.columns), strict=True))


def _require_columns(file: Path, opened: Any) -> None:
    if tuple(opened.schema_arrow.names) != COLUMNS:
        raise ArchiveFailed(f"{file} has other columns than an archive of this version.")


def checked(batches: Iterable[Sequence[Row]], link: bytes, first: int, what: str) -> Iterator[Sequence[Row]]:
    """Pass rows on, following the chain from the link before ``first``; raises ``ArchiveFailed`` where it breaks."""
    position = first - 1
    for rows in batches:
        for row in rows:
            own, _source_id, *values, stored = row
            link = event_link(link, own, *values)
            position += 1
            if own != position or link != stored:
                raise ArchiveFailed(f"{what}: event {position} is not what was stored. Run histotwin db verify.")
        yield rows


def read_through(file: Path, link_before: bytes, first: int) -> Contents:
    """Read a whole file, following its chain; raises ``ArchiveFailed`` when a link does not hold."""
    last, link = first - 1, link_before
    for rows in checked(read_rows(file), link_before, first, file.name):
        last, link = rows[-1][0], rows[-1][-1]
    return Contents(first, last, link)


def sha256_of(file: Path) -> bytes:
    """Return a file's SHA-256; raises ``ArchiveFailed``."""
    try:
        with file.open("rb") as opened:
            return file_digest(opened, "sha256").digest()
    except OSError as error:
        raise ArchiveFailed(f"{file} cannot be read: {error.strerror}.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest beside its file, whole or not at all."""
    target = folder / manifest.name
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2) + b"\n")
    flush(unfinished)
    unfinished.replace(target)
    flush(folder)


def read_manifest(file: Path) -> Manifest:
    """Return the manifest beside an archive's file; raises ``ArchiveFailed``."""
    beside = file.with_name(manifest_name(file.name))
    try:
        manifest = Manifest(**orjson.loads(beside.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ArchiveFailed(f"{beside} is not the manifest of an archive: {error}.") from error
    if manifest.format != FORMAT:
        raise ArchiveFailed(f"{beside} has format {manifest.format}; this version reads {FORMAT}.")
    return manifest


def flush(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
