"""Turns what happens in a simulated lab into the events its instruments would send. Sends nothing itself.

The words are the contract's; which device speaks follows from the step and the bench. What a model has no need of
(specialty, image size, who held the pen) is drawn here, and is as synthetic as the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tracking.clock import HOUR_US, to_rfc3339
from tracking.registry import Device, Lab
from twin.items import Block, Case, Item, Slides
from twin.lab import Lab as LabModelFile
from twin.observe import Observer

Tell = Callable[[str, int, dict[str, Any]], None]
"""Takes a source path, the moment (µs UTC) and an envelope without identity; gives it one and passes it on."""

SPECIMEN_TYPES: Mapping[str, tuple[str, ...]] = {
    "gastrointestinal": ("colonic biopsy", "gastric biopsy", "polyp", "appendix"),
    "skin": ("skin ellipse", "punch biopsy", "shave"),
    "breast": ("core biopsy", "wide local excision"),
    "gynaecology": ("cervical loop", "endometrial pipelle", "uterus"),
    "urology": ("prostate cores", "bladder biopsy"),
    "head_and_neck": ("tonsil", "oral biopsy"),
}
"""Assumed: no published mix of specialties was found for these laboratories."""
ORTHOPAEDIC = {"bone_and_soft_tissue": ("bone biopsy", "soft tissue biopsy", "femoral head")}
STARTS_TOLD = frozenset({"cut_up", "microtomy", "quality_check"})
"""Work by hand that is scanned at its start too; the rest takes a minute or two and is scanned once, when done."""
NEVER_SCANNED = frozenset({"reporting", "authorisation"})
"""What the LIMS tells instead: assigned, reported, authorised."""
SLIDE_BYTES = (600_000_000, 1_200_000_000)
"""Bytes of one whole-slide image: 0.55–1.2 GB follows from NPIC's 2–3 PB a year at 10,000 slides a day."""


