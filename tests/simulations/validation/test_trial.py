"""The trial as a whole: what is chosen, run, judged and shown; the fast set itself is a slow proof."""

import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from simulations.validation import table
from simulations.validation.catalogue import oracles
from simulations.validation.inequalities import inequalities
from simulations.validation.oracle import Length, Lengths, Measure
from simulations.validation.running import Runs, System, run_part, watch
from simulations.validation.trial import ROUNDS, choose, judge_oracle, validate
from simulations.validation.verdicts import Verdict
from tracking.errors import InputMistakes


def silent(done: int, total: int) -> None:
    del done, total


def test_without_a_pattern_everything_is_tried() -> None:
    chosen = choose(None, long=False)
    assert chosen.oracles == oracles()
    assert chosen.cases
    assert chosen.inequalities
    assert chosen.published


def test_a_pattern_chooses_by_id_or_by_lab_file() -> None:
    assert {oracle.id for oracle in choose("Q8", long=False).oracles} == {"Q8"}
    assert {case.file for case in choose("slots*", long=False).cases} == {"slots", "slots-late", "slots-repeated"}
    assert [one.id for one in choose("pooled-line", long=False).inequalities] == ["I2"]
    assert not choose("D*", long=False).systems


def test_a_pattern_that_nothing_fits_is_a_mistake() -> None:
    with pytest.raises(InputMistakes, match="an id such as Q4"):
        choose("Q99", long=False)


def test_a_quick_oracle_passes_over_two_processes() -> None:
    verdicts = validate(choose("fill-machine", long=False), seed=1, jobs=2, tell=silent)
    assert [(verdict.id, verdict.passes) for verdict in verdicts] == [("Q17", True), ("L", True)]


def test_the_number_of_processes_changes_nothing() -> None:
    system = System(choose("drain", long=False).oracles[0].path, Length(60, 0, 40))
    assert watch([system], seed=3, jobs=1, tell=silent) == watch([system], seed=3, jobs=2, tell=silent)


def test_replications_are_added_while_an_interval_is_too_wide_and_no_longer_than_that() -> None:
    oracle = choose("fill-machine", long=False).oracles[0]
    sloppy = replace(oracle, lengths=Lengths(Length(10, 1, 30), Length(10, 1, 30)))
    chosen = replace(choose("Q17", long=False), oracles=(sloppy,))
    verdict, _ = validate(chosen, seed=1, jobs=1, tell=silent)
    assert verdict.passes
    assert 30 < verdict.replications <= 30 + ROUNDS * 15
    hopeless = replace(sloppy, lengths=Lengths(Length(2, 1, 20), Length(2, 1, 20)))
    verdict, _ = validate(replace(chosen, oracles=(hopeless,)), seed=1, jobs=1, tell=silent)
    assert verdict.replications == 20 + ROUNDS * 10
    assert any(reason.startswith("interval too wide") for reason in verdict.reasons)


def test_an_oracle_that_is_a_tenth_off_is_refused() -> None:
    oracle = choose("fill-machine", long=False).oracles[0]
    runs = run_part(System(oracle.path, oracle.lengths.fast), 1, 0, 40)
    right = oracle.measures[0]
    wrong = replace(oracle, measures=(replace(right, theory=right.theory * 1.1),))
    assert [verdict.passes for verdict in judge_oracle(oracle, runs, long=False)] == [True]
    assert [verdict.passes for verdict in judge_oracle(wrong, runs, long=False)] == [False]


def test_a_state_that_never_occurred_took_no_time() -> None:
    assert Measure("state_pct.serve.8", 0.007, absent=0.0).read({}) == 0


def test_more_with_more_servers_is_refused_in_a_single_replication() -> None:
    rule = next(one for one in inequalities(long=False) if one.id == "I3")
    more, fewer = rule.systems
    waits = [1.0] * 20
    runs = {more: _runs([*waits[:-1], 1.5]), fewer: _runs([*waits[:-1], 1.4])}
    assert rule.verdict(runs).reasons == ("more with more servers in 1 of 20 replications",)


def test_another_ratio_than_that_of_the_units_is_refused() -> None:
    rule = next(one for one in inequalities(long=False) if one.id == "I4")
    hours, minutes = rule.systems
    runs = {hours: _runs([60.0] * 19 + [60.000001]), minutes: _runs([1.0] * 20)}
    assert rule.verdict(runs).reasons == ("another ratio in 1 of 20 replications",)


def test_a_run_that_broke_a_law_is_no_proof_of_anything() -> None:
    rule = next(one for one in inequalities(long=False) if one.id == "I3")
    more, fewer = rule.systems
    assert rule.verdict({more: Runs((), "work vanished"), fewer: _runs([1.0] * 20)}).reasons == ("work vanished",)


def _runs(waits: list[float]) -> Runs:
    return Runs(tuple({"wait_mean_h.serve": wait} for wait in waits))


GOOD = Verdict("Q1", "a queue", "wait", 1.0, "=", 1.001, 0.99, 1.012, 1.1, 0.2, 40)
BAD = Verdict("Q2", "another [bold]", "wait", 2.0, "=", 1.0, 1.0, 1.0, 0.0, float("-inf"), 40, ("off by far",))


def test_programs_get_one_document_with_every_verdict() -> None:
    told = json.loads(table.as_json([GOOD, BAD], set="fast", seed=1))
    assert (told["passes"], told["failed"]) == (False, ["Q2"])
    assert [row["passes"] for row in told["verdicts"]] == [True, False]
    assert told["verdicts"][1]["z"] is None


def test_in_a_pipe_each_verdict_is_a_line() -> None:
    shown = StringIO()
    table.show([GOOD, BAD], Console(file=shown, width=40))
    lines = shown.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("pass")
    assert lines[2].endswith("FAIL: off by far")
    assert "another [bold]" in lines[2]


def test_on_a_terminal_the_verdicts_are_a_table() -> None:
    shown = StringIO()
    table.show([GOOD, BAD], Console(file=shown, force_terminal=True, width=160))
    assert "FAIL: off by far" in shown.getvalue()
    assert "another [bold]" in shown.getvalue()


def test_the_last_line_says_what_failed() -> None:
    assert table.summary([GOOD]) == "1 tried, all pass."
    assert table.summary([GOOD, BAD]) == "2 tried, 1 failed: Q2."


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_fast_set_passes() -> None:
    verdicts = validate(choose(None, long=False), seed=1, jobs=2, tell=silent)
    assert [(verdict.id, verdict.measure, verdict.reasons) for verdict in verdicts if not verdict.passes] == []
