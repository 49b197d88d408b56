"""nbgrader's settings for this course: stock commands, run from this folder, with our own grading inside.

What may be changed is listed at the end with its default; `grading/plugin/settings.py` says what each setting means.
"""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)  # nbgrader imports grading.plugin by name
TOOLS = os.path.dirname(sys.executable)
if TOOLS not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([TOOLS, os.environ.get("PATH", "")])  # nbgrader calls alembic by name

from grading.plugin.inherited import settle  # noqa: E402

c = get_config()  # noqa: F821, given by traitlets

settle(c, ROOT)  # what others set outside the course changes nothing that is released, graded or shown

c.CourseDirectory.course_id = "deep_learning_lab_cv"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = "grading/submitted"
c.CourseDirectory.autograded_directory = "grading/autograded"
c.CourseDirectory.feedback_directory = "grading/feedback"
c.CourseDirectory.solution_directory = "grading/cache/solution"
c.CourseDirectory.source_with_tests_directory = "grading/cache/source_with_tests"
c.CourseDirectory.db_url = f"sqlite:///{c.CourseDirectory.root}/grading/gradebook.db"

c.GenerateAssignment.exporter_class = "grading.plugin.ReleaseExporter"
c.Autograde.exporter_class = "grading.plugin.SubmissionExporter"
c.Autograde.sanitize_preprocessors = ["grading.plugin.Repair", "nbgrader.preprocessors.CheckCellMetadata"]
c.Autograde.autograde_preprocessors = [
    "grading.plugin.Grade",
    "grading.plugin.WriteMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.exporter_class = "grading.plugin.FeedbackExporter"
c.GenerateFeedback.preprocessors = ["grading.plugin.ReadMarks", "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor"]

# Submissions come through nbgrader's exchange, or as a download of Moodle or Canvas: docs/instructors.md.
c.ExchangeFactory.release_assignment = "grading.plugin.ReleaseAssignment"
c.ExchangeFactory.collect = "grading.plugin.Collect"
c.ExchangeFactory.release_feedback = "grading.plugin.ReleaseFeedback"
c.ZipCollectApp.downloaded_directory = "grading/downloaded"
c.ZipCollectApp.extractor_plugin = "grading.plugin.LmsExtractor"
c.ZipCollectApp.collector_plugin = "grading.plugin.LmsCollector"
# What a student is called who is not in the gradebook: "usual" is Moodle's full name and Canvas' number.
c.LmsCollector.known_by = "usual"

# Pages show what students wrote, and no text of theirs may take hours to lay out: feedback, and Formgrader.
c.HTMLExporter.filters = {
    "markdown2html": "grading.reporting.rendering.markdown",
    "highlight_code": "grading.reporting.rendering.highlighted",
    "strip_files_prefix": "grading.reporting.rendering.without_files_prefix",
}

# Limits of one submission; these fit a machine with 4 GB of memory.
c.Grading.cell_seconds = 20.0  # one cell
c.Grading.question_seconds = 20.0  # all checks of one question
c.Grading.submission_seconds = 120.0  # everything
c.Grading.memory_mb = 1500  # beyond what torch needs
c.Grading.processes = 64  # threads; new processes are always refused
c.Grading.output_kb = 64  # printed output that the report keeps
c.Grading.file_mb = 128  # the private folder
c.Grading.notebook_mb = 50  # larger ones are not read
c.Grading.weights_mb = 64  # the .safetensors file

# "best" grades with the isolation that this machine gives and names what is missing; "strict" refuses unless all of it
# is there.
c.Grading.isolation = "best"

# More than one process grades, here or on a Dask cluster: docs/scale.md. On the command line: --Grading.jobs=2.
c.Grading.jobs = 1
c.Grading.scheduler = ""

# How long a run waits, at most, for another one on this course, in seconds.
c.Grading.lock_seconds = 3600.0
