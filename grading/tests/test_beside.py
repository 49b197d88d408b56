"""What lies beside a notebook: found wherever it is, one of several told by what it says, and no archive is trusted."""

import dataclasses
import io
import json
import sys
import time
import tracemalloc
import zipfile

import pytest
import toy_course
from toy_course import filled, hand_in

from grading.errors import UnreadableSubmission
from grading.examination import grader as examination
from grading.examination.beside import say_what_lay_beside
from grading.examination.deadline import Deadline, DeadlinePassed, within
from grading.isolation.session import Cell
from grading.limits import Limits
from grading.report import QuestionReport
from grading.submission import bound
from grading.submission import read as reading
from grading.submission.files import MAX_ENTRIES, listed, unpacked
from grading.submission.read import Submission, read_submission
from helpers.checks.engine.limits import QUESTION_SECONDS, WEIGHTS_MB

ROOT = toy_course.PROJECT
GOOD = toy_course.weights()


def zipped(files, **options):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def read(folder, release):
    return read_submission(folder, "toy", 5, 1, release)


def with_weights(tmp_path, release, files):
    """Return what is read of a good notebook with these files beside it, the folders made that they lie in."""
    folder = hand_in(tmp_path, "ada", filled(release))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return read(folder, release)


def read_from(tmp_path, release, files):
    """Return what is read of a folder with these files; those below a folder called `.zip` lie in an archive."""
    folder = hand_in(tmp_path, "ada", None)
    packed = {name: content for name, content in files.items() if ".zip/" in name}
    for archive in {name.partition("/")[0] for name in packed}:
        files = {archive: zipped({name.partition("/")[2]: content for name, content in packed.items()})}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return read(folder, release)


# --- the notebook ----------------------------------------------------------------------------------------------------


def test_two_drafts_of_which_one_was_set_aside_by_its_name_are_one(tmp_path, release):
    draft = filled(release, double="def double(x):\n    return x + 1")
    for old in ("mine_old.ipynb", "mine-backup2.ipynb", "Archive/mine.ipynb", "old/mine.ipynb", "mine.bak.ipynb"):
        folder = hand_in(tmp_path / old.replace("/", " "), "ada", None)
        (folder / old).parent.mkdir(exist_ok=True)
        (folder / old).write_text(json.dumps(draft))
        (folder / "golden.ipynb").write_text(json.dumps(filled(release)))  # "old" in a word says nothing
        assert "the notebook was called golden.ipynb" in read(folder, release).notes


@pytest.mark.parametrize("place", ["", "toy/", "toy.zip/toy/"])
@pytest.mark.parametrize("beside", ["backup/toy.ipynb", "experiments/toy.ipynb", "toy-Copy1.ipynb", "old.ipynb"])
def test_a_copy_with_one_more_try_does_not_stand_in_for_the_named_one(tmp_path, release, place, beside):
    tried = filled(release)
    tried["cells"].insert(2, toy_course.cell("code", "double(3)"))
    old = beside.rpartition("/")[0] + "/toy.safetensors"
    files = {"toy.ipynb": json.dumps(filled(release)).encode(), beside: json.dumps(tried).encode()}
    files |= {old.lstrip("/"): GOOD[:-1] + b"\1", "toy.safetensors": GOOD}
    submission = read_from(tmp_path, release, {place + name: content for name, content in files.items()})
    assert submission.weights == GOOD and not any("double(3)" == cell["source"] for cell in submission.cells)


def test_of_a_notebook_and_what_was_set_aside_the_kept_one_counts_though_it_says_less(tmp_path, release):
    less = filled(release, double=toy_course.named(release, "double")["source"])
    files = {"toy.ipynb": json.dumps(less).encode(), "backup/toy.ipynb": json.dumps(filled(release)).encode()}
    assert read_from(tmp_path, release, files).notes == ["not used, for toy.ipynb counts: backup/toy.ipynb"]


