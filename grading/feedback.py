"""What a student reads: verdict, points and hint for each question, as plain text under its check cell.

Free of hidden checks by construction: it is written from the report's verdicts and hints, which hold no inputs and no
values.
"""

from __future__ import annotations

import re

from grading.notebook import NotebookData, plain_markdown, question_of
from grading.report import QuestionReport, Report

__all__ = ["comment", "overall", "verdict", "write_feedback"]

SIGNS = {"passed": "\u2714", "partly": "\u25d0"}


def verdict(question: str, report: QuestionReport) -> str:
    """Return the lines under a question's check cell."""
    sign = SIGNS.get(report.verdict, "\u2718")
    lines = [f"{sign} {question}: {_earned(report)}, {report.verdict}."]
    if report.hint:
        lines.append(f"  hint  {report.hint}")
    return _printable("\n".join(lines)) + "\n"


def _earned(report: QuestionReport) -> str:
    """Return the points of a question, and the extra points if there are any to earn."""
    points = f"{report.points:g} of {report.maximum:g} points"
    extra = f"{report.bonus:g} of {report.bonus_maximum:g} extra points"
    if not report.bonus_maximum:
        return points
    return f"{points} and {extra}" if report.maximum else extra


def comment(report: QuestionReport) -> str | None:
    """Return the comment beside an answer, for the gradebook; None where there is nothing to say."""
    if report.verdict == "passed":
        return None
    if report.verdict == "not written":
        return "No response."
    return plain_markdown(_printable(f"{report.verdict}: {report.hint}" if report.hint else report.verdict))


def overall(report: Report) -> str:
    """Return what a student should know about the submission as a whole, as Markdown; empty if all was in order."""
    lines = []
    if report.unreadable:
        lines.append(f"This submission could not be graded: {report.unreadable}.")
    if report.repairs:
        lines.append("These things were repaired before grading; none of them cost points:")
        lines += [f"- {repair}" for repair in report.repairs[:20]]
    for cell in report.cells[:10]:
        if cell["trouble"]:
            lines.append(f"- The cell {cell['name']} was left out: {cell['trouble']}.")
    return plain_markdown(_printable("\n".join(["**From the grader**", "", *lines]))) if lines else ""


def write_feedback(notebook: NotebookData, report: Report) -> None:
    """Put the verdicts under the check cells of `notebook`, in place of whatever stood there, and the rest on top."""
    for cell in notebook["cells"]:
        question = question_of(cell)
        if question is not None:
            text = verdict(question, report.questions[question])
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    if text := overall(report):
        notebook["cells"].insert(0, {"cell_type": "markdown", "id": "from-the-grader", "metadata": {}, "source": text})


def _printable(text: str) -> str:
    """Return text without control characters, which a terminal or a page could take for more than text."""
    return re.sub(r"[^\S\n]|[\x00-\x08\x0b-\x1f\x7f]", " ", text)
