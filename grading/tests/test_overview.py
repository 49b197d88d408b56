"""The lecturer's page: the numbers of a class, nothing of a student's that is more than text, and no half a file."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from grading.__main__ import main
from grading.arguments import parser_of_verbs
from grading.errors import GradingError
from grading.report import UNREAD, QuestionReport, Report
from grading.reporting import overview
from grading.reporting.marks import summary

EXERCISE = "ex02_softargmax"
ASKED = {
    "gaussian_scoremaps": 4,
    "scoremap_loss": 3,
    "argmax_decode": 3,
    "softargmax": 6,
    "SoftargmaxPose": 5,
    "model": 7,
}
MISTAKES = {
    "gaussian_scoremaps": [("peak_not_one", "the peak of a map is 1, whatever sigma is."), (None, "look at one map.")],
    "scoremap_loss": [("mean_over_pixels", "sum over the pixels of a map, and take the mean over the batch alone.")],
    "argmax_decode": [("x_y_swapped", "x counts columns and comes first.")],
    "softargmax": [("x_y_swapped", "x counts columns and comes first."), ("overflow", "subtract the largest score.")],
    "SoftargmaxPose": [("map_pixels", "multiply by the stride, and mind the centre of a pixel.")],
    "model": [("no_weights", "hand in the weights beside the notebook.")],
}
VERSIONS = {"python": "3.11.2", "torch": "2.11.0", "numpy": "2.3.5", "project": "0.1.0"}


def question(verdict: str, maximum: float, **more) -> QuestionReport:
    """Return an outcome with the points that its verdict earns: half of them for "partly"."""
    share = {"passed": 1.0, "partly": 0.5}.get(verdict, 0.0)
    return QuestionReport(share * maximum, maximum, verdict, **more)


def made_up(student: str, dice: random.Random) -> Report:
    """Return a report as a class of real students might give it: some excellent, some lost, some that hang."""
    skill, report = dice.betavariate(2.2, 1.1), Report(EXERCISE, student, versions=VERSIONS)
    report.seconds, report.peak_mb, report.forks = round(dice.lognormvariate(0, 0.8), 3), dice.randint(120, 480), 8
    for name, maximum in ASKED.items():
        if dice.random() < skill:
            report.questions[name] = question("passed", maximum)
        elif dice.random() < 0.2:
            report.questions[name] = question("not written", maximum, hint="this question is not written yet.")
        elif dice.random() < 0.08:
            report.questions[name] = question("timed out", maximum, hint="this took more than 20 s.")
            report.seconds += 20
        else:
            mistake, hint = dice.choice(MISTAKES[name])
            verdict = dice.choice(["partly", "wrong", "wrong"])
            report.questions[name] = question(
                verdict, maximum, hint=hint, mistake=mistake if verdict == "wrong" else None
            )
    lean = dice.random() < skill - 0.4
    extra = QuestionReport(0.0, 0.0, "passed" if lean else "not written", bonus=3.0 if lean else 0.0, bonus_maximum=3.0)
    report.questions["lean_softargmax"] = extra
    if dice.random() < 0.12:
        report.repairs = ["softargmax: the cell had lost its name", "model_check: a locked cell had been changed"]
    if dice.random() < 0.05:
        report.cells = [
            {"name": "own-7", "trouble": "endless: it ran for more than 20 s", "mode": "full", "errors": []}
        ]
    return report


def unreadable(student: str, reason: str) -> Report:
    """Return the report on a submission of which nothing could be read."""
    report = Report(EXERCISE, student, unreadable=reason, versions=VERSIONS)
    report.questions = {name: question("not graded", maximum, hint=reason) for name, maximum in ASKED.items()}
    report.questions["lean_softargmax"] = QuestionReport(0.0, 0.0, "not graded", hint=reason, bonus_maximum=3.0)
    return report


def write_class(course: Path, count: int) -> None:
    """Write the reports of a made-up class of `count` students below `course`."""
    dice = random.Random(7)
    for number in range(count):
        made = made_up(f"student_{number:03d}", dice)
        write(course, unreadable(made.student, "the notebook is empty") if number % 30 == 17 else made)


def write(course: Path, report: Report, name: str | None = None) -> Path:
    """Write a report where grading would, and return its path."""
    path = course / "grading/reports" / EXERCISE / f"{name or report.student}.json"
    report.write(path)
    return path


def page(course: Path, **options) -> BeautifulSoup:
    """Write the page and return it parsed."""
    return BeautifulSoup(overview.write_overview(course, EXERCISE, **options).read_text("utf-8"), "html.parser")


def words(tag) -> str:
    """Return the text of a part of the page, white space made single."""
    return " ".join(tag.get_text(" ").split())


def table(soup: BeautifulSoup, heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading, cells as text."""
    found = soup.find("h2", string=heading).find_next("table")
    return [[words(cell) for cell in row.find_all(["th", "td"])] for row in found.tbody.find_all("tr")]


