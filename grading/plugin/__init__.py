"""Our parts in nbgrader's pipeline, under the names that nbgrader_config.py gives: nothing else imports nbgrader.

steps                    what nbgrader calls, for a class and for a release
plan                     whom to grade, whose report is still right, who is done
interrupt                Ctrl-C meanwhile
settings, inherited      what nbgrader_config.py may set; what holds of what others set
mended                   what of nbgrader is replaced
entered                  what instructors enter by nbgrader's own commands
intake                   whose folders are graded, and when something was handed in
gradebook, cells         where marks go, and for which cells
written, lateness        what grading wrote there before; what being late costs
stale                    which pages of feedback have to be written anew
exports, term            marks for a learning platform, and for the overview of a term
"""

from nbgrader.coursedir import CourseDirectory

from grading.plugin.exports import CanvasExport, MoodleExport
from grading.plugin.gradebook import WriteMarks
from grading.plugin.settings import Grading
from grading.plugin.steps import FeedbackExporter, Grade, ReleaseExporter, Repair, SubmissionExporter

__all__ = [
    "CanvasExport",
    "CourseDirectory",
    "FeedbackExporter",
    "Grade",
    "Grading",
    "MoodleExport",
    "ReleaseExporter",
    "Repair",
    "SubmissionExporter",
    "WriteMarks",
]
