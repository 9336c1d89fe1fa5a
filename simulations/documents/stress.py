"""A STRESS-DES document of one lab file: the twenty items of Monks et al. 2019, from the file itself.

Source of the items: Monks, Currie, Onggo, Robinson, Kunc, Taylor, "Strengthening the reporting of empirical simulation
studies: introducing the STRESS guidelines", Journal of Simulation 13(1), 55–67. What a file does not say is said to be
missing, never made up.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version

from simulations.documents import words
from twin.lab import Lab, Programme, Step
from twin.statistics import Estimate

LIBRARIES = ("simpy", "numpy", "pydantic", "holidays")
CODE = "The whole of it: package `histotwin`, licence Apache-2.0; the engine in `twin/`, this model in `data/labs/`."


def stress(lab: Lab, results: Mapping[str, Estimate] | None = None) -> str:
    """Return the document of a lab as Markdown; with results of a simulation, its main figures too."""
    parts = [f"# {lab.title}: STRESS-DES", _preface(lab)]
    for number, (title, text) in enumerate(_sections(lab, results), start=1):
        parts.append(f"## {number}. {title}")
        parts.append(text)
    return "\n\n".join(parts) + "\n"


def _preface(lab: Lab) -> str:
    made_up = "It is synthetic: it describes no hospital's performance. " if lab.synthetic else ""
    return f"Generated from the lab file `{lab.name}`. {made_up}Figures are those of the file."


def _sections(lab: Lab, results: Mapping[str, Estimate] | None) -> Iterator[tuple[str, str]]:
    yield "Objectives", _items(_objectives(lab))
    yield "Logic", _items(_logic(lab))
    yield "Data", _items(_data(lab))
    yield "Experimentation", _items(_experimentation(lab, results))
    yield "Implementation", _items(_implementation())
    yield "Code access", _items([("6.1 Computer model sharing statement", CODE)])


def _items(items: "Iterator[tuple[str, str]] | list[tuple[str, str]]") -> str:
    return "\n\n".join(f"### {name}\n\n{text}" for name, text in items)


def _objectives(lab: Lab) -> Iterator[tuple[str, str]]:
    yield (
        "1.1 Purpose of the model",
        (
            "To say when cases of a histology laboratory will be reported, where they wait, and what would change that:"
            " staff, shifts, machines, batches, demand."
        ),
    )
    yield (
        "1.2 Model outputs",
        (
            "Turnaround (TAT) in calendar days from received to the end of the last step: mean, percentiles and share"
            " within 7, 10, 14 and 21 days, by priority; the laboratory's part of it, which ends"
            f" {f'when {lab.lab_tat_ends} is done' if lab.lab_tat_ends else 'when a case first waits for reporting'};"
            " work in progress; waits by step and priority; utilisation of people and machines."
        ),
    )
    yield (
        "1.3 Experimentation aims",
        ("Any change of the file is an experiment; the same seed gives both sides the same luck, stream by stream."),
    )


def _logic(lab: Lab) -> Iterator[tuple[str, str]]:
    yield "2.1 Base model overview diagram", f"```mermaid\nflowchart LR\n{_diagram(lab)}\n```"
    yield "2.2 Base model logic", words.bullets(_step_in_words(step) for step in lab.steps)
    yield "2.3 Scenario logic", "None: this is the file as it stands."
    yield (
        "2.4 Algorithms",
        (
            f"Served first: {', '.join(lab.priorities)}, then first come, without interruption unless a group says so."
            " Routes, terms and durations follow from an item's attributes; of several rules the first that fits holds."
            " Poisson arrivals by inversion of the cumulative rate. At one microsecond: capacity changes, then ends of"
            " work, then arrivals, time-outs and failures; among these, in the order planned."
        ),
    )
    yield "2.5 Components", _components(lab)


def _components(lab: Lab) -> str:
    attributes = [f"`{one.name}` of each {one.of}: {words.ruled(one.values, words.weights)}" for one in lab.attributes]
    people = [
        f"`{name}`: {words.staff(group)} ({words.hours_per_week(group):.6g} person-hours an ordinary week)"
        + (f"; skills {', '.join(group.skills)}" if group.skills else "")
        for name, group in lab.staff.items()
    ]
    machines = [
        f"`{name}`: {group.count}"
        + (f", failing every {group.failures.mean_hours_between:g} h on average, away "
           f"{words.duration(group.failures.repair)}" if group.failures else "")
        for name, group in lab.machines.items()
    ]  # fmt: skip
    return "\n\n".join(
        [
            "**Entities**: cases, their specimens, blocks and slides.\n\n" + words.bullets(attributes),
            "**Activities and queues**: one queue a step; see 2.2.",
            "**Resources, people**:\n\n" + words.bullets(people),
            "**Resources, machines**:\n\n" + words.bullets(machines),
            f"**Entry and exit points**: cases enter at `{lab.steps[0].name}` and leave after `{lab.steps[-1].name}`.",
        ]
    )


def _data(lab: Lab) -> Iterator[tuple[str, str]]:
    yield "3.1 Data sources", words.bullets(lab.sources)
    yield "3.2 Pre-processing", "None beyond what the assumptions say: the file holds the figures used."
    yield "3.3 Input parameters", words.bullets(_parameters(lab))
    yield "3.4 Assumptions", words.bullets(lab.assumptions)


def _parameters(lab: Lab) -> Iterator[str]:
    for stream in lab.demand.streams:
        if stream.cases_per_week is not None:
            rule = f"{stream.cases_per_week:g} a week, Poisson" + (
                " along a weekly profile" if stream.profile else " at all hours"
            )
        elif stream.every is not None:
            rule = f"one every {words.duration(stream.every)}"
        else:
            rule = f"at {len(stream.at or ())} given moments"
        mix = f"; {words.weights(stream.priorities)}" if stream.priorities else ""
        yield f"Arrivals `{stream.name}`: {rule}, {words.count(stream.size)} at a time{mix}"
    yield f"Specimens a case: {words.ruled(lab.demand.specimens_per_case, words.count)}"
    yield f"Blocks a specimen: {words.ruled(lab.demand.blocks_per_specimen, words.count)}"
    yield f"Slides a block: {words.ruled(lab.demand.slides_per_block, words.count)}"
    for rule_ in lab.rework:
        yield (
            f"{rule_.kind}: asked for at {100 * rule_.probability:g} % of looks, {words.count(rule_.slides)} slides,"
            f" from `{rule_.return_to}` on"
        )


def _experimentation(lab: Lab, results: Mapping[str, Estimate] | None) -> Iterator[tuple[str, str]]:
    run = lab.run
    there = f"{sum(entry.count for entry in lab.initial)} cases are there at the start" if lab.initial else "Empty"
    yield (
        "4.1 Initialisation",
        (f"{there}; {f'{run.warm_up_weeks:g} weeks of warm-up are forgotten' if run.warm_up_weeks else 'no warm-up'}."),
    )
    yield "4.2 Run length", f"{run.weeks:g} weeks from {run.start:%A %d %B %Y}, local midnight ({lab.timezone})."
    text = f"{run.replications} replications; means with 95 % Student's t intervals over replications."
    if results:
        text += "\n\n| measure | mean | 95 % interval |\n|---|---|---|\n" + "\n".join(_rows(results))
    yield "4.3 Estimation approach", text


def _rows(results: Mapping[str, Estimate]) -> Iterator[str]:
    for name, one in results.items():
        if not name.startswith(("wait_", "waited_", "queue_", "present_", "busy_", "utilisation")):
            yield f"| {name} | {one.mean:.4g} | {one.low:.4g} to {one.high:.4g} |"


def _implementation() -> Iterator[tuple[str, str]]:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    yield "5.1 Software or programming language", f"Python 3.11 to 3.13; histotwin {version('histotwin')}; {libraries}."
    yield (
        "5.2 Random sampling",
        (
            "NumPy's PCG64, one stream for each seed, laboratory, step, purpose and replication, seeded through"
            " SeedSequence. The same seed gives the same result, bit for bit, whatever the number of processes."
        ),
    )
    yield (
        "5.3 Model execution",
        (
            "Discrete events on SimPy's queue and clock, in whole microseconds; callbacks instead of processes. Every"
            " run checks itself: in = out + in progress, Little's law to the microsecond, nothing in two places, nobody"
            " busier than present."
        ),
    )
    yield (
        "5.4 System specification",
        ("Any machine that runs Python; `docs/benchmarks.md` says what a run costs and where that was measured."),
    )


def _diagram(lab: Lab) -> str:
    lines = ["  in((in)) --> " + lab.steps[0].name]
    for before, after in zip(lab.steps, lab.steps[1:], strict=False):
        lines.append(f"  {before.name} --> {after.name}")
    for step in lab.steps:
        lines += [f"  {step.name} -. {100 * turn.probability:g} % .-> {turn.to}" for turn in step.next]
    lines += [f"  reporting -. {rule.kind} .-> {rule.return_to}" for rule in lab.rework]
    return "\n".join([*lines, f"  {lab.steps[-1].name} --> out((out))"])


def _step_in_words(step: Step) -> str:
    needed = words.for_whom(step.when) + (f", {100 * step.probability:g} % of them" if step.probability < 1 else "")
    return f"**{step.name}** (per {step.per}{needed}): {words.who(step)}. {_work(step)}"


def _work(step: Step) -> str:
    if step.batch is not None:
        return " ".join(_programme(step, programme) for programme in step.batch.programmes)
    if step.transport is not None:
        return _journey(step)
    said = [f"Takes {words.ruled(step.duration, words.duration)}" if step.duration else "Takes no time"]
    if step.for_each != "item":
        said[0] += f", for each {step.for_each}"
    said += [f"makes the {step.makes}s"] if step.makes else []
    said += [f"at most {step.room} wait, else {step.when_full}"] if step.room is not None else []
    said += [f"waits {words.duration(step.patience)} at most, then {step.when_impatient}"] if step.patience else []
    said += [f"not before {words.duration(step.minimum_wait)}"] if step.minimum_wait else []
    said += ["one of a parent's items at a time"] if step.one_at_a_time else []
    served = words.ruled(step.served_as, str)
    said += [f"served as {served}"] if served != "own" else []
    return "; ".join(said) + "."


def _programme(step: Step, programme: Programme) -> str:
    batch = step.batch
    hands = [
        f"{what} by {handling.staff}, {words.duration(handling.duration)}"
        for what, handling in (("loaded", batch.load_of(programme)), ("unloaded", batch.unload_of(programme)))
        if handling is not None
    ] if batch else []  # fmt: skip
    return (
        f"Programme {programme.name}{words.for_whom(programme.when)}: up to {programme.size}, ready when"
        f" {words.closing(programme.close)}; runs {words.duration(programme.run)}"
        + (f"; {'; '.join(hands)}" if hands else "")
        + "."
    )


def _journey(step: Step) -> str:
    transport = step.transport
    if transport is None:
        return ""
    rules = [f"{transport.size} are there"] if transport.size else []
    rules += [f"the first has waited {words.duration(transport.max_wait)}"] if transport.max_wait else []
    rules += [f"at {', '.join(words.clock(minutes) for minutes in transport.at)}"] if transport.at else []
    alone = f"; at once and alone{words.for_whom(transport.alone)}" if transport.alone else ""
    alone += ", with batches lining up behind those that wait" if transport.batches_line_up else ""
    return f"Goes when {' or '.join(rules)}{alone}; {words.duration(transport.there)} one way."
