"""Formgrader for this course: its buttons run in processes of their own, and its page shows what staff mark by.

`mend` replaces both in nbgrader's server extension, for courses whose nbgrader_config.py names our exporter; a server
may show others, too.
"""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from nbconvert.exporters import HTMLExporter
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader import apihandlers, base, handlers

from grading.errors import CourseError
from grading.plugin import apart
from grading.plugin.settings import Grading
from grading.reporting.feedback import TEMPLATES
from grading.reporting.rubric import ModelAnswer, model_answers

__all__ = ["MarkingExporter", "mend"]

VERBS = {
    apihandlers.AssignHandler: "generate_assignment",
    apihandlers.AutogradeHandler: "autograde",
    apihandlers.GenerateFeedbackHandler: "generate_feedback",
    apihandlers.GenerateAllFeedbackHandler: "generate_feedback",
}
COLUMNS = 66  # that the window with a run's log has
TURN = "deep_learning_lab_turn"  # in a server's settings: the lock of whoever runs a verb


def mend() -> None:
    """Replace it; safe to call twice."""
    for handler, verb in VERBS.items():
        if not hasattr(handler.post, "stock"):
            handler.post = _pressed(verb, handler.post)
    base.BaseHandler.exporter = property(_exporter)


def _pressed(verb: str, stock: Callable[..., None]) -> Callable[..., Awaitable[None]]:
    """Return what answers a button: it runs the verb in a process of its own, one button after another."""

    async def post(self: Any, assignment_id: str, student_id: str = "*") -> None:
        if not _is_ours(self):
            stock(self, assignment_id, *([student_id] if student_id != "*" else []))
            return
        async with self.settings.setdefault(TURN, asyncio.Lock()):
            ran = await apart.run(apart.command(verb, assignment_id, student_id), Path(self.coursedir.root))
        ran.tell(self.log)
        self.write(json.dumps({"success": ran.done, "log": _wrapped(ran.lines)}))

    guarded = handlers.web.authenticated(base.check_xsrf(base.check_notebook_dir(post)))
    guarded.stock = stock
    return cast(Callable[..., Awaitable[None]], guarded)


def _wrapped(lines: list[str]) -> str:
    """Return lines as the window that shows them holds them: it would cut a sentence at its edge."""
    wrapped = (textwrap.wrap(line, COLUMNS, subsequent_indent="  ", break_on_hyphens=False) for line in lines)
    return "\n".join("\n".join(parts) for parts in wrapped)


def _is_ours(handler: Any) -> bool:
    """Return whether the course that a server shows now is graded by this project."""
    config = handler.settings["nbgrader_formgrader"].config
    return str(config.Autograde.get("exporter_class", "")) == "grading.plugin.SubmissionExporter"


class MarkingExporter(HTMLExporter):
    """Writes Formgrader's page on a submission, with model answers and rubrics beside the questions in words."""

    def __init__(self, coursedir: CourseDirectory, config: Any) -> None:
        stock = handlers.template_path
        own = {"template_name": "marking", "extra_template_basedirs": [str(TEMPLATES), stock]}
        super().__init__(config=config, extra_template_paths=[stock], **own)
        self.coursedir, self.grading = coursedir, Grading(config=config)

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Return the page on a graded notebook; `resources.model_answers` are `ModelAnswer` by grade_id."""
        resources["model_answers"] = self._model_answers(resources["assignment_id"])
        converted: tuple[str, dict[str, Any]] = super().from_filename(filename, resources=resources, **options)
        return converted

    def _model_answers(self, exercise: str) -> dict[str, ModelAnswer]:
        course = self.grading.course(self.coursedir, exercise)
        try:
            return model_answers(course.solution, course.root / self.grading.rubrics / f"{exercise}.toml")
        except CourseError as error:  # a machine that only marks need not have the solutions
            self.log.warning("No model answers are shown: %s", error)
            return {}


def _exporter(handler: Any) -> HTMLExporter:
    """Return what writes the page of a submission, in the place of the exporter that was made with the server."""
    if not _is_ours(handler):
        stock: HTMLExporter = handler.settings["nbgrader_exporter"]
        return stock
    return MarkingExporter(handler.coursedir, handler.settings["nbgrader_formgrader"].config)