@pytest.mark.parametrize("copies", [["a/toy.ipynb", "b/toy.ipynb"], ["mine.ipynb", "x/toy.ipynb"]])
def test_of_equal_answers_without_a_name_on_top_that_with_more_beside_counts(tmp_path, release, copies):
    tried = filled(release)
    tried["cells"].insert(2, toy_course.cell("code", "double(3)"))
    for less, more in (copies, copies[::-1]):
        files = {less: json.dumps(filled(release)).encode(), more: json.dumps(tried).encode()}
        assert f"the notebook was called {more}" in read_from(tmp_path / more[0], release, files).notes


def test_notebooks_that_take_much_memory_share_what_there_is(tmp_path, release, monkeypatch):
    for module in (bound, reading):
        monkeypatch.setattr(module, "MOST_MB", 20)
    bomb = '{"cells": [{"cell_type": "code", "source": "%d", "outputs": [' + "[[[[[[]]]]]]," * 30_000 + "1]}]}"
    names = [f"{number}.ipynb" for number in range(7)]
    files = {name: (bomb % number).encode() for number, name in enumerate(names)}
    good = {"toy.ipynb": json.dumps(filled(release)).encode()}
    tracemalloc.start()
    submission = read_from(tmp_path, release, {"0.ipynb": files["0.ipynb"], "all.zip": zipped(files | good)})
    assert tracemalloc.get_traced_memory()[1] < 45e6
    tracemalloc.stop()
    assert "the notebook was called all.zip/toy.ipynb" in submission.notes
    assert "not used: all.zip/6.ipynb was not looked at, for there is much else" in submission.notes


def test_what_is_read_of_notebooks_is_bounded_once_for_folder_and_archive(tmp_path, release):
    large = [json.dumps(filled(release, words_1="x" * (4 << 20) + str(number))).encode() for number in range(3)]
    unanswered = json.dumps({"cells": [{"source": "y" * (4 << 20)}]}).encode()
    files = {
        "a.ipynb": unanswered,
        "all.zip": zipped({f"{n}.ipynb": data for n, data in enumerate(large)}, compression=8),
    }
    assert "all.zip/1.ipynb was not looked at" in " ".join(read_from(tmp_path, release, files).notes)


def test_a_lone_notebook_of_another_exercise_is_read_and_said_to_be_one(tmp_path, release):
    foreign = {"cells": [{"cell_type": "code", "source": "def softargmax():\n    return 1", "metadata": {}}]}
    submission = read(hand_in(tmp_path, "ada", foreign), release)
    assert submission.unreadable is None and "is it another one's?" in submission.notes[0]


def test_of_several_that_cannot_be_read_each_is_said_with_its_reason(tmp_path, release):
    folder = hand_in(tmp_path, "ada", None, {"a.ipynb": b"", "b.ipynb": b"[]"})
    assert (
        read(folder, release).unreadable
        == "there is no toy.ipynb; found a.ipynb is empty; b.ipynb's JSON is not an object with cells"
    )


def test_where_there_is_no_notebook_the_files_are_named(tmp_path, release):
    folder = hand_in(tmp_path, "ada", None, {"toy.rar": b"Rar!", "note.txt": b"ill"})
    assert read(folder, release).unreadable == (
        "there is no toy.ipynb; found no notebook at all, but note.txt, toy.rar; of archives only a zip is opened: "
        "hand in the notebook itself"
    )


def test_a_folder_of_thousands_of_files_is_looked_at_in_part(tmp_path):
    folder = hand_in(tmp_path, "ada", None)
    (folder / "many").mkdir()
    for number in range(MAX_ENTRIES + 100):
        (folder / "many" / f"{number}.txt").touch()
    (folder / "near.ipynb").touch()
    files = listed(folder)
    assert len(files) == MAX_ENTRIES and "near.ipynb" in [file.path for file in files]


# --- archives --------------------------------------------------------------------------------------------------------


