"""The page that says what is proved names only proofs that there are."""

from __future__ import annotations

import re

from tests.faults.processes import ROOT


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\btest_[a-z0-9_]+(?!\w|\.py)", page))
    there = {name for file in ROOT.glob("tests/**/test_*.py")
             for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))}  # fmt: skip
    assert named
    assert named - there == set()
