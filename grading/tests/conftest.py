"""The toy course and its parts, made once for all tests of grading that ask for them; slow files come first."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # toy_course

import kill_loop
import toy_course

from grading.course import held_out
from grading.course.course import Course
from grading.examination.grader import Grader
from grading.isolation.forkserver import ForkServer, start_fork_server
from grading.limits import Limits

# What takes longest, by `build/durations/summary.txt`: two processes end together only if nothing long starts last.
SLOWEST_FIRST = (
    "test_whole_term",
    "test_sample_class", "test_answers", "test_jupyterlab", "test_bank", "test_follow_on", "test_faults", "test_many",
    "test_mutants",
)  # fmt: skip
LIMITS = Limits(cell_seconds=2, question_seconds=2, submission_seconds=20, memory_mb=400, file_mb=8, weights_mb=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first; within a file all stays as it is."""
    places = {name: place for place, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Iterator[Course]:
    """The toy course, released by stock nbgrader; its checks can be imported."""
    root = toy_course.make_course(tmp_path_factory.mktemp("course"))
    sys.path.append(str(root))
    yield Course(root, toy_course.EXERCISE, "toy_checks")
    sys.path.remove(str(root))


@pytest.fixture(scope="session")
def release(course) -> dict:
    """The released toy notebook."""
    return toy_course.released(course.root)


@pytest.fixture(scope="session")
def fork_server(course) -> Iterator[ForkServer]:
    """A fork server for the toy course, with tight limits."""
    process = start_fork_server(course, LIMITS)
    yield process
    process.close()


@pytest.fixture(scope="session")
def grader(course) -> Iterator[Grader]:
    """A grader of the toy course, with tight limits."""
    made = Grader(course, start_fork_server(course, LIMITS), course.root / "grading" / "course_secret")
    yield made
    made.close()


@pytest.fixture(scope="session")
def small_class(course, tmp_path_factory) -> tuple[Path, dict]:
    """The small class of the kill loop, graded by stock nbgrader in one process, and what came out.

    It is graded once for all test processes of a run; who asks for it takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small_class"
    place.mkdir(exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "graded").exists():
            root = toy_course.fresh_copy(course.root, place / "course")
            kill_loop.a_small_class(root)
            time.sleep(2.1)  # files younger than that are read again, whatever they look like
            done = toy_course.nbgrader(root, "autograde", "toy")
            assert done.returncode == 0, done.stderr
            (place / "graded").touch()
    return place / "course", kill_loop.outcome(place / "course")


@pytest.fixture(scope="module")
def own_secret(tmp_path_factory) -> Iterator[None]:
    """Let held-out scenes be drawn from a course secret of the test's own, and be kept apart from the course's."""
    folder = tmp_path_factory.mktemp("grading")
    drawn = held_out.held_out_people, held_out.held_out_masks, held_out.held_out_crowds
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held_out, "GRADING", folder)
        patch.setattr(held_out, "_secret", None)  # whatever was graded before
        for scenes in drawn:
            scenes.cache_clear()
        yield
    for scenes in drawn:
        scenes.cache_clear()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread, as the worker does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
