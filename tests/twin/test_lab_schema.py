"""The JSON Schema of a lab file describes every key, takes what the reader takes, refuses what it can see is wrong."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.twin.lab_parts import SHIPPED, by_hand, demand
from tests.twin.micro import document
from twin.lab import Lab, json_schema


def test_names_every_part_and_uses_the_file_s_keys() -> None:
    schema = json_schema()
    assert set(Lab.model_fields) == set(schema["properties"])
    assert "from" in schema["$defs"]["Shift"]["properties"]
    assert schema["$defs"]["Demand"]["properties"]["slides_per_block"]["default"] == 1


def test_describes_every_key() -> None:
    """A kind says nothing by itself; what it stands for is described."""
    schema = json_schema()
    for name, part in {"Lab": schema, **schema["$defs"]}.items():
        silent = [key for key, about in part.get("properties", {}).items() if "description" not in about]
        assert silent == [] or (silent == ["kind"] and "description" in part), name


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_takes_every_shipped_lab(file: Path) -> None:
    written = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    jsonschema_rs.validator_for(json_schema()).validate(written)


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"steps": [by_hand("reporting", duration={"kind": "constant"})]},
        {"steps": [by_hand("reporting", staff=[{"when": {"priority": "urgent"}}])]},
        {"demand": demand(slides_per_block={"weights": {"many": 1}})},
    ],
)
def test_refuses_what_is_wrong_in_a_part(changes: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(json_schema()).is_valid(document(**changes))
    assert jsonschema_rs.validator_for(json_schema()).is_valid(document())
