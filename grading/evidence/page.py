"""Why points were lost, as one page for staff: self-contained, without scripts, to be kept or printed.

It has hidden inputs and expected values, so it lies beside the reports, in `grading/why/`, and never where feedback
does. What comes from students is escaped by the template.
"""

from __future__ import annotations

from pathlib import Path

from grading.evidence.gather import Evidence
from grading.evidence.text import check_name, earned, outcome, points_of
from grading.reporting.overview import page_template
from helpers.files import atomically

__all__ = ["write_page"]


def write_page(course: Path, found: Evidence) -> Path:
    """Write grading/why/STUDENT/EXERCISE.html below the course, whole or not at all, and return its path."""
    to = course / "grading" / "why" / found.student / f"{found.exercise}.html"
    to.parent.mkdir(parents=True, exist_ok=True)
    said = {"check_name": check_name, "earned": earned, "outcome": outcome, "points_of": points_of}
    text = page_template("page.html", Path(__file__).parent).render(found=found, **said)
    with atomically(to, private=True) as part:
        part.write_bytes(text.encode("utf-8", "replace"))
    return to