class Narrator(Observer):
    """Hears one lab's model and tells it as CloudEvents envelopes without id, boot and sequence."""

    __slots__ = ("_devices", "_lab", "_lims", "_luck", "_machines", "_pathologists", "_runs", "_specimens", "_tell")

    def __init__(self, lab: Lab, machine_steps: Mapping[str, str], luck: np.random.Generator, tell: Tell) -> None:
        self._lab = lab
        self._tell = tell
        self._luck = luck
        self._devices = _by_step(lab)
        self._lims = next(device.source for device in lab.devices.values() if device.kind == "lims")
        self._machines = machine_steps
        self._runs: dict[tuple[str, int], tuple[str, int]] = {}
        self._pathologists: dict[str, str] = {}
        self._specimens = ORTHOPAEDIC if "specialist" in lab.model else dict(SPECIMEN_TYPES)

    def case_received(self, case: Case, t: int) -> None:
        """A request and its pots are announced by the LIMS."""
        specialty = self._choose(tuple(self._specimens))
        data = {
            "case": case.barcode,
            "received_at": to_rfc3339(t),
            "priority": case.priority,
            "pathway": "cancer" if case.priority in {"urgent", "cancer"} else "routine",
            "specialty": specialty,
            "specimen_type": self._choose(self._specimens[specialty]),
            "specimens": [specimen.barcode for specimen in case.specimens],
            "collected_at": to_rfc3339(t - int(self._luck.integers(2 * HOUR_US, 30 * HOUR_US))),
        }
        self._say(self._lims, "case.received", case.barcode, t, data)

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        """Somebody takes an item in hand."""
        if step not in STARTS_TOLD:
            return
        for barcode in _barcodes(work):
            self._say(self.source(step, unit), "step.started", barcode, t, self._by_hand(step, unit))

    def step_completed(self, work: Item, step: str, unit: int, t: int, children: Sequence[Item]) -> None:
        """Work by hand ends, and may have made blocks or slides."""
        if step in NEVER_SCANNED:
            return
        made = [barcode for child in children for barcode in _barcodes(child)]
        data = self._by_hand(step, unit) | ({"children": made} if made else {})
        for barcode in _barcodes(work):
            self._say(self.source(step, unit), "step.completed", barcode, t, data)

    def run_started(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """A machine begins with all it holds."""
        source = self.source(step, unit)
        run = f"{source.rpartition('/')[2]}-{t // 1_000_000}"
        self._runs[machine, unit] = (run, t)
        self._say(source, "run.started", None, t, {"run": run, "items": _all_barcodes(items), "step": step})

    def run_completed(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """A scanner has an image of each slide; what is in a machine stays there until somebody takes it out."""
        if step == "scanning":
            _, began = self._run_of(machine, unit, items)
            self._images(self.source(step, unit), _all_barcodes(items), began, t)

    def run_unloaded(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        """The run is over, and its items are out."""
        run, _ = self._run_of(machine, unit, items)
        self._runs.pop((machine, unit), None)
        data = {"run": run, "items": _all_barcodes(items), "step": step}
        self._say(self.source(step, unit), "run.completed", None, t, data)

    def machine_failed(self, machine: str, unit: int, t: int) -> None:
        """An instrument says that it is broken."""
        data = {"state": "error", "detail": "Stopped with a fault; an engineer is called (synthetic)."}
        self._say(self.source(self._machines[machine], unit), "device.state", None, t, data)

    def machine_repaired(self, machine: str, unit: int, t: int) -> None:
        """An instrument works again."""
        self._say(self.source(self._machines[machine], unit), "device.state", None, t, {"state": "idle"})

    def work_requested(self, kind: str, block: Block, slides: int, t: int) -> None:  # noqa: ARG002  # told by the microtome
        """The pathologist wants more of a block."""
        self._say(self._lims, "work.requested", block.barcode, t, {"kind": kind, "on": block.barcode})

    def case_assigned(self, case: Case, unit: int, t: int) -> None:
        """A pathologist takes a case."""
        self._pathologists[case.barcode] = f"path-{unit + 1}"
        self._report(case, "assigned", t)

    def case_reported(self, case: Case, unit: int, t: int) -> None:  # noqa: ARG002  # the one it was assigned to
        """The report is written."""
        self._report(case, "reported", t)

    def case_authorised(self, case: Case, t: int) -> None:
        """The report is out."""
        self._pathologists.pop(case.barcode, None)
        self._say(self._lims, "case.authorised", case.barcode, t, {"case": case.barcode, "status": "final"})

    def _report(self, case: Case, what: str, t: int) -> None:
        pathologist = self._pathologists.get(case.barcode)
        data = {"case": case.barcode} | ({"pathologist": pathologist} if pathologist else {})
        self._say(self._lims, f"case.{what}", case.barcode, t, data)

    def _run_of(self, machine: str, unit: int, items: Sequence[Item]) -> tuple[str, int]:
        """Return a run's name and start; one that was under way before we listened is known by its items."""
        first = items[0]
        return self._runs.get((machine, unit)) or (first.run or f"{machine}-{unit + 1}", first.started_us or 0)

    def _images(self, source: str, slides: Sequence[str], began: int, ended: int) -> None:
        each = (ended - began) // len(slides)
        sizes = self._luck.integers(*SLIDE_BYTES, size=len(slides))
        for number, (slide, size) in enumerate(zip(slides, sizes, strict=True), start=1):
            data = {"bytes": int(size), "scan_seconds": round(each / 1e6, 1)}
            self._say(source, "image.available", slide, began + number * each, data)

    def _say(self, source: str, kind: str, subject: str | None, t: int, data: dict[str, Any]) -> None:
        envelope: dict[str, Any] = {"specversion": "1.0", "type": f"histotwin.{kind}", "time": to_rfc3339(t)}
        self._tell(source, t, envelope | ({"subject": subject} if subject else {}) | {"data": data})

    def _by_hand(self, step: str, unit: int) -> dict[str, Any]:
        return {"step": step, "operator": f"bms-{unit + 1}"}

    def source(self, step: str, unit: int) -> str:
        """Return the source path of the device that speaks for a bench or machine at a step."""
        devices = self._devices.get(step)
        return devices[unit % len(devices)].source if devices else self._lims

    def _choose(self, among: Sequence[str]) -> str:
        return among[int(self._luck.integers(len(among)))]


def machine_steps(model: LabModelFile) -> dict[str, str]:
    """Return for each machine group of a lab model the step it serves."""
    return {
        step.batch.machine_of(programme): step.name
        for step in model.steps
        if step.batch
        for programme in step.batch.programmes
    }


def _by_step(lab: Lab) -> dict[str, list[Device]]:
    devices: dict[str, list[Device]] = {}
    for device in lab.devices.values():
        if device.step:
            devices.setdefault(device.step, []).append(device)
    return devices


def _barcodes(item: Item) -> list[str]:
    return item.barcodes if isinstance(item, Slides) else [item.barcode]


def _all_barcodes(items: Sequence[Item]) -> list[str]:
    return [barcode for item in items for barcode in _barcodes(item)]