@pytest.fixture
def three(tmp_path) -> Path:
    """A class of three whose numbers can be worked out by hand: 5 + 1 extra, 2, and nothing, of 5."""
    hint = "compute it by hand."
    for student, first, second, extra in (("ada", "passed", "passed", 1.0), ("ben", "partly", "wrong", 0.0)):
        report = Report("toy", student, seconds=2.0 if student == "ada" else 0.5, peak_mb=100, versions=VERSIONS)
        report.exercise = EXERCISE
        report.questions = {
            "double": question(first, 4),
            "total": question(second, 1, mistake="squared" if second == "wrong" else None, hint=hint),
            "triple": QuestionReport(0.0, 0.0, "passed" if extra else "wrong", bonus=extra, bonus_maximum=1.0),
        }
        write(tmp_path, report)
    cut = Report(EXERCISE, "cut", unreadable="the notebook is not JSON", versions=VERSIONS)
    cut.questions = {"double": question("not graded", 4), "total": question("not graded", 1)}
    cut.questions["triple"] = QuestionReport(0.0, 0.0, "not graded", bonus_maximum=1.0)
    write(tmp_path, cut)
    return tmp_path


def test_the_numbers_of_a_class_are_those_worked_out_by_hand(three):
    soup = page(three)
    assert overview.write_overview(three, EXERCISE) == three / "grading/overview" / f"{EXERCISE}.html"
    facts = {words(fact.dt): words(fact.dd) for fact in soup.find("dl").find_all("div")}
    # 6, 2 and 0 points: mean 8/3, median 2
    assert facts == {"students": "3", "mean": "2.7 of 5 + 1", "median": "2", "unreadable": "1", "repaired": "0"}
    assert table(soup, "Questions") == [
        ["double", "4", "2.00", "33 %", "", "1", "1", "·", "1"],  # passed, partly, wrong, not graded
        ["total", "1", "0.33", "33 %", "", "1", "·", "1", "1"],
        ["triple", "+1", "0.33", "33 %", "", "1", "·", "1", "1"],
    ]
    assert table(soup, "Frequent mistakes") == [
        ["1", "squared", "total", "compute it by hand.", "ben"],
        ["1", "none of the known ones", "triple", "", "ben"],
    ]
    assert table(soup, "Unreadable submissions") == [["cut", "the notebook is not JSON"]]
    assert table(soup, "Time and memory") == [["ada", "2.0", ""], ["ben", "0.5", ""]]
    assert [row[-2] for row in table(soup, "All students")] == ["6", "2", "0"]
    assert "2.7" not in words(soup.find(class_="class")) and not soup.find(class_="alarm")


def test_every_student_is_in_one_bar_of_the_histogram(three):
    bars = page(three).svg["aria-label"].split(". ")
    assert [bar for bar in bars if not bar.rstrip(". ").endswith(": 0")][:3] == [
        "0 to 0.5 points: 1",
        "2 to 2.5 points: 1",
        "5.5 to 6 points: 1",
    ]


@pytest.mark.parametrize("maximum", [1, 3, 7.5, 28, 31, 240, 5000])
def test_bins_are_few_and_lose_nobody(maximum):
    totals = [maximum * share / 20 for share in range(21)]
    found = overview._histogram(totals, maximum)
    bins = found["bins"]
    assert sum(one["count"] for one in bins) == 21 and len(bins) <= 16 and found["end"] >= maximum
    for one in bins[:-1]:
        assert one["count"] == sum(one["low"] <= total + 1e-9 < one["high"] for total in totals)


