"""Lab files on the command line: simulated as they ask, and every mistake told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboard.operations.settings import SHIPPED_DATA
from tests.operations.conftest import Command
from tests.twin.micro import constant, document

PROMISED = {
    "lab_tat_mean_d", "tat_mean_d", "tat_p90_d", "lab_tat_pct_7d", "lab_tat_pct_10d", "lab_tat_pct_14d",
    "lab_tat_pct_21d", "arrived", "finished", "wip_mean", "utilisation.hands", "wait_mean_h.reporting",
}  # fmt: skip


@pytest.fixture
def hourly(tmp_path: Path) -> str:
    """A lab that a case comes to every hour and that reports each in half an hour."""
    lab = document(
        demand={"streams": [{"every": constant(1)}]},
        steps=[{"name": "reporting", "per": "case", "staff": "hands", "duration": constant(0.5)}],
        run={"weeks": 0.5, "warm_up_weeks": 0.25, "replications": 2},
    )
    return written(tmp_path / "hourly.yaml", lab)


def written(file: Path, lab: dict[str, Any]) -> str:
    file.write_text(yaml.safe_dump(lab), encoding="utf-8")
    return str(file)


def asked(command: Command, *arguments: str) -> dict[str, Any]:
    """Return the one JSON document that is printed."""
    code, out, err = command("simulate", *arguments, "--json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def test_what_is_not_said_stands_in_the_file(command: Command, hourly: str) -> None:
    answer = asked(command, hourly)
    told = {name: answer[name] for name in ("model", "replications", "weeks", "seed")}
    assert told == {"model": "micro", "replications": 2, "weeks": 0.5, "seed": 1}
    assert answer["kpis"].keys() >= PROMISED
    assert answer["kpis"]["arrived"] == {"mean": 84, "low": 84, "high": 84}
    assert answer["kpis"]["utilisation.hands"]["mean"] == 0.5


def test_what_is_said_counts_first(command: Command, hourly: str) -> None:
    answer = asked(command, hourly, "--weeks", "0.125", "--replications", "1", "--engine", "local", "--seed", "7")
    assert (answer["weeks"], answer["replications"], answer["seed"]) == (0.125, 1, 7)
    assert answer["kpis"]["arrived"] == {"mean": 21, "low": None, "high": None}


def test_the_same_seed_gives_the_same_figures_over_any_number_of_processes(command: Command) -> None:
    lab = [str(SHIPPED_DATA / "labs" / "small.yaml"), "--weeks", "1", "--replications", "3", "--seed", "4"]
    alone = asked(command, *lab)
    assert asked(command, *lab, "--jobs", "2") == alone
    tat = alone["kpis"]["tat_mean_d"]
    assert tat["low"] < tat["mean"] < tat["high"]
    assert asked(command, *lab[:-1], "5")["kpis"] != alone["kpis"]


def test_people_read_figures_in_groups_and_a_pipe_shows_no_progress(command: Command, hourly: str) -> None:
    code, out, err = command("simulate", hourly)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "Micro: 2 replications of 0.5 weeks after 0.25 of warm-up, seed 1"
    headings = [line for line in lines[2:] if line and not line.startswith(" ")]
    assert headings == ["Turnaround", "Flow", "People and machines", "Step reporting"]
    (arrived,) = [line.split() for line in lines if "arrived" in line]
    assert arrived == ["arrived", "84.000", "84.000", "to", "84.000"]
    order = [line.split()[0] for line in lines if line.startswith("  tat_pct")]
    assert order == ["tat_pct_7d", "tat_pct_10d", "tat_pct_14d", "tat_pct_21d"]


def test_a_wrong_file_is_a_line_for_each_mistake_and_exit_2(command: Command, tmp_path: Path) -> None:
    lab = document(timezone="Mars/Olympus", lab_tat_ends="signing")
    file = written(tmp_path / "wrong.yaml", lab)
    text = Path(file).read_text(encoding="utf-8").splitlines()
    line = {key: 1 + next(n for n, row in enumerate(text) if row.startswith(key)) for key in lab}
    code, out, err = command("simulate", file)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{file}: line {line['timezone']}, timezone = 'Mars/Olympus': "
        "expected a time zone of the IANA database such as Europe/London",
        f"{file}: line {line['lab_tat_ends']}, lab_tat_ends = 'signing': expected a step of this file: reporting",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--weeks", "0"], "a number of weeks above 0"),
        (["--weeks", "nan"], "a number of weeks above 0"),
        (["--weeks", "inf"], "a number of weeks above 0"),
        (["--weeks", "two"], "--weeks"),
        (["--replications", "0"], "--replications"),
        (["--jobs", "0"], "--jobs"),
        (["--seed", "-1"], "--seed"),
        (["--engine", "abacus"], "--engine"),
    ],
)
def test_a_wrong_wish_is_told_and_exit_2(command: Command, hourly: str, options: list[str], told: str) -> None:
    code, out, err = command("simulate", hourly, *options)
    assert (code, out) == (2, "")
    assert told in err


def test_all_files_are_checked_and_all_mistakes_told_at_once(command: Command, tmp_path: Path) -> None:
    torn = tmp_path / "torn.yaml"
    torn.write_text("name: [\n", encoding="utf-8")
    files = [written(tmp_path / "a.yaml", document(colour="blue")), str(torn), str(tmp_path / "none.yaml")]
    code, _, err = command("check-config", *files)
    assert code == 2
    assert [row.split(":")[0] for row in err.splitlines()] == files
    assert "colour = 'blue'" in err


def test_the_shipped_files_have_nothing_wrong(command: Command) -> None:
    files = [str(file) for kind in ("labs", "networks") for file in sorted((SHIPPED_DATA / kind).glob("*.yaml"))]
    assert command("check-config", *files) == (0, f"{len(files)} file(s): nothing wrong found.\n", "")


def test_a_network_s_route_and_the_models_it_names_speak_of_the_same_steps(command: Command, tmp_path: Path) -> None:
    common = yaml.safe_load((SHIPPED_DATA / "networks" / "common" / "uk-histology.yaml").read_text(encoding="utf-8"))
    network = yaml.safe_load((SHIPPED_DATA / "networks" / "bsol.yaml").read_text(encoding="utf-8"))
    common["route"] = [stop for stop in common["route"] if stop["step"] != "assembly"]
    written(tmp_path / "common.yaml", common)
    code, _, err = command("check-config", written(tmp_path / "n.yaml", {**network, "base": "common.yaml"}))
    assert (code, err.count("\n")) == (2, len(network["labs"]))
    assert "labs.rq3.route: 'assembly': expected a step per case, as in labs/small.yaml" in err
