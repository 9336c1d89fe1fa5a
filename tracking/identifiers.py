"""Barcodes: what a lab's labels may say, and which item each names. Pure; knows no database and no event.

Barcode text is hostile input: every pattern is ASCII, matched whole, and capped in length before anything else looks
at it. What was read is never changed on the way to the log; only the name of the item is put in its one right form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from tracking.errors import Refusal
from tracking.events import Kind

LONGEST_BARCODE = 128
PARENT_KIND = {Kind.SPECIMEN: Kind.CASE, Kind.BLOCK: Kind.SPECIMEN, Kind.SLIDE: Kind.BLOCK}
CHILD_KIND = {parent: child for child, parent in PARENT_KIND.items()}
_AIM_IDENTIFIER = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_LINE_ENDS = "\r\n\t"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One item's name in its one right form, and what the label itself says of its family."""

    barcode: str
    kind: Kind
    parent: str | None
    case: str | None


class AliasRule(BaseModel):
    """A second barcode on the same item: ``pattern`` matched whole, ``barcode`` the template of the item's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern, re.ASCII)
        except re.error as error:
            raise ValueError(f"a regular expression: {error}") from error
        return pattern

    barcode: str = Field(description=r"Template with the pattern's groups, e.g. \g<case>-\g<block>")


class Grammar(BaseModel):
    """How one lab writes its barcodes.

    ``patterns`` are tried in the order case, specimen, block, slide and matched whole. A group named ``parent`` says
    which item this one was made from, a group ``case`` which request it belongs to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    patterns: dict[Kind, str]
    strip_prefixes: tuple[str, ...] = ()
    strip_suffixes: tuple[str, ...] = ()
    letter_case: Literal["upper", "lower", "as_is"] = "upper"
    aliases: tuple[AliasRule, ...] = ()
    _compiled: tuple[tuple[Kind, re.Pattern[str]], ...] = PrivateAttr()
    _alias_rules: tuple[tuple[re.Pattern[str], str], ...] = PrivateAttr()

    @field_validator("patterns")
    @classmethod
    def _patterns_compile(cls, patterns: dict[Kind, str]) -> dict[Kind, str]:
        for kind, pattern in patterns.items():
            try:
                re.compile(pattern, re.ASCII)
            except re.error as error:
                raise ValueError(f"{kind} is not a regular expression: {error}") from error
        return patterns

    def model_post_init(self, _context: object) -> None:
        """Compile the patterns once."""
        ordered = [kind for kind in Kind if kind in self.patterns]
        self._compiled = tuple((kind, re.compile(self.patterns[kind], re.ASCII)) for kind in ordered)
        self._alias_rules = tuple((re.compile(rule.pattern, re.ASCII), rule.barcode) for rule in self.aliases)

    def __hash__(self) -> int:
        return id(self)

    def read(self, raw: str) -> Identifier:
        """Return the item that a barcode names.

        Raises ``Refusal('unreadable_barcode')`` naming what was read when no pattern of the lab fits.
        """
        return _read(self, raw)

    def _bare(self, raw: str) -> str:
        text = _AIM_IDENTIFIER.sub("", raw.strip(_LINE_ENDS))
        for prefix in self.strip_prefixes:
            text = text.removeprefix(prefix)
        for suffix in self.strip_suffixes:
            text = text.removesuffix(suffix)
        if self.letter_case == "upper":
            return text.upper()
        return text.lower() if self.letter_case == "lower" else text


@lru_cache(maxsize=65_536)
def _read(grammar: Grammar, raw: str) -> Identifier:
    if len(raw) > LONGEST_BARCODE:
        raise Refusal(
            "unreadable_barcode", f"{len(raw)} characters were read; a barcode here has at most {LONGEST_BARCODE}."
        )
    text = grammar._bare(raw)
    for pattern, template in grammar._alias_rules:
        if match := pattern.fullmatch(text):
            text = match.expand(template)
            break
    for kind, pattern in grammar._compiled:
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            case = text if kind is Kind.CASE else groups.get("case")
            return Identifier(text, kind, groups.get("parent"), case)
    raise Refusal("unreadable_barcode", f"Read {raw!a}, which is no barcode of this laboratory. Scan it again.")


def standard_grammar(case_prefix: str) -> Grammar:
    """Return the grammar ``S26-000123-A-1-1``: case, specimen letter, block, slide; ``case_prefix`` is the letters."""
    case = rf"(?P<case>{re.escape(case_prefix)}\d{{2}}-\d{{6}})"
    specimen, block = r"[A-Z]{1,2}", r"\d{1,3}"
    return Grammar(
        patterns={
            Kind.CASE: case,
            Kind.SPECIMEN: rf"(?P<parent>{case})-{specimen}",
            Kind.BLOCK: rf"(?P<parent>{case}-{specimen})-{block}",
            Kind.SLIDE: rf"(?P<parent>{case}-{specimen}-{block})-\d{{1,3}}",
        }
    )