HOSTILE = "<script>alert(1)</script>'\" onload=alert(2) \u202etxt"


def test_nothing_of_a_student_is_more_than_text(three):
    report = Report(EXERCISE, HOSTILE, unreadable=HOSTILE, repairs=[HOSTILE], versions={HOSTILE: HOSTILE})
    report.questions = {"double": question("wrong", 4, mistake=HOSTILE, hint=HOSTILE, note=HOSTILE)}
    report.cells = [{"name": HOSTILE, "trouble": HOSTILE}]
    report.isolation_missing = {HOSTILE: HOSTILE}
    name = HOSTILE.replace("/", "\u2215")
    path = write(three, report, name)
    path.with_name(f"damaged {name}.json").write_text(HOSTILE)
    feedback = three / "grading/feedback" / name / EXERCISE / f"{EXERCISE}.html"
    feedback.parent.mkdir(parents=True)
    feedback.write_text("feedback")
    soup = page(three)
    assert not soup.find_all(["script", "img", "link", "iframe", "object", "embed", "base", "form"])
    allowed = {"href", "style", "class", "title", "scope", "id", "lang", "charset", "name", "content", "http-equiv"}
    for tag in soup.find_all(True):
        extra = {name for name in tag.attrs if not name.startswith("aria")} - allowed
        assert not extra or tag.find_parent("svg") or tag.name == "svg", (tag.name, extra)
        assert not any(name.startswith("on") for name in tag.attrs)
    assert words(soup).count("<script>alert(1)</script>'\"") >= 10
    links = [link["href"] for link in soup.find_all("a")]
    assert all(re.fullmatch(r"\.\./(reports|feedback)/[\w%./~-]+", link) for link in links)
    assert sum("feedback" in link for link in links) == 1
    for link in links:
        from urllib.parse import unquote

        assert (three / "grading/overview" / unquote(link)).is_file(), link
    assert not re.search(r"https?:|//|url\(|@import", soup.style.string)


def test_an_answer_that_could_not_be_read_is_no_failure_of_the_check(three):
    report = Report(EXERCISE, "zoe")
    report.questions = {"double": question("wrong", 2, note=f"1 answers to double {UNREAD}: KeyError: 'x'")}
    write(three, report)
    alarms = [words(alarm) for alarm in page(three).find_all(class_="alarm")]
    assert not any("failed themselves" in alarm for alarm in alarms)
    assert any(alarm.startswith("Answers that no check could read") and "KeyError: 'x'" in alarm for alarm in alarms)


def test_what_went_wrong_with_the_grading_itself_stands_on_top(three):
    report = Report(EXERCISE, "zoe", versions={"torch": "1.0"}, isolation_missing={"seccomp": "no such library"})
    report.questions = {"double": question("not graded", 2, note="KeyError: 'x'")}
    write(three, report)
    soup = page(three)
    alarms = [words(alarm) for alarm in soup.find_all(class_="alarm")]
    assert len(alarms) == 3 and soup.find("dl").find_previous("section") is soup.find_all(class_="alarm")[-1]
    assert alarms[0].startswith("Checks failed themselves") and "double , 1 student ( zoe ): KeyError: 'x'" in alarms[0]
    assert "other questions" in alarms[1] and "1 report: torch 1.0" in alarms[1]
    assert "1 submission ran without seccomp : no such library" in alarms[2]
    assert "not asked" in words(soup.find(class_="class"))


