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
from importlib import metadata
from pathlib import Path

from grading.answers import Course
from grading.sandbox import Limits
from grading.submission import Submission

__all__ = ["course_key", "files_of", "report_key"]

PROJECT = Path(__file__).resolve().parent.parent
# Of this package, what shows or exports marks changes none.
NO_PART_OF_A_MARK = {"__main__.py", "overview.py", "nbgrader_exports.py", "verify.py", "sample_class.py", "release.py"}
SETTLED_NS = 2_000_000_000  # a file changed in the very tick in which it was read would look unchanged ever after


def course_key(course: Course, limits: Limits, isolation: str, secret: bytes) -> str:
    """Return the hash of everything but the submission that decides a report."""
    key = hashlib.sha256()
    for path in _files(course):
        key.update(str(path.name).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    settings = [dataclasses.asdict(limits), isolation, course.exercise, _versions()]
    key.update(json.dumps(settings, sort_keys=True).encode())
    key.update(hashlib.sha256(b"course key" + secret).digest())
    return key.hexdigest()


def report_key(course: str, submission: Submission) -> str:
    """Return the hash of a submission as it was read, under the course's key."""
    parts = [course, submission.hash, submission.unreadable, submission.notes]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def files_of(folder: Path, exercise: str) -> dict[str, list[int]]:
    """Return size, times and number of the files in a submission's folder; empty where they must be read again.

    That is so where the notebook has another name or is no plain file, and for two seconds after a change.
    """
    found, now = {}, time.time_ns()
    for name in (f"{exercise}.ipynb", f"{exercise}.safetensors"):
        try:
            state = (folder / name).lstat()
        except OSError:
            continue
        if not stat.S_ISREG(state.st_mode) or max(state.st_ctime_ns, state.st_mtime_ns) > now - SETTLED_NS:
            return {}
        found[name] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    return found if f"{exercise}.ipynb" in found else {}


def _files(course: Course) -> list[Path]:
    """Return every file that decides marks, in a fixed order."""
    helpers = [path for path in (PROJECT / "helpers").rglob("*") if path.suffix in (".py", ".toml", ".safetensors")]
    data = [path for path in (PROJECT / "data").rglob("*") if path.is_file()]
    found = [path for path in helpers if "tests" not in path.parts]
    found += [path for path in data if "cache" not in path.relative_to(PROJECT).parts]
    found += [path for path in (PROJECT / "grading").glob("*.py") if path.name not in NO_PART_OF_A_MARK]
    own = [course.root / course.checks_package.replace(".", "/")] if course.checks_package != "helpers.checks" else []
    found += [path for folder in own for path in folder.rglob("*.py")]
    found += sorted((course.root / course.known_wrong).glob("*.py"))
    found += [course.hidden_module, *(course.notebook_path(folder) for folder in (course.source, course.release))]
    return sorted({path for path in found if path.is_file()})


def _versions() -> list[str]:
    versions = [platform.python_version(), platform.machine()]
    for name in ("torch", "torchvision", "numpy", "scipy", "safetensors"):
        try:
            versions.append(metadata.version(name))
        except metadata.PackageNotFoundError:
            versions.append("-")
    return versions
