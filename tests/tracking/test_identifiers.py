"""A label names one item, whatever the scanner puts around it, and never a wrong one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.errors import Refusal
from tracking.events import Kind
from tracking.identifiers import AliasRule, Grammar, standard_grammar

GRAMMAR = standard_grammar("S")


@pytest.mark.parametrize(
    ("raw", "barcode", "kind", "parent"),
    [
        ("S26-000123", "S26-000123", Kind.CASE, None),
        ("S26-000123-A", "S26-000123-A", Kind.SPECIMEN, "S26-000123"),
        ("S26-000123-A-1", "S26-000123-A-1", Kind.BLOCK, "S26-000123-A"),
        ("S26-000123-A-1-12", "S26-000123-A-1-12", Kind.SLIDE, "S26-000123-A-1"),
        ("s26-000123-a-1\r\n", "S26-000123-A-1", Kind.BLOCK, "S26-000123-A"),
        ("]d1S26-000123-A-1", "S26-000123-A-1", Kind.BLOCK, "S26-000123-A"),
    ],
)
def test_a_label_names_its_item_and_family(raw: str, barcode: str, kind: Kind, parent: str | None) -> None:
    identifier = GRAMMAR.read(raw)
    assert (identifier.barcode, identifier.kind, identifier.parent) == (barcode, kind, parent)
    assert identifier.case == "S26-000123"


@pytest.mark.parametrize(
    "raw",
    [
        "", "S26-00012", "X26-000123", "S26-000123-A-", "S26-000123\nS26-000124", "S26-000123-А",  # a Cyrillic А
        "S26‐000123", "<script>", '=HYPERLINK("x")', "S26-000123\u202e", "S٢٦-000123", "S26-000123-A" * 40,
    ],
)  # fmt: skip
def test_what_only_looks_like_a_label_is_refused_and_shown(raw: str) -> None:
    with pytest.raises(Refusal) as refusal:
        GRAMMAR.read(raw)
    assert refusal.value.reason == "unreadable_barcode"
    assert refusal.value.message.isascii()


def test_two_barcodes_of_one_item_name_the_same_item() -> None:
    grammar = Grammar(
        patterns=GRAMMAR.patterns, strip_prefixes=("RL4:",), strip_suffixes=("#",),
        aliases=(AliasRule(pattern=r"(?P<year>\d\d)(?P<number>\d{6})(?P<s>[A-Z])(?P<b>\d\d)",
                           barcode=r"S\g<year>-\g<number>-\g<s>-1"),),
    )  # fmt: skip
    assert grammar.read("26000123A01") == grammar.read("RL4:s26-000123-a-1#")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        identifier = GRAMMAR.read(text)
    except Refusal:
        return
    assert GRAMMAR.read(identifier.barcode) == identifier