DAMAGES = {
    "text": lambda data: "{",
    "no mark": lambda data: {**data, "questions": {"q": {"points": 9, "maximum": 1, "verdict": "passed"}}},
    "repairs": lambda data: {**data, "repairs": 5},
    "hint": lambda data: {**data, "questions": {"q": {"points": 0, "maximum": 1, "verdict": "wrong", "hint": None}}},
    "seconds": lambda data: {**data, "seconds": "long"},
    "not finite": lambda data: {**data, "seconds": float("inf")},
    "cells": lambda data: {**data, "cells": [1]},
    "student": lambda data: {**data, "student": None},
    "versions": lambda data: {**data, "versions": None},
    "exercise": lambda data: {**data, "exercise": "another"},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_report_is_named_and_the_others_are_shown(three, damage):
    data = DAMAGES[damage](json.loads((three / "grading/reports" / EXERCISE / "ben.json").read_text()))
    path = three / "grading/reports" / EXERCISE / "dora.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    soup = page(three)
    assert "1 report cannot be read" in words(soup.find(class_="alarm")) and "dora" in words(soup.find(class_="alarm"))
    assert [row[0] for row in table(soup, "All students")] == ["ada", "ben", "cut"]
    assert words(soup.find("dl").dd) == "4"


def test_without_reports_there_is_a_message_and_no_page(tmp_path, capsys):
    with pytest.raises(GradingError, match="nothing is graded yet"):
        overview.write_overview(tmp_path, EXERCISE)
    assert main(["overview", EXERCISE, "--course", str(tmp_path)]) == 1
    assert "nothing is graded yet" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_only_damaged_reports_make_a_page_that_says_so(tmp_path):
    folder = tmp_path / "grading/reports" / EXERCISE
    folder.mkdir(parents=True)
    (folder / "ada.json").write_text("[]")
    soup = page(tmp_path)
    assert "No sound report" in words(soup) and "ada" in words(soup.find(class_="alarm")) and not soup.svg


def test_whoever_has_left_is_in_neither_page_nor_table(three, capsys):
    (three / "grading/withdrawn.csv").write_text("student\nben\n")
    assert main(["marks", EXERCISE, "--course", str(three)]) == 0
    assert "ada" in (marks := capsys.readouterr().out) and "ben" not in marks
    text = words(page(three))
    assert "ada" in text and "ben" not in text


def test_a_course_may_be_named_from_where_one_is(three, monkeypatch):
    """Other programs start in its folder, and paths are told from there: `.` is enough."""
    monkeypatch.chdir(three)
    named = parser_of_verbs().parse_args(["autograde", EXERCISE, "--course", "."]).course
    assert named == three.resolve() and "overview: grading/overview/" in summary(named, EXERCISE)


def test_one_report_makes_a_page(tmp_path):
    write(tmp_path, made_up("ada", random.Random(1)))
    assert len(table(page(tmp_path), "All students")) == 1


def test_a_page_that_cannot_be_written_leaves_nothing_behind(three, tmp_path):
    target = tmp_path / "page.html"
    target.mkdir()
    with pytest.raises(OSError):
        overview.write_overview(three, EXERCISE, target)
    assert not list(tmp_path.glob("*.part")) and not list(target.iterdir())


def test_a_class_of_500_with_its_reports_elsewhere(tmp_path, capsys):
    write_class(tmp_path, 500)
    (tmp_path / "grading").rename(tmp_path / "sample")
    (tmp_path / "sample/feedback/student_003" / EXERCISE).mkdir(parents=True)
    (tmp_path / "sample/feedback/student_003" / EXERCISE / f"{EXERCISE}.html").write_text("feedback")
    to = tmp_path / "elsewhere/page.html"
    arguments = [EXERCISE, "--course", str(tmp_path), "--to", str(to), "--reports", str(tmp_path / "sample/reports")]
    assert main(["overview", *arguments]) == 0 and capsys.readouterr().out.strip() == str(to)
    soup = BeautifulSoup(to.read_text(), "html.parser")
    rows, counts = table(soup, "All students"), table(soup, "Questions")
    assert len(rows) == 500 and all(sum(int(n) for n in row[5:] if n != "·") == 500 for row in counts)
    assert len(table(soup, "Time and memory")) == 10 and len(table(soup, "Unreadable submissions")) == 17
    link = f"../sample/feedback/student_003/{EXERCISE}/{EXERCISE}.html"
    assert [one["href"] for one in soup.find_all("a") if "feedback" in one["href"]] == [link]


def test_headers_belong_to_columns_and_rows_and_colours_have_words_beside_them(three):
    soup = page(three)
    assert soup.html["lang"] == "en" and soup.title.string and soup.svg["aria-label"]
    assert all(header.get("scope") in ("col", "row") for header in soup.find_all("th"))
    assert all(words(header) for header in soup.select("thead th"))
    marks = soup.select(".class .sign")
    assert marks and all(mark["aria-label"] and words(mark) for mark in marks)
