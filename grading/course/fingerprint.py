"""What a report depends on, as one hash: a report with the right fingerprint need not be made again.

    course_fingerprint(course, limits, isolation, secret)   checks, answers, helpers, limits, secret, versions
    report_fingerprint(course_fingerprint, submission)      the same with what was handed in
    writing_fingerprint()                                   what makes marks and graded notebooks out of reports

All are hashes of contents, so neither a clock nor a copy of the folder changes them. `files_of` is the short cut for
a class of hundreds: size and times of what a submission may be read from, usually two files, by which an untouched one
is known without reading it.

Of Python files counts what they do (`grading.course.code_hash`), of notebooks what grading takes from them: a comment
or a typo in a task costs nobody a second grading. Whatever else there is counts by its bytes, hints and data among it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import re
import stat
import time
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

from grading.course.code_hash import CodeHashes, hash_of_code
from grading.course.course import Course
from grading.errors import CourseError, UnreadableSubmission
from grading.limits import Limits
from grading.submission.files import listed
from grading.submission.read import Submission, may_count, text_of
from grading.submission.roles import CellData, answer_name, is_answer, is_setup, nbgrader_of, question_of
from helpers.files import ROOT

__all__ = [
    "MARKING", "WRITING", "course_fingerprint", "files_of", "project_fingerprint", "report_fingerprint",
    "writing_fingerprint",
]  # fmt: skip

# Whose next version may give other marks: IPython turns cells into Python, pycocotools counts AP.
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "safetensors", "pycocotools", "ipython")
# What decides a report. Each of these is walked whole: what lies there and decides nothing costs a class that is graded
# once more, and what moved away would cost marks that are no longer right.
MARKING = (
    "helpers",
    "data",
    "grading/submission",
    "grading/course",
    "grading/isolation",
    "grading/examination",
    "grading/errors.py",
    "grading/limits.py",
    "grading/report.py",
)
# What writes marks and graded notebooks from reports: a change has them written again, and nobody graded.
WRITING = ("grading/plugin", "grading/reporting/feedback.py", "grading/reporting/bounds.py")
# Below them: tests, what was rendered, and photos that a lecturer put there; what makes a release, whose notebooks and
# tables count themselves, and what hands marks on or saves them. None of it is asked in grading.
NO_PART = (
    "helpers/tests", "data/cache", "data/leeds_sports", "data/camvid", "data/isbi2012", "data/coco2017",
    "data/photo_pack",
    "grading/course/release.py", "grading/course/bake.py", "grading/course/backup.py", "grading/course/lock.py",
    "grading/plugin/exports.py",
)  # fmt: skip
# What no code reads: texts, notebooks, and what editors, merges and file managers leave behind.
LEFT_BEHIND = re.compile(r"[.#].*|.*~|.*\.(md|ipynb|orig|rej|bak|tmp|part|pyc)|Thumbs\.db|__pycache__")
SETTLED_NS = 2_000_000_000  # a file changed in the very tick in which it was read would look unchanged ever after


def project_fingerprint() -> str:
    """Return the hash of this project's own part: `helpers`, `data` and what grades."""
    return _hash_of((path for place in MARKING for path in _walked(ROOT, place)), ROOT)


def writing_fingerprint() -> str:
    """Return the hash of what writes marks from reports."""
    return _hash_of((path for place in WRITING for path in _walked(ROOT, place)), ROOT)


def _walked(root: Path, place: str) -> list[Path]:
    """Return the files at or below a place but for NO_PART and LEFT_BEHIND.

    Raises:
        CourseError: there is no such place, so that what was moved away cannot drop out unseen.
    """
    if not (root / place).exists():
        raise CourseError(f"{root / place} decides marks, and is not there: was it moved, or is this no whole copy?")
    found, led = [root / place] if (root / place).is_file() else [], set[Path]()
    for folder, folders, files in os.walk(root / place, followlinks=True):
        here = Path(os.path.relpath(folder, root))  # a lecturer's own checks may lie beside the course
        folders[:] = [n for n in folders if (here / n).as_posix() not in NO_PART and not LEFT_BEHIND.fullmatch(n)]
        folders[:] = [name for name in sorted(folders) if _is_new(Path(folder, name), led)]
        files = [name for name in files if (here / name).as_posix() not in NO_PART]
        found += [Path(folder, name) for name in files if not LEFT_BEHIND.fullmatch(name)]
    return found


