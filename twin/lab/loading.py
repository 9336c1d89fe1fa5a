"""Reads a lab file and says everything that is wrong in it: file, line, key, value and what was expected."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from twin.lab.base import word
from twin.lab.contradictions import Contradictory
from twin.lab.lab import Lab

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a lab file; `line` counts from 1 and is None when the file cannot be read at all."""

    path: str
    value: object
    expected: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        return f"{where}{self.path or '(file)'} = {_short(self.value)}: {self.expected}"


class LabFileError(ValueError):
    """A lab file that cannot be used, with everything that is wrong in it."""

    def __init__(self, file: str, mistakes: tuple[Mistake, ...]) -> None:
        self.file = file
        self.mistakes = mistakes
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"{file}: {len(mistakes)} mistake(s)\n{lines}")


def load_lab(path: Path | str) -> Lab:
    """Read and check a lab file; raise `LabFileError` with every mistake when it cannot be used."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabFileError(str(file), (Mistake("", None, f"expected a readable YAML file: {error}"),)) from error
    return parse_lab(text, str(file))


def parse_lab(text: str, file: str = "(text)") -> Lab:
    """Read and check the text of a lab file; raise `LabFileError` with every mistake."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        mistake = Mistake("", None, f"expected a readable YAML file: {error}", mark.line + 1 if mark else None)
        raise LabFileError(file, (mistake,)) from error
    try:
        return Lab.model_validate(raw)
    except ValidationError as error:
        raise LabFileError(file, tuple(_mistakes(error, raw, root))) from error


class _UniqueKeys(yaml.SafeLoader):
    """YAML without silent overwriting: a key twice in one mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value!r} appears twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _mistakes(error: ValidationError, raw: object, root: yaml.Node | None) -> Iterator[Mistake]:
    for detail in error.errors():
        inner = detail.get("ctx", {}).get("error")
        if isinstance(inner, Contradictory):
            for one in inner.found:
                yield Mistake(_dotted(one.path), one.value, one.expected, _line(root, one.path))
        elif not _follows_from_others(detail):
            path = _as_written(detail, raw)
            yield Mistake(
                _dotted(path), detail["input"], detail["msg"].removeprefix("Value error, "), _line(root, path)
            )


def _follows_from_others(detail: ErrorDetails) -> bool:
    """A list is also called too short when what stands in it is wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _as_written(detail: ErrorDetails, raw: object) -> Keys:
    """Leave out of pydantic's location what the user did not write: tags of unions, the wrapping of rules."""
    kept: list[str | int] = []
    keys = iter(detail["loc"])
    for key in keys:
        if (found := _find(raw, key)) is not None:
            kept.append(key if isinstance(raw, list) else str(key))
            (raw,) = found
        elif key == "rules" and not isinstance(raw, list):
            next(keys, None)  # the only rule,
            next(keys, None)  # and what it gives
    return (*kept, detail["loc"][-1]) if detail["type"] == "missing" else tuple(kept)


def _find(raw: object, key: str | int) -> tuple[object] | None:
    if isinstance(raw, dict):
        return next(((value,) for name, value in raw.items() if str(word(name)) == str(key)), None)
    return (raw[key],) if isinstance(raw, list) and isinstance(key, int) and key < len(raw) else None


def _line(root: yaml.Node | None, path: Keys) -> int | None:
    """Return the line of the deepest part of a path that the file has."""
    node, line = root, root.start_mark.line + 1 if root else None
    for key in path:
        found = _child(node, key)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line + 1, value
    return None


def _dotted(path: Keys) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
