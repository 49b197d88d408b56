"""Why points were lost, as one page for staff: self-contained, without scripts, to be kept or printed.

It has hidden inputs and expected values, so it lies beside the reports, in `grading/why/`, and never where feedback
does. What comes from students is escaped by the template.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grading.evidence.gather import Evidence
from grading.evidence.text import check_name, earned, outcome, points_of
from helpers.files import atomically

__all__ = ["write_page"]


def write_page(course: Path, found: Evidence) -> Path:
    """Write grading/why/STUDENT/EXERCISE.html below the course, whole or not at all, and return its path."""
    to = course / "grading" / "why" / found.student / f"{found.exercise}.html"
    to.parent.mkdir(parents=True, exist_ok=True)
    with atomically(to, private=True) as part:
        part.write_bytes(_template().render(found=found).encode("utf-8", "replace"))
    return to


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(check_name=check_name, earned=earned, outcome=outcome, points_of=points_of)
    return environment.get_template("page.html")