def _is_new(folder: Path, led: set[Path]) -> bool:
    """Return whether a folder is to be walked: each that links lead to once, and none in which the link lies itself."""
    if not folder.is_symlink():
        return True
    target = folder.resolve()
    is_new = target not in led and not folder.parent.resolve().is_relative_to(target)
    led.add(target)
    return is_new


def course_fingerprint(course: Course, limits: Limits, isolation: str, secret: bytes) -> str:
    """Return the hash of everything but the submission that decides a report.

    Of the hidden checks that is the exercise's own module and whatever lies beside it to help, but not the modules of
    other exercises: a change of one exercise's hidden checks leaves the reports on the others right. All known wrong
    versions and stand-ins count, for one exercise's may be made from another's.
    """
    own = [course.checks_package.replace(".", "/")] if course.checks_package != "helpers.checks" else []
    own += [folder for folder in (course.known_wrong, course.stand_ins) if (course.root / folder).exists()]
    found = [path for place in own for path in _walked(course.root, place)]
    hidden = _walked(course.root, course.hidden_checks)
    found += [path for path in hidden if path == course.hidden_module or not fnmatch(path.name, "test_*.py")]
    own_secret = hashlib.sha256(b"course key" + secret).hexdigest()
    parts: list[object] = [project_fingerprint(), _hash_of(found, course.root), own_secret, *_of_notebooks(course)]
    parts += [dataclasses.asdict(limits), isolation, course.exercise, _versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _of_notebooks(course: Course) -> Iterator[list[object]]:
    """Give what grading takes from the exercise's notebooks, as they are now.

    Of the released one that is every cell that has a name, word for word, for a student's is compared with it, and the
    text of all other code, by which one of several notebooks is told. Of the solution it is what `reference_answers`
    runs, as code. Tasks and other texts only stand there: a graded notebook shows the student's own.
    """
    course = dataclasses.replace(course)  # which has not been read yet
    for cell in course.released["cells"]:
        if name := nbgrader_of(cell).get("grade_id"):
            yield [name, cell["cell_type"], cell.get("id"), nbgrader_of(cell), cell["source"]]
        elif cell["cell_type"] == "code":
            yield [cell["source"]]
    for cell in course.solution["cells"]:
        if cell["cell_type"] == "code" and question_of(cell) is None:
            yield [*_role(cell), hash_of_code(cell["source"].encode("utf-8", "surrogatepass"))]


def _role(cell: CellData) -> list[object]:
    """Return what a cell of the solution is run for."""
    if is_answer(cell):
        return ["answer", nbgrader_of(cell)["grade_id"], answer_name(cell)]
    return ["setup" if is_setup(cell) else "definitions"]


def report_fingerprint(course: str, submission: Submission) -> str:
    """Return the hash of a submission as it was read, with the course's fingerprint."""
    parts = [course, submission.hash, submission.unreadable, submission.notes]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def files_of(folder: Path, exercise: str) -> dict[str, list[int]]:
    """Return size, times and number of all files in a submission's folder that may be the notebook or the weights;
    empty where they must be read again.

    That is so where one of them is no plain file or the notebook has another name, where the student's folder is a
    link, and for two seconds after a change.
    """
    if folder.parent.is_symlink():  # nothing is read from there, and what it leads to may later lie here itself
        return {}
    found, now = {}, time.time_ns()
    try:
        names = [file.path for file in listed(folder) if may_count(file.name, exercise)]
    except UnreadableSubmission:
        return {}
    for name in names:
        try:
            state = (folder / name).lstat()
        except OSError:
            return {}
        if not stat.S_ISREG(state.st_mode) or max(state.st_ctime_ns, state.st_mtime_ns) > now - SETTLED_NS:
            return {}
        found[text_of(name)] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    return found if f"{exercise}.ipynb" in found else {}


def _hash_of(paths: Iterable[Path], root: Path) -> str:
    """Return the hash of files by their places below `root` and what they say, in a fixed order."""
    whole, codes = hashlib.sha256(), CodeHashes(ROOT / "grading" / "cache" / "code_hashes.txt")
    for path in sorted({path for path in paths if path.is_file()}):
        name = Path(os.path.relpath(path, root)).as_posix()
        data = path.read_bytes()
        said = codes.of(data) if path.suffix == ".py" else hashlib.sha256(data).hexdigest()
        whole.update(f"{name}\0{said}".encode())
    codes.keep()
    return whole.hexdigest()


def _versions() -> list[str]:
    versions = [platform.python_version(), platform.machine()]
    for name in PACKAGES:
        try:
            versions.append(metadata.version(name))
        except metadata.PackageNotFoundError:
            versions.append("-")
    return versions
