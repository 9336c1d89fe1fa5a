"""Writes a lab document as YAML that people like to read and change. Knows nothing of what is in it."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from yaml.representer import SafeRepresenter

WIDTH = 120
_INDENT = 2
_LAST_WORD = 12
"""PyYAML breaks a line after the word that passes its width, so it is told so much less."""
_CLOCK_TIME = re.compile(r"\d\d:\d\d")


def write_yaml(document: dict[str, Any], path: Path | str) -> None:
    """Write a lab document to a file; OSError when it cannot be written."""
    Path(path).write_text(to_yaml(document), encoding="utf-8")


def to_yaml(document: dict[str, Any]) -> str:
    """Return a lab document as YAML: whatever fits on a line stands on one, and parts of many lines stand apart."""
    parts = [_yaml({key: value}) for key, value in document.items()]
    breaks = ("\n" if max(one.count("\n"), other.count("\n")) > 1 else "" for one, other in pairwise(parts))
    return "".join(part + space for part, space in zip(parts, (*breaks, ""), strict=True))


def _yaml(part: dict[str, Any]) -> str:
    node = _Representer(sort_keys=False).represent_data(part)
    _lay_out(node, indent=0)
    text: str = yaml.serialize(node, Dumper=_Dumper, width=WIDTH - _LAST_WORD, indent=_INDENT, allow_unicode=True)
    return text


def _lay_out(node: yaml.Node, indent: int, before: int = 0) -> None:
    """Put a node on one line when it fits behind its key, else each entry on its own; lists of figures wrap."""
    if not isinstance(node, yaml.CollectionNode):
        return
    entries = [entry if isinstance(entry, tuple) else (None, entry) for entry in node.value]
    figures = all(key is None and isinstance(child, yaml.ScalarNode) for key, child in entries)
    fits = indent + before + _width(node) <= WIDTH or (figures and _is_short([child for _, child in entries]))
    node.flow_style = indent > 0 and fits
    for key, child in entries:
        _lay_out(child, indent + _INDENT, before=0 if key is None else _width(key) + 2)


def _is_short(children: list[yaml.Node]) -> bool:
    return max(map(_width, children), default=0) < WIDTH // 4


def _width(node: yaml.Node) -> int:
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + (2 if node.style else 0)
    if isinstance(node, yaml.MappingNode):
        return 2 + sum(_width(key) + _width(value) + 4 for key, value in node.value)
    return 2 + sum(_width(entry) + 2 for entry in node.value)


class _Representer(SafeRepresenter):
    """Says everything where it stands, never by reference to an earlier place."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True for everything."""
        del data
        return True


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Go one step in."""
        del indentless
        super().increase_indent(flow, indentless=False)


def _text(representer: _Representer, text: str) -> yaml.ScalarNode:
    # YAML 1.1 reads an unquoted 17:30 as the number 1050.
    style = '"' if _CLOCK_TIME.fullmatch(text) else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Representer.add_representer(str, _text)
