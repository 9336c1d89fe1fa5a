"""A lab file is refused with every mistake named: file, line, key, value and what was expected."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.twin.lab_parts import OVEN, REPORTING, SHIPPED, TISSUE, by_hand, demand, in_machine, mistakes, wrong
from tests.twin.micro import constant, document, lab
from twin.lab import LabFileError, load_lab, parse_lab


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_lab_loads_and_says_what_it_rests_on(file: Path) -> None:
    shipped = load_lab(file)
    assert shipped.name == file.stem
    assert shipped.synthetic
    assert shipped.sources
    assert "ynthetic" in shipped.assumptions[0]


class TestWhereAMistakeIs:
    def test_each_is_named_by_file_line_key_value_and_what_was_expected(self, tmp_path: Path) -> None:
        file = tmp_path / "lab.yaml"
        file.write_text(
            "name: micro\n"
            "title: Micro\n"
            "synthetic: true\n"
            "demand:\n"
            "  streams: [{cases_per_week: -1}]\n"
            "staff:\n"
            "  hands:\n"
            "    shifts:\n"
            '      - {from: "9", to: "17:00", people: 0}\n'
            "steps:\n"
            "  - name: reporting\n"
            "    per: case\n"
            "    staff: hands\n"
            "    duration: {kind: constant, value: 1, unit: years}\n"
            "colour: blue\n",
            encoding="utf-8",
        )
        with pytest.raises(LabFileError) as caught:
            load_lab(file)
        assert str(caught.value).splitlines() == [
            f"{file}: 5 mistake(s)",
            "  line 5, demand.streams[0].cases_per_week = -1: Input should be greater than or equal to 0",
            "  line 9, staff.hands.shifts[0].from = '9': expected a local time such as 08:30",
            "  line 9, staff.hands.shifts[0].people = 0: Input should be greater than or equal to 1",
            "  line 14, steps[0].duration.unit = 'years': Input should be 's', 'min', 'h' or 'd'",
            "  line 15, colour = 'blue': Extra inputs are not permitted",
        ]

    @pytest.mark.parametrize(
        ("changes", "path", "value"),
        [
            ({"steps": [{**REPORTING, "duration": {"kind": "constant", "value": -1}}]}, "steps[0].duration.value", -1),
            ({"steps": [{**REPORTING, "duration": {"kind": "constant"}}]}, "steps[0].duration.value", None),
            (
                {"steps": [{**REPORTING, "duration": [{"when": {"priority": "urgent"}, "give": constant(-1)},
                                                      {"give": constant(1)}]}]},
                "steps[0].duration[0].give.value", -1,
            ),
            (
                {"steps": [{**REPORTING, "duration": [{"when": {"Priority": "urgent"}, "give": constant(1)},
                                                      {"give": constant(1)}]}]},
                "steps[0].duration[0].when.Priority", "Priority",
            ),
            ({"steps": [{**REPORTING, "staff": [{"when": {"priority": "urgent"}}, {"give": "hands"}]}]},
             "steps[0].staff[0].give", None),
            ({"demand": demand(slides_per_block={"weights": {1: 2, 3: -1}})},
             "demand.slides_per_block.weights.3", -1),
            ({"attributes": [{**TISSUE, "values": {"skin": 3, 7: "many"}}]}, "attributes[0].values.7", "many"),
            ({"steps": [in_machine(programme={"close": {"max_wait": {"kind": "fast"}}})], "machines": OVEN},
             "steps[0].batch.programmes[0].close.max_wait", {"kind": "fast"}),
            ({"holidays": {"country": "Narnia"}}, "holidays", {"country": "Narnia"}),
        ],
    )  # fmt: skip
    def test_is_told_as_the_user_wrote_it(self, changes: dict[str, Any], path: str, value: object) -> None:
        found = {mistake.path: mistake.value for mistake in wrong(**changes)}
        assert path in found
        assert value is None or found[path] == value

    def test_a_rule_is_told_with_its_own_line(self) -> None:
        text = yaml.safe_dump(document()).replace(
            "  staff: hands\n",
            "  staff:\n  - {when: {priority: urgent}, give: ghosts}\n  - {when: {size: big}, give: hands}\n"
            "  - {give: hands}\n",
        )
        assert [(one.path, text.splitlines()[(one.line or 0) - 1].strip()) for one in mistakes(text)] == [
            ("steps[0].staff[0].give", "- {when: {priority: urgent}, give: ghosts}"),
            ("steps[0].staff[1].when.size", "- {when: {size: big}, give: hands}"),
        ]

    def test_a_wrong_part_is_not_a_missing_part_too(self) -> None:
        assert [mistake.path for mistake in wrong(steps=[by_hand("Reporting")])] == ["steps[0].name"]

    @pytest.mark.parametrize(
        ("text", "line"), [("a: [", 1), ("name: a\nname: b", 2), ("x: \x00", None), ("- 1", 1), ("", None)]
    )
    def test_what_is_no_lab_file_at_all_is_one_clear_mistake(self, text: str, line: int | None) -> None:
        (mistake,) = mistakes(text)
        assert (mistake.path, mistake.line) == ("", line)

    def test_a_missing_file_is_a_clear_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(LabFileError, match="nowhere"):
            load_lab(tmp_path / "nowhere.yaml")


def test_an_unquoted_time_means_the_same_as_a_quoted_one() -> None:
    shift = {"from": "08:00", "to": "17:30", "people": 1}
    text = yaml.safe_dump(document(staff={"hands": {"shifts": [shift]}}))
    assert parse_lab(text.replace("'17:30'", "17:30")) == parse_lab(text)


def test_a_bare_yes_or_number_is_a_word_where_words_stand() -> None:
    values = {True: 1, 3: 2}
    steps = [by_hand("reporting", when={"mega": [True, 3]})]
    read = lab(attributes=[{"name": "mega", "of": "case", "values": values}], steps=steps)
    assert next(read.attributes[0].values.values()) == {"yes": 1, "3": 2}
    assert read.steps[0].when == {"mega": ("yes", "3")}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_lab_goes_to_another_process_and_comes_back_the_same(file: Path) -> None:
    shipped = load_lab(file)
    assert pickle.loads(pickle.dumps(shipped)).model_dump() == shipped.model_dump()  # noqa: S301
