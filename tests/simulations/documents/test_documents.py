"""Documents say what the lab file says, item by item, and claim nothing that is not there."""

import re
from pathlib import Path

import pytest

from simulations.documents import stars, stress
from simulations.documents.stars import ESSENTIAL
from simulations.documents.words import duration, hours_per_week
from tests.twin.micro import document
from twin.lab import Lab, StaffGroup, load_lab

ROOT = Path(__file__).parents[3]
LABS = sorted((ROOT / "data" / "labs").glob("*.yaml"))
ITEMS = (
    "1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.4", "4.1", "4.2", "4.3", "5.1",
    "5.2", "5.3", "5.4", "6.1",
)  # fmt: skip


@pytest.mark.parametrize("file", LABS, ids=lambda file: file.stem)
def test_every_shipped_lab_has_all_twenty_items_each_with_something_to_say(file: Path) -> None:
    lab = load_lab(file)
    sections = dict(re.findall(r"^### (\d\.\d) [^\n]*\n\n(.+?)(?=\n\n#|\Z)", stress(lab), flags=re.S | re.M))
    assert tuple(sections) == ITEMS
    assert all(text.strip() for text in sections.values())
    assert all(f"**{step.name}**" in sections["2.2"] for step in lab.steps)
    assert all(f"`{name}`" in sections["2.5"] for name in (*lab.staff, *lab.machines))
    assert all(source in sections["3.1"] for source in lab.sources)


def test_a_file_without_sources_is_said_to_have_none() -> None:
    assert "### 3.1 Data sources\n\n- None.\n" in stress(Lab.model_validate(document()))


def test_durations_are_told_with_unit_and_mean() -> None:
    lab = Lab.model_validate(
        document(
            steps=[
                {
                    "name": "reporting", "per": "case", "staff": "hands",
                    "duration": {"kind": "pert", "low": 1, "mode": 2, "high": 9, "unit": "min"},
                }
            ]
        )
    )  # fmt: skip
    assert lab.steps[0].duration is not None
    told = duration(next(lab.steps[0].duration.values()))
    assert told == "pert (low 1, mode 2, high 9 min), mean 3 min"


def test_person_hours_are_those_of_the_shifts_less_the_pauses() -> None:
    group = StaffGroup.model_validate(
        {
            "shifts": [{"from": "09:00", "to": "17:00", "people": 3}, {"from": "22:00", "to": "06:00", "people": 1}],
            "pauses": [{"from": "12:00", "to": "13:00", "people": 2}],
        }
    )
    assert hours_per_week(group) == 5 * (3 * 8 + 8 - 2)


def test_stars_counts_only_what_the_checkout_holds(tmp_path: Path) -> None:
    assert f"0 of {len(ESSENTIAL)} essential" in stars(tmp_path)
    (tmp_path / "LICENSE").write_text("Apache-2.0")
    assert f"1 of {len(ESSENTIAL)} essential" in stars(tmp_path)
    assert f"5 of {len(ESSENTIAL)} essential" in stars(ROOT)
