"""Our parts in nbgrader's pipeline.

    SubmissionExporter   reads what students handed in, whatever its state, in nbgrader's place
    Repair               the one step of sanitising: the released notebook with the student's answers in it
    Grade                runs in place of Execute: the report is written, verdicts stand under the check cells
    WriteMarks           runs in place of SaveAutoGrades: marks come from the report (`grading.plugin.gradebook`)
    FeedbackExporter     finds whose page nbgrader would leave out
    ReleaseExporter      keeps trained weights and results out of what `nbgrader generate_assignment` copies

`nbgrader_config.py` names them; nbgrader itself is stock but for `grading.plugin.mended`. Every student folder ends
with a row in the gradebook. Whom to grade, and from which report, is in `grading.plugin.plan`: nbgrader makes the
exporter, the exporter makes the plan, and the steps, whose `parent` the exporter is, ask it.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter, NotebookExporter
from nbformat import NotebookNode, from_dict
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import IncludeHeaderFooter, NbGraderPreprocessor

from grading.errors import GradingError, printable
from grading.isolation import caller
from grading.plugin import intake
from grading.plugin.interrupt import on_interrupt
from grading.plugin.lateness import renew_all, rule_of
from grading.plugin.plan import ClassPlan
from grading.plugin.settings import Grading, SafeCourseDirectory
from grading.plugin.stale import Pages
from grading.reporting import feedback
from grading.submission.repair import blank, sound_notebook

__all__ = ["FeedbackExporter", "Grade", "ReleaseExporter", "Repair", "SubmissionExporter"]

warnings.filterwarnings("ignore", "Object of type .* not in session")  # nbgrader's own, with every new student


class SubmissionExporter(NotebookExporter):
    """Reads submissions for nbgrader: folders that it would skip, files that it would stop at, names that it does not
    know.

    The converter makes it right before it goes through the class; every student's folder is then put on the
    converter's list, which `grading.plugin.mended` left empty.
    """

    plan: ClassPlan | None = None

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        if isinstance(self.parent, Autograde):
            try:
                self._take_over(self.parent)
            except GradingError as error:
                self.log.error("Nobody was graded: %s", error)
                raise NbGraderException(str(error)) from error

    def _take_over(self, converter: Autograde) -> None:
        """Put every folder that has to be graded on the converter's list, and start to grade."""
        caller.settle()
        coursedir = SafeCourseDirectory.like(converter.coursedir)
        self.plan = ClassPlan(coursedir, Grading(parent=self), self.log)
        converter.coursedir = coursedir
        converter.assignments = self.plan.choose(converter.force)
        self.plan.renew_lateness(rule_of(self))
        self.plan.make_room()
        on_interrupt(self.plan.graders.stop)
        self.plan.begin()

    # Of the exporters for notebooks alone nbconvert's types are not true: they return text.
    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Return a notebook as text; of a submission, whatever its state, the released one for `Repair` to fill in."""
        if self.plan is None or self.plan.turn_to(filename) is None:  # the second pass, over what the first one wrote
            return super().from_filename(filename, resources, **options)
        released = from_dict(blank(self.plan.course.released))
        converted: tuple[str, dict[str, Any]] = self.from_notebook_node(released, resources, **options)
        return converted


class Repair(NbGraderPreprocessor):
    """Puts what the student wrote into the released notebook, or leaves that as it is where nothing could be read."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        plan: ClassPlan = self.parent.plan
        assert plan.current is not None  # the exporter has turned to it
        submission = plan.current.submission
        notebook = sound_notebook(submission, plan.course.released)
        for line in (*submission.notes, *filter(None, [submission.unreadable])):
            self.log.warning("%s: %s", submission.student, printable(line))
        return from_dict(notebook), resources


class Grade(NbGraderPreprocessor):
    """Has the submission graded, unless its report is there; the notebook gets the verdicts under its check cells."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        plan: ClassPlan = self.parent.plan
        report = plan.report()
        feedback.write_feedback(nb, report)
        resources["deep_learning_lab"] = report
        assert plan.current is not None  # the exporter has turned to it
        nb["metadata"]["deep_learning_lab"] = {"done": plan.done_mark(report, plan.current.folder)}
        names = resources["nbgrader"]
        self._keep_timestamp(plan.coursedir, names["assignment"], names["student"])
        self.log.info("%s: %g points in %.2f s", report.student, report.points + report.bonus, report.seconds)
        plan.advance()
        return from_dict(nb), resources

    @staticmethod
    def _keep_timestamp(coursedir: SafeCourseDirectory, exercise: str, student: str) -> None:
        """Put the time of submission beside the graded notebook, by which nbgrader knows a newer submission."""
        submitted, graded = (
            coursedir.format_path(step, student, exercise)
            for step in (coursedir.submitted_directory, coursedir.autograded_directory)
        )
        if (time := coursedir.get_existing_timestamp(submitted)) is not None:
            Path(graded, "timestamp.txt").write_text(f"{time:%Y-%m-%d %H:%M:%S} UTC\n")


class FeedbackExporter(HTMLExporter):
    """Writes pages of feedback, for students, too, whose names are no pattern of their own: ".ada", "ada [2]"; those
    anew that show other work, marks or comments than there are now.
    """

    pages: Pages | None = None

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        if isinstance(converter := self.parent, GenerateFeedback):
            exercise = converter.coursedir.assignment_id
            folders = intake.graded(converter.coursedir, exercise)
            converter.assignments = {str(folder): [str(folder / f"{exercise}.ipynb")] for folder in folders}
            self._renew(converter, exercise, folders)
            if not folders:
                student = printable(converter.coursedir.student_id)
                self.log.error("No feedback was written: nothing is graded in %s of %s", exercise, student)
                raise NbGraderException("nothing is graded")

    def _renew(self, converter: GenerateFeedback, exercise: str, folders: list[Path]) -> None:
        """Take away the pages that are stale, once penalties are those of today's marks."""
        try:
            if folders:
                renew_all(converter.coursedir, exercise, converter)
        except GradingError as error:
            self.log.error("No feedback was written: %s", error)
            raise NbGraderException(str(error)) from error
        self.pages = Pages(converter.coursedir, exercise, folders)
        self.pages.drop_stale(self.log)

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Return the page, with the mark by which it is known to be stale one day."""
        page, resources = super().from_filename(filename, resources, **options)
        return f"{page}{self.pages.mark(Path(filename).parent)}" if self.pages else page, resources


class ReleaseExporter(NotebookExporter):
    """Writes released notebooks, and keeps what running a solution leaves beside it out of what students get."""

    left_behind = ("*.safetensors", "results.json", "*.part")

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)
        self._changed: tuple[CourseDirectory, list[str]] | None = None  # and what it ignored before
        if isinstance(self.parent, GenerateAssignment):
            coursedir = self.parent.coursedir
            self._look_for_headers(coursedir.root)
            self._changed = coursedir, coursedir.ignore
            coursedir.ignore = [*coursedir.ignore, *self.left_behind]

    def _look_for_headers(self, root: str) -> None:
        """Refuse while the release that there was is still there: nbgrader removes it, and then looks for these."""
        around = IncludeHeaderFooter(parent=self)
        for path in filter(None, (around.header, around.footer)):
            if not os.path.isfile(os.path.join(root, path)):
                self.log.error("Nothing was released: there is no header or footer %s", path)
                raise NbGraderException(f"there is no header or footer {path}")

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Return the notebook as text; by now files are copied, and the course's folders are as they were."""
        if self._changed is not None:
            coursedir, ignored = self._changed
            coursedir.ignore, self._changed = ignored, None
        return super().from_filename(filename, resources, **options)