def archive_of(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    return next(file for file in listed(tmp_path) if file.path == "a.zip")


def test_an_archive_of_a_million_members_takes_no_memory(tmp_path):
    entry = zipped({"a": b""})
    directory = entry[entry.index(b"PK\1\2") : entry.index(b"PK\5\6")] * 500_000
    end = entry[entry.index(b"PK\5\6") :]
    lying = end[:12] + len(directory).to_bytes(4, "little") + end[16:]
    archive = archive_of(tmp_path, directory + lying)
    tracemalloc.start()
    with pytest.raises(UnreadableSubmission, match="too many files"):
        unpacked(archive, 50)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()


def test_a_member_without_a_name_is_passed_over(tmp_path):
    data = zipped({"n": b"", "x.ipynb": b"{}"})
    at = data.index(b"PK\1\2")
    nameless = data[: at + 28] + b"\0\0" + data[at + 30 : at + 46] + data[at + 47 :]
    size = int.from_bytes(nameless[-10:-6], "little") - 1
    nameless = nameless[:-10] + size.to_bytes(4, "little") + nameless[-6:]
    assert [file.path for file in unpacked(archive_of(tmp_path, nameless), 5)] == ["a.zip/x.ipynb"]


def test_no_more_of_a_member_is_unpacked_than_may_be_read(tmp_path):
    archive = archive_of(tmp_path, zipped({"x.ipynb": bytes(200 << 20)}, compression=zipfile.ZIP_DEFLATED))
    (member,) = unpacked(archive, 5)
    tracemalloc.start()
    with pytest.raises(UnreadableSubmission, match="more than 5 MB"):
        member.read(5)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def locked(data):
    """Return an archive whose only member says that it is locked."""
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(mark) + place
        data = data[:at] + bytes([data[at] | 1]) + data[at + 1 :]
    return data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (locked(zipped({"x.ipynb": b"{}"})), "locked with a password"),
        (zipped({"x.ipynb": b"{}" * 99}, compression=zipfile.ZIP_LZMA), "unusual way"),
        (zipped({"x.ipynb": b"{}" * 99}).replace(b"{}{}", b"{}[]", 1), "damaged"),
    ],
    ids=["locked", "lzma", "damaged"],
)
def test_a_member_that_cannot_be_read_has_a_reason(tmp_path, data, reason):
    (member,) = unpacked(archive_of(tmp_path, data), 5)
    with pytest.raises(UnreadableSubmission, match=reason):
        member.read(5)


def test_an_archive_is_no_link_and_of_limited_size(tmp_path):
    (tmp_path / "theirs").write_bytes(zipped({"x.ipynb": b"{}"}))
    (tmp_path / "a.zip").symlink_to("theirs")
    with pytest.raises(UnreadableSubmission, match="a link"):
        unpacked(next(file for file in listed(tmp_path) if file.path == "a.zip"), 5)
    (tmp_path / "a.zip").unlink()
    with pytest.raises(UnreadableSubmission, match="7 MB"):
        unpacked(archive_of(tmp_path, bytes(7 << 20)), 5)


def test_an_archive_beside_answered_work_is_not_opened(tmp_path, release):
    draft = json.dumps(filled(release, double="def double(x):\n    return x + 1"))
    submission = with_weights(tmp_path, release, {"all.zip": zipped({"toy.ipynb": draft}), "toy.safetensors": GOOD})
    assert submission.notes == [] and submission.weights == GOOD


@pytest.mark.parametrize("name", ["toy", "work", "toy.ipynb", "mine.ipynb", "hw.zip (1)", "toy.ipynb.zip.download"])
def test_what_begins_as_a_zip_is_opened_whatever_its_name(tmp_path, release, name):
    files = {"toy.ipynb": json.dumps(filled(release)), "toy.safetensors": GOOD}
    submission = read_from(tmp_path, release, {name: zipped(files)})
    said = [f"the notebook was called {name}/toy.ipynb"]
    assert submission.unreadable is None and submission.weights == GOOD and submission.notes[:1] == said
    assert not any("not used" in note for note in submission.notes)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped({"a.zip": zipped({"toy.ipynb": b"{}"})}), "zip"),
        (b"Rar!\x1a\7\1\0" + bytes(9), "rar"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(9), "7z"),
        (b"toy.ipynb".ljust(257, b"\0") + b"ustar\0", "tar"),
        (b"\x1f\x8b\x08" + bytes(9), "gz"),
    ],
    ids=["zip in a zip", "rar", "7z", "tar", "gz"],
)
def test_an_archive_under_the_notebooks_name_is_said_to_be_one(tmp_path, release, data, kind):
    said = read_from(tmp_path, release, {"toy.ipynb": data}).unreadable
    assert said.startswith(f"the notebook is an archive ({kind}): hand in the notebook itself")


