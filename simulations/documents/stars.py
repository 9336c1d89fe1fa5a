"""The STARS document of the product: what the framework asks of a shared simulation, and what is true here.

Source: Monks, Harper, Mustafee, "Towards sharing tools and artefacts for reusable simulations in healthcare", Journal
of Simulation 2024 (STARS framework): eight essential and five optional components. Each line is looked up.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Component:
    """One component: what STARS asks for, and the file that gives it; None where nothing here does."""

    name: str
    file: str | None
    says: str


ESSENTIAL = (
    Component("Open licence", "LICENSE", "Apache-2.0."),
    Component("Dependency management", "requirements.lock", "Every package pinned with its hash; `make install`."),
    Component("Free and open source software", "pyproject.toml", "Python and SimPy; every dependency is open source."),
    Component("Minimum documentation", "README.md", "What it is, how to install, run and cite it."),
    Component("ORCID of the authors", None, "No author has given one."),
    Component("Citation information", "CITATION.cff", "Machine-readable."),
    Component("Remote code repository", None, "To be filled in by whoever publishes it."),
    Component("Open science archive", None, "Not deposited, so there is no DOI."),
)
OPTIONAL = (
    Component("Enhanced documentation", "docs/lab-files.md", "A page for each concept, in `docs/`."),
    Component("Documentation hosting", None, "Not hosted; the pages are plain Markdown."),
    Component("Online coding environment", None, "None."),
    Component("Model interface", "docs/running.md", "Command line, HTTP API and pages, on one's own machine."),
    Component("Web app hosting", None, "Not hosted: it is run inside the hospital's network."),
)


def stars(root: Path) -> str:
    """Return the document as Markdown for a checkout at `root`; a file that is missing counts as not met."""
    met = sum(_is_met(component, root) for component in ESSENTIAL)
    return "\n".join(
        [
            "# STARS: sharing this simulation",
            "",
            f"{met} of {len(ESSENTIAL)} essential components are met"
            f" and {sum(_is_met(component, root) for component in OPTIONAL)} of {len(OPTIONAL)} optional ones.",
            "",
            *_table("Essential", ESSENTIAL, root),
            "",
            *_table("Optional", OPTIONAL, root),
            "",
        ]
    )


def _table(title: str, components: tuple[Component, ...], root: Path) -> list[str]:
    rows = [
        f"| {one.name} | {'yes' if _is_met(one, root) else 'no'} | {f'`{one.file}`: ' if one.file else ''}{one.says} |"
        for one in components
    ]
    return [f"## {title}", "", "| component | met | how |", "|---|---|---|", *rows]


def _is_met(component: Component, root: Path) -> bool:
    return component.file is not None and (root / component.file).is_file()
