"""Our parts in nbgrader's pipeline, under the names that nbgrader_config.py gives: nothing else imports nbgrader.

steps                    what nbgrader calls, for a class and for a release
plan                     whom to grade, whose report is still right, who is done
interrupt                Ctrl-C meanwhile
settings, inherited      what nbgrader_config.py may set; what holds of what others set
mended                   what of nbgrader is replaced
apart, formgrader        what of it runs in a server: verbs in processes of their own, the page that staff mark on
entered, roster          due dates and tables of students that instructors enter by nbgrader's own commands
intake                   whose folders are graded, and when something was handed in
gradebook, cells         where marks go, and for which cells
written, lateness        what grading wrote there before; what being late costs
given, stale             what a page of feedback says of marks; which pages have to be written anew
exports, term            marks for a learning platform, and for the overview of a term
exchange                 nbgrader's exchange: release, collect, feedback
unpack, collect          what Moodle and Canvas give to download; downloads: what their names say
"""

from nbgrader.coursedir import CourseDirectory

from grading.plugin.collect import LmsCollector
from grading.plugin.exchange import Collect, ReleaseAssignment, ReleaseFeedback
from grading.plugin.exports import CanvasExport, MoodleExport
from grading.plugin.given import ReadMarks
from grading.plugin.gradebook import WriteMarks
from grading.plugin.settings import Grading
from grading.plugin.steps import FeedbackExporter, Grade, ReleaseExporter, Repair, SubmissionExporter
from grading.plugin.unpack import LmsExtractor

__all__ = [
    "CanvasExport",
    "Collect",
    "CourseDirectory",
    "FeedbackExporter",
    "Grade",
    "Grading",
    "LmsCollector",
    "LmsExtractor",
    "MoodleExport",
    "ReadMarks",
    "ReleaseAssignment",
    "ReleaseExporter",
    "ReleaseFeedback",
    "Repair",
    "SubmissionExporter",
    "WriteMarks",
]