# --- the weights -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "toy (1).safetensors", "Toy.safetensors", "toy.SafeTensors", "weights/toy.safetensors", "toy.safetensors.download",
    "best.safetensors", "a/b/c/best.safetensors", "toy-Copy1.safetensors",
])  # fmt: skip
def test_the_only_likely_weights_are_taken_and_noted(tmp_path, release, name):
    submission = with_weights(tmp_path, release, {name: GOOD})
    assert submission.weights == GOOD and submission.notes == [f"the weights were called {name}"]


def test_the_archive_that_a_mac_makes_of_the_weights_alone_is_opened(tmp_path, release):
    name = "toy.safetensors.zip"
    submission = with_weights(tmp_path, release, {name: zipped({"toy.safetensors": GOOD, "__MACOSX/._toy": b""})})
    assert submission.weights == GOOD and submission.notes == [f"the weights were called {name}/toy.safetensors"]


@pytest.mark.parametrize("name", ["toy", "toy_safetensors", "toy.bin", "toy.pt", "toy.safetensor", "all.zip/toy"])
def test_weights_without_their_suffix_are_told_by_how_they_begin(tmp_path, release, name):
    archive, _, inner = name.rpartition("/")
    files = {archive: zipped({inner: GOOD})} if archive else {name: GOOD}
    submission = with_weights(tmp_path, release, {**files, "README": b"mine", "last.pt": b"PK\3\4 pickled"})
    assert submission.weights == GOOD and submission.notes == [f"the weights were called {name}"]


def test_of_two_files_without_suffix_none_is_taken_and_a_pickle_is_still_one(tmp_path, release):
    files = {"best": GOOD, "last": GOOD[:-1] + b"\1"}
    assert with_weights(tmp_path, release, files).weights_found.startswith("best, last differ")
    pickled = with_weights(tmp_path / "pickled", release, {"toy.pt": b"PK\3\4 pickled"})
    assert pickled.weights is None and pickled.weights_found.startswith("toy.pt may hold weights, but is no")


@pytest.mark.parametrize("empty", [b"", bytes(2 << 20)], ids=["empty", "too large"])
def test_weights_that_are_none_do_not_hide_the_archive_with_those_that_are_meant(tmp_path, release, empty):
    submission = with_weights(
        tmp_path, release, {"toy.safetensors": empty, "weights.zip": zipped({"toy.safetensors": GOOD})}
    )
    assert submission.weights == GOOD and "the weights were called weights.zip/toy.safetensors" in submission.notes


def test_weights_in_a_hidden_folder_count_for_nothing(tmp_path, release):
    submission = with_weights(tmp_path, release, {".cache/toy.safetensors": GOOD, "__MACOSX/toy.safetensors": GOOD})
    assert submission.weights is None and submission.notes == []


def test_likelier_weights_go_before_others(tmp_path, release):
    other = GOOD[:-1] + b"\1"
    for number, (meant, beside) in enumerate((
        ("weights/toy.safetensors", "resnet18.safetensors"), ("toy (1).safetensors", "model.safetensors"),
        ("toy (1).safetensors", "further/toy (1).safetensors"), ("toy.safetensors", "toy (1).safetensors"),
        ("my.safetensors", "ex07_other.safetensors"), ("a.safetensors", "old/a.safetensors"),
    )):  # fmt: skip
        assert with_weights(tmp_path / str(number), release, {meant: GOOD, beside: other}).weights == GOOD, meant


def test_weights_that_are_too_large_do_not_let_another_networks_stand_in(tmp_path, release):
    submission = with_weights(tmp_path, release, {"toy.safetensors": bytes(2 << 20), "resnet18.safetensors": GOOD})
    assert submission.weights is None and submission.weights_found == "toy.safetensors has 2 MB; at most 1 MB are read."


