"""Pytest over the hidden module of one exercise: silent, in this process, with a plugin of our own that counts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator

import pytest

from grading.course.course import Course
from grading.errors import CourseError
from grading.examination.outcome import Asked, Checked, Examined

__all__ = ["HiddenChecks", "run"]

QUIET = (
    "terminal",
    "cacheprovider",
    "faulthandler",
    "logging",
    "warnings",
    "threadexception",
    "unraisableexception",
    "junitxml",
    "doctest",
    "tmpdir",
    "stepwise",
    "pastebin",
    "setuponly",
    "setupplan",
    "capture",
    "legacypath",
)


class HiddenChecks:
    """The pytest plugin of one run: hands out the fixture `submission`, adds up points, keeps what each failing test
    raised.

    Args:
        examinee: what the fixture is, with a `trail` of what it asked for; None where tests are collected and not run.
        found: by question, takes what its tests found.
        only: the one question whose tests run; None for all.
    """

    def __init__(self, examinee: object, found: dict[str, Examined], only: str | None = None) -> None:
        self.examinee, self.found, self.only = examinee, found, only
        self.trail: list[Asked] = getattr(examinee, "trail", [])
        self.errors: list[str] = []
        self.chosen: set[str] = set()  # the tests that are to run, and those that did
        self.ran: set[str] = set()

    @pytest.fixture
    def submission(self) -> object:
        return self.examinee

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(question, points): what a hidden check is worth")
        config.addinivalue_line("markers", "bonus(question, points): extra points that a hidden check is worth")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr)[-2000:])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.only is not None:
            items[:] = [item for item in items if (marker := _worth(item)) and marker.args[:1] == (self.only,)]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.chosen = {item.nodeid for item in session.items}
        for item in session.items:
            marker = _worth(item)
            if marker is None or len(marker.args) != 2:
                self.errors.append(f"{item.name} lacks @pytest.mark.points(question, points), or bonus in its place")
                continue
            question, points = marker.args
            found = self.found.setdefault(question, Examined())
            if marker.name == "bonus":
                found.bonus_maximum += float(points)
            else:
                found.maximum += float(points)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" or call.excinfo is not None:
            self.ran.add(item.nodeid)
        marker = _worth(item)
        assert marker is not None  # `Grader` has collected the points before, and would have refused this course
        question, points = marker.args
        found = self.found[question]
        if call.excinfo is not None:
            failure = call.excinfo.value
            failure.__traceback__ = failure.__context__ = None  # their frames hold all that came back, some 100 MB
            found.failures.append(failure)
        elif call.when == "call" and marker.name == "bonus":
            found.bonus += float(points)
        elif call.when == "call":
            found.points += float(points)
        if call.when == "call" or call.excinfo is not None:
            raised = call.excinfo.value if call.excinfo else None
            found.checks.append(Checked(item.name, float(points), marker.name == "bonus", raised, self.trail[:]))
            self.trail.clear()
        return report


def _worth(item: pytest.Item) -> pytest.Mark | None:
    """Return the marker that says what a test is worth: points, or extra points; None unless it is exactly one."""
    markers = [*item.iter_markers("points"), *item.iter_markers("bonus")]
    return markers[0] if len(markers) == 1 else None


def run(course: Course, checks: HiddenChecks, *options: str) -> None:
    """Run pytest over the hidden module of `course`, silently and on nothing but that module.

    Raises:
        CourseError: there is no such module, or it cannot be run.
        KeyboardInterrupt: after Ctrl-C.
    """
    if not course.hidden_module.is_file():
        raise CourseError(f"there are no hidden checks at {course.hidden_module}")
    line = ["-c", os.devnull, "--rootdir", str(course.root), "--noconftest", "--import-mode=importlib"]
    line += ["--confcutdir", str(course.hidden_module.parent)]  # else every folder above is listed, each time
    line += [argument for name in QUIET for argument in ("-p", f"no:{name}")]
    path = str(course.hidden_module)
    within: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if "[" in path or "::" in path:  # in a path pytest takes them for the name of a test
        path, within = os.path.relpath(path, course.root), contextlib.chdir(course.root)
    with _deaf(), within:
        code = pytest.main([*line, *options, path], plugins=[checks])
    if code == pytest.ExitCode.INTERRUPTED and not checks.errors:
        raise KeyboardInterrupt  # pytest keeps Ctrl-C to itself
    if checks.errors or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise CourseError(f"{course.hidden_module.name} cannot be run: {'; '.join(checks.errors) or code}")
    if "--collect-only" not in options and checks.ran != checks.chosen:
        raise CourseError(f"{len(checks.ran)} of {len(checks.chosen)} checks of {course.hidden_module.name} ran")


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Let pytest hear nothing of the environment, PYTEST_ADDOPTS say, and of installed plugins."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("PYTEST_", "PY_COLORS"))}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        os.environ.update(before)
