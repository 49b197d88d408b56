"""What a report depends on, as one hash: a report whose key is still right need not be made again.

    course_key(course, limits, isolation, secret)   checks, answers, helpers, limits, secret, versions
    report_key(course_key, submission)              the same with what was handed in

Both are hashes of contents, so neither a clock nor a copy of the folder changes them. `files_of` is the short cut for
a class of hundreds: size and times of the two files that a submission usually is, by which an untouched one is known
without reading it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import stat
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from grading.answers import Course
from grading.sandbox import Limits
from grading.submission import Submission

__all__ = ["course_key", "files_of", "project_key", "report_key"]

PROJECT = Path(__file__).resolve().parent.parent
CHECKS = (".py", ".toml", ".safetensors")  # code, hints, baked tables
# Whose next version may give other marks: IPython turns cells into Python, pycocotools counts AP.
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "safetensors", "pycocotools", "ipython")
# Of this package, what shows or exports marks changes none.
NO_PART_OF_A_MARK = {"__main__.py", "overview.py", "nbgrader_exports.py", "verify.py", "sample_class.py", "release.py"}
SETTLED_NS = 2_000_000_000  # a file changed in the very tick in which it was read would look unchanged ever after


def project_key() -> str:
    """Return the hash of this project's own part: `helpers`, `data` and what grades."""
    found = [path for path in (PROJECT / "helpers").rglob("*") if path.suffix in CHECKS]
    found = [path for path in found if "tests" not in path.parts]
    found += [path for path in (PROJECT / "data").rglob("*") if "cache" not in path.relative_to(PROJECT).parts]
    found += [path for path in (PROJECT / "grading").glob("*.py") if path.name not in NO_PART_OF_A_MARK]
    return _hash_of(found)


def course_key(course: Course, limits: Limits, isolation: str, secret: bytes) -> str:
    """Return the hash of everything but the submission that decides a report.

    Of the hidden checks that is the exercise's own module and whatever lies beside it to help, but not the modules of
    other exercises: a change of one exercise's hidden checks leaves the reports on the others right. All known wrong
    versions count, for one exercise's may be made from another's.
    """
    own = [course.root / course.checks_package.replace(".", "/")] if course.checks_package != "helpers.checks" else []
    found = [path for folder in own for path in folder.rglob("*") if path.suffix in CHECKS]
    found += (course.root / course.known_wrong).glob("*.py")
    hidden = (course.root / course.hidden_checks).glob("*.py")
    found += [path for path in hidden if path == course.hidden_module or not path.name.startswith("test_")]
    found += [course.notebook_path(folder) for folder in (course.source, course.release)]
    parts = [project_key(), _hash_of(found), hashlib.sha256(b"course key" + secret).hexdigest()]
    parts += [dataclasses.asdict(limits), isolation, course.exercise, _versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def report_key(course: str, submission: Submission) -> str:
    """Return the hash of a submission as it was read, under the course's key."""
    parts = [course, submission.hash, submission.unreadable, submission.notes]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def files_of(folder: Path, exercise: str) -> dict[str, list[int]]:
    """Return size, times and number of the files in a submission's folder; empty where they must be read again.

    That is so where the notebook has another name or is no plain file, and for two seconds after a change.
    """
    found, now = {}, time.time_ns()
    if folder.is_symlink():  # what lies behind is not read either
        return {}
    for name in (f"{exercise}.ipynb", f"{exercise}.safetensors"):
        try:
            state = (folder / name).lstat()
        except OSError:
            continue
        if not stat.S_ISREG(state.st_mode) or max(state.st_ctime_ns, state.st_mtime_ns) > now - SETTLED_NS:
            return {}
        found[name] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    return found if f"{exercise}.ipynb" in found else {}


def _hash_of(paths: Iterable[Path]) -> str:
    """Return the hash of files by name and content, in a fixed order."""
    key = hashlib.sha256()
    for path in sorted({path for path in paths if path.is_file()}):
        key.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return key.hexdigest()


def _versions() -> list[str]:
    versions = [platform.python_version(), platform.machine()]
    for name in PACKAGES:
        try:
            versions.append(metadata.version(name))
        except metadata.PackageNotFoundError:
            versions.append("-")
    return versions