@pytest.mark.parametrize("head", [b"", (2).to_bytes(8, "little") + b"{}"], ids=["broken", "sound"])
def test_of_many_weights_one_at_a_time_is_held(tmp_path, release, head):
    files = {f"toy ({number}).safetensors": head + bytes([number]) * 1_000_000 for number in range(20)}
    tracemalloc.start()
    submission = with_weights(tmp_path, release, files)
    assert tracemalloc.get_traced_memory()[1] < 6e6
    tracemalloc.stop()
    assert submission.weights_found.startswith("toy (0).safetensors, ") if head else submission.weights[:2] == b"\0\0"


def test_what_lies_there_instead_of_weights_is_the_hint():
    def hint(submission):
        questions = {"model": QuestionReport(0, 6, "wrong", mistake="no_weights", hint="Run the training cell.")}
        say_what_lay_beside(questions, submission)
        return questions["model"].hint

    assert hint(Submission("ada")) == "Run the training cell."
    assert hint(Submission("ada", weights_found="two files.")) == "two files."


@pytest.mark.parametrize("exercise", sorted(ROOT.glob("*/ex0[1-4]_*/ex0*.ipynb")), ids=lambda path: path.parent.name)
def test_the_limit_of_the_weights_is_one_and_stated(exercise):
    assert Limits().weights_mb == WEIGHTS_MB and Limits().question_seconds == QUESTION_SECONDS
    assert f"c.Grading.weights_mb = {WEIGHTS_MB} " in (ROOT / "nbgrader_config.py").read_text()
    assert f"At most {WEIGHTS_MB} MB of weights are read" in exercise.read_text()
    assert f"at most {WEIGHTS_MB} MB" in (ROOT / "docs/students.md").read_text()


# --- what is not there in grading ------------------------------------------------------------------------------------


def hint_of(grader, tmp_path, release, source, files=(), question="double", **answers):
    """Return the hint of a question whose answers are these, with a cell of the student's own before them."""
    notebook = filled(release, **answers)
    if source:
        notebook["cells"].insert(2, toy_course.cell("code", source))
    submission = read(hand_in(tmp_path, "ada", notebook, {"toy.safetensors": GOOD, **dict(files)}), release)
    report = grader.grade(grader.repair(submission), submission)
    assert report.questions["total"].verdict == "passed" and report.questions["total"].hint == ""
    return report.questions[question].hint


@pytest.mark.parametrize(
    ("source", "double"),
    [
        ("import lab_tools", "def double(x):\n    return lab_tools.twice(x)"),
        ("from lab_tools import twice", "def double(x):\n    return twice(x)"),
        ("from lab_tools import *", "def double(x):\n    return twice(x)"),
        ("def twice(x):\n    import lab_tools\n    return lab_tools.twice(x)", "def double(x):\n    return twice(x)"),
        ("", "def double(x):\n    from lab_tools import twice\n    return twice(x)"),
        ("", "import lab_tools as l\n\ndef double(x):\n    return l.twice(x)"),
    ],
    ids=["import", "from", "star", "helper", "inside", "same-cell"],
)
def test_the_hint_says_first_that_own_modules_are_not_graded(grader, tmp_path, release, source, double):
    files = {"lab_tools.py": b"def twice(x):\n    return 2 * x"}
    hint = hint_of(grader, tmp_path, release, source, files, double=double)
    assert hint.startswith("`lab_tools` lies beside the notebook, and own modules are not graded: put its code into")


@pytest.mark.parametrize("module", ["lab_tools", "tools", "data"])
def test_an_own_module_may_be_called_like_a_folder_of_the_course(module):
    questions = {"double": QuestionReport(0, 3, "wrong", hint="Try it by hand.")}
    source = f"from {module} import twice\n\ndef double(x):\n    return twice(x)"
    say_what_lay_beside(questions, Submission("ada", modules=frozenset([module])), [Cell("double", source, "full")])
    assert questions["double"].hint.startswith(f"`{module}` lies beside the notebook")


@pytest.mark.parametrize(
    ("source", "double", "said"),
    [
        (
            "import timm_of_tomorrow",
            "def double(x):\n    return timm_of_tomorrow.f(x)",
            "`timm_of_tomorrow` is not there",
        ),
        ("%run tools.py", "def double(x):\n    return twice(x)", "`%run tools.py` does nothing in grading"),
        ("", "def double(x):\n    return 2 ** x!", "by which it is graded, in line 2"),
        (
            "def twice(x) ->! int:\n    return 2 * x",
            "def double(x):\n    return twice(x)",
            "in line 1: is it newer syntax",
        ),
        ("import math", "def double(x):\n    return math.of_2099(x)", "`math.of_2099` is not in Python 3."),
        ("from math import of_2099 as f", "def double(x):\n    return f(x)", "`math.of_2099` is not in Python 3."),
    ],
    ids=["package", "run", "syntax", "syntax-of-a-helper", "attribute", "name"],
)
def test_the_hint_says_first_what_grading_has_not(grader, tmp_path, release, source, double, said):
    hint = hint_of(grader, tmp_path, release, source, double=double)
    assert said in hint.split(". ")[0] and hint.startswith(("`", "The cell is no Python 3."))


def test_a_variable_that_is_called_like_a_module_is_no_module(grader, tmp_path, release):
    hint = hint_of(
        grader, tmp_path, release, "", double="def double(array):\n    return array.numel() + array.shape[0]"
    )
    assert "is not in" not in hint


@pytest.mark.parametrize(
    ("source", "double"),
    [
        ("import copy", "def double(copy):\n    return copy.numel() + copy.shape[0]"),
        ("import random\n\nrandom = torch.ones(3)", "def double(x):\n    return x * random.numel()"),
    ],
)
def test_nor_is_one_that_hides_the_module(grader, tmp_path, release, source, double):
    assert "is not in" not in hint_of(grader, tmp_path, release, source, double=double)


@pytest.mark.parametrize("late", ["from mymod import *", "import wandb\n    best = 1\n    global best"])
def test_a_cell_that_is_read_and_is_no_python_costs_nothing_else(grader, tmp_path, release, late):
    hint = hint_of(grader, tmp_path, release, f"def train():\n    {late}", double="def double(x):\n    return x * x")
    assert hint == "this is the square, not the double."


def test_a_missing_module_that_nothing_needs_is_not_spoken_of(grader, tmp_path, release):
    hint = hint_of(grader, tmp_path, release, "import lab_tools", double="def double(x):\n    return x * x")
    assert "lab_tools" not in hint


@pytest.mark.parametrize("source", ["\n" * 60_000, "!ls\n" * 6], ids=["empty-lines", "magics"])
def test_no_cell_is_too_long_or_too_odd_to_be_read(source, monkeypatch):
    monkeypatch.setattr("IPython.core.inputtransformer2.TRANSFORM_LOOP_LIMIT", 5)  # it gives up at 500
    questions, started = {"double": QuestionReport(0, 3, "wrong", hint="Try it by hand.")}, time.process_time()
    say_what_lay_beside(questions, Submission("ada"), [Cell("own", source, "definitions")])
    assert questions["double"].hint == "Try it by hand." and time.process_time() - started < 4


def test_time_that_is_used_up_with_the_last_call_ends_nothing_else(monkeypatch):
    def late(deadline):
        raise DeadlinePassed

    monkeypatch.setattr(Deadline, "stop", late)
    try:
        assert within(60, lambda: "found", "none") == "none"
    finally:
        sys.setprofile(None)


def test_what_takes_for_ever_to_read_holds_up_nobody(grader, tmp_path, release, monkeypatch):
    def endless(*arguments):
        while True:
            len(arguments)

    monkeypatch.setattr(examination, "say_what_lay_beside", endless)
    monkeypatch.setattr(grader, "limits", dataclasses.replace(grader.limits, question_seconds=0.1))
    hint = hint_of(grader, tmp_path, release, "", double="def double(x):\n    return x * x")
    assert hint == "this is the square, not the double."
