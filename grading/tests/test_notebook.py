"""Whatever is handed in becomes a sound notebook, or a reason why it could not be read."""

import base64
import copy
import json
import os
import tracemalloc

import nbformat
import pytest
import toy_course
from toy_course import ANSWERS, FULL, cell, filled, hand_in, named, weights

from grading.submission.read import read_submission
from grading.submission.repair import plain_markdown, repair

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()


@pytest.fixture
def notebook(release):
    return filled(release)


def cells_of(notebook, tmp_path, student="ada"):
    submission = read_submission(hand_in(tmp_path, student, notebook), "toy", 5, 1)
    assert submission.unreadable is None
    return submission.cells


def repaired(notebook, release, tmp_path):
    """Return the repaired notebook, which nbformat finds valid, and the repairs."""
    made, repairs = repair(cells_of(notebook, tmp_path), release)
    nbformat.validate(nbformat.from_dict(made))
    names = [c["metadata"]["nbgrader"]["grade_id"] for c in made["cells"] if "nbgrader" in c["metadata"]]
    assert sorted(names) == sorted(
        c["metadata"]["nbgrader"]["grade_id"] for c in release["cells"] if "nbgrader" in c["metadata"]
    )
    for name in ("double_check", "total_check", "model_check", "setup"):
        assert named(made, name)["source"] == named(release, name)["source"]
        assert named(made, name)["metadata"] == named(release, name)["metadata"]
    return made, repairs


def test_a_sound_notebook_needs_no_repair(notebook, release, tmp_path):
    made, repairs = repaired(notebook, release, tmp_path)
    assert repairs == []
    assert {name: named(made, name)["source"] for name in ANSWERS} == ANSWERS


def copied(nb):
    nb["cells"].append(copy.deepcopy(named(nb, "double_check")))


def copied_answer(nb):
    stub = copy.deepcopy(named(nb, "double"))
    stub["source"] = ANSWERS["double"]
    named(nb, "double")["source"] = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    nb["cells"].append(stub)


def renamed(nb):
    named(nb, "double_check")["metadata"]["nbgrader"]["grade_id"] = "mine"


def unnamed(nb):
    for one in nb["cells"]:
        one["metadata"] = {}
        one.pop("id")


def moved(nb):
    answer = named(nb, "double")
    nb["cells"].remove(answer)
    nb["cells"].append(answer)


def deleted(nb):
    nb["cells"] = [c for c in nb["cells"] if "_check" not in str(c["metadata"].get("nbgrader", {}).get("grade_id"))]


def retyped(nb):
    named(nb, "double")["cell_type"] = "markdown"
    named(nb, "total_check")["cell_type"] = "raw"


def changed(nb):
    named(nb, "double_check")["source"] = "print('full marks')"
    named(nb, "setup")["source"] = "torch = None"


def more_points(nb):
    named(nb, "double_check")["metadata"]["nbgrader"].update(points=1000, grade=False, schema_version=99)


def odd_metadata(nb):
    nb["metadata"] = {"kernelspec": {"name": "colab-7"}, "widgets": {"x": "<script>"}, "accelerator": "GPU"}
    named(nb, "double")["metadata"]["nbgrader"] = "text"
    nb["cells"][0]["metadata"] = None


def nonsense_cells(nb):
    nb["cells"] += [
        None,
        3,
        {"cell_type": "heading", "source": None},
        {"cell_type": ["code"], "source": {"a": 1}, "outputs": "x"},
    ]


DAMAGE = {
    copied: "double_check: 2 cells", copied_answer: "double: 2 cells", 
    renamed: "double_check: the cell had lost its name",
    unnamed: "double: the cell had lost its name", moved: "double: the answer stood below its check",
    deleted: "total_check: the cell was missing", retyped: "double: the cell had become markdown",
    changed: "double_check: a locked cell had been changed", more_points: None,
    odd_metadata: "double: the cell had lost its name", nonsense_cells: None,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_repaired_and_costs_no_answer(damage, notebook, release, tmp_path):
    damage(notebook)
    made, repairs = repaired(notebook, release, tmp_path)
    assert {name: named(made, name)["source"] for name in ANSWERS} == ANSWERS
    assert DAMAGE[damage] is None or any(line.startswith(DAMAGE[damage]) for line in repairs), repairs


def test_a_deleted_answer_is_a_stub_again(notebook, release, tmp_path):
    notebook["cells"].remove(named(notebook, "double"))
    made, repairs = repaired(notebook, release, tmp_path)
    assert named(made, "double")["source"] == named(release, "double")["source"]
    assert made["cells"].index(named(made, "double")) < made["cells"].index(named(made, "double_check"))
    assert "double: the cell was missing" in repairs


def in_one_cell(nb):
    """Both answers in a new cell; theirs are gone."""
    for name in ("double", "total"):
        nb["cells"].remove(named(nb, name))
    nb["cells"].append(cell("code", f"{ANSWERS['double']}\n\n{ANSWERS['total']}"))


def in_the_first(nb):
    """Both answers in the cell of the first; the other's is gone."""
    named(nb, "double")["source"] += f"\n\n{ANSWERS['total']}"
    nb["cells"].remove(named(nb, "total"))


def in_the_last(nb):
    named(nb, "total")["source"] += f"\n\n{ANSWERS['double']}"
    nb["cells"].remove(named(nb, "double"))


def with_the_id_of_another(nb):
    double, total = named(nb, "double"), named(nb, "total")
    double["id"] = total.pop("id")
    double["metadata"], total["metadata"] = {}, {}


@pytest.mark.parametrize("damage", [in_one_cell, in_the_first, in_the_last, with_the_id_of_another])
def test_two_answers_in_one_cell_are_both_graded(damage, notebook, release, grader, tmp_path):
    damage(notebook)
    repaired(notebook, release, tmp_path)
    submission = read_submission(hand_in(tmp_path, "ben", notebook, {"toy.safetensors": weights()}), "toy", 5, 1)
    report = grader.grade(grader.repair(submission), submission)
    assert {name: question.points for name, question in report.questions.items()} == FULL, submission.notes


def test_a_million_empty_cells_take_no_memory_and_cost_no_answer(notebook, release, tmp_path):
    text = json.dumps(notebook)
    head, tail = text.rsplit("]", 1)
    many = head + ", {}" * 1_000_000 + "]" + tail
    tracemalloc.start()
    submission = read_submission(hand_in(tmp_path, "ada", many), "toy", 5, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert submission.unreadable is None and peak < 150e6
    assert any("cells were left out" in note for note in submission.notes)
    made, _ = repair(submission.cells, release)
    assert {name: named(made, name)["source"] for name in ANSWERS} == ANSWERS


def test_added_cells_stay_in_their_place(notebook, release, tmp_path):
    place = notebook["cells"].index(named(notebook, "total"))
    notebook["cells"].insert(place, cell("code", "helper = 3"))
    made, _ = repaired(notebook, release, tmp_path)
    assert made["cells"][place]["source"] == "helper = 3"


@pytest.mark.parametrize("minor", range(6))
def test_formats_4_0_to_4_5(minor, notebook, release, tmp_path):
    notebook["nbformat_minor"] = minor
    if minor < 5:
        for one in notebook["cells"]:
            del one["id"]
    assert repaired(notebook, release, tmp_path)[1] == []


def test_format_3_and_lists_of_lines(notebook, release, tmp_path):
    for one in notebook["cells"]:
        one["source"] = one["source"].splitlines(keepends=True)
        if one["cell_type"] == "code":
            one["input"] = one.pop("source")
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [{"cells": notebook["cells"], "metadata": {}}],
    }
    made, repairs = repaired(old, release, tmp_path)
    assert repairs == [] and named(made, "total")["source"] == ANSWERS["total"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_and_line_ends(encoding, notebook, release, tmp_path):
    named(notebook, "double")["source"] = ANSWERS["double"].replace("\n", "\r\n") + "  # für \u2764"
    made, _ = repaired(json.dumps(notebook, ensure_ascii=False).encode(encoding), release, tmp_path)
    assert named(made, "double")["source"] == ANSWERS["double"] + "  # für \u2764"


# --- what cannot be read ---------------------------------------------------------------------------------------------

TOO_LARGE = b'{"cells": [], "x": "' + b"x" * (6 << 20) + b'"}'
UNREADABLE = {
    "empty": (b"", "is empty"), "cut": (b'{"cells": [{"ce', "not JSON"), "binary": (bytes(range(256)), "not JSON"),
    "a list": (b"[]", "not an object"), "no cells": (b"{}", "no cells"), 
    "cells of text": (b'{"cells": "x"}', "no cells"),
    "nested without end": (b"[" * 100_000, "not JSON"), "too large": (TOO_LARGE, "6 MB"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_notebook_has_a_reason(data, reason, tmp_path):
    assert reason in read_submission(hand_in(tmp_path, "ada", data), "toy", 5, 1).unreadable


def odd_file(kind, folder, tmp_path):
    path = folder / "toy.ipynb"
    (tmp_path / "theirs.ipynb").write_text("{}")
    {
        "folder": lambda: path.mkdir(), "link": lambda: path.symlink_to(tmp_path / "theirs.ipynb"),
        "pipe": lambda: os.mkfifo(path), "dangling link": lambda: path.symlink_to("nowhere"),
    }[kind]()  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("folder", "a folder"), ("link", "a link"), ("pipe", "not a regular"), ("dangling link", "a link")],
)
def test_an_odd_file_is_not_read(kind, reason, tmp_path):
    folder = hand_in(tmp_path, "ada", None)
    odd_file(kind, folder, tmp_path)
    assert reason in read_submission(folder, "toy", 5, 1).unreadable


def test_a_linked_folder_is_not_read(tmp_path, notebook):
    theirs = hand_in(tmp_path, "bob", notebook)
    link = tmp_path / "grading/submitted/ada/toy"
    link.parent.mkdir(parents=True)
    link.symlink_to(theirs)
    assert "a link" in read_submission(link, "toy", 5, 1).unreadable


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_notebook_that_may_not_be_read_has_a_reason(tmp_path, notebook):
    folder = hand_in(tmp_path, "ada", notebook)
    (folder / "toy.ipynb").chmod(0)
    assert "cannot be opened" in read_submission(folder, "toy", 5, 1).unreadable


def test_a_renamed_notebook_is_found_unless_another_answers_differently(tmp_path, notebook, release):
    folder = hand_in(tmp_path, "ada", None)
    (folder / "toy (1).ipynb").write_text(json.dumps(notebook))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "toy-checkpoint.ipynb").write_text("{}")
    submission = read_submission(folder, "toy", 5, 1, release)
    assert submission.unreadable is None and submission.notes == ["the notebook was called toy (1).ipynb"]
    (folder / "other.ipynb").write_text(json.dumps(filled(release, double="def double(x):\n    return 3 * x")))
    assert (
        "other.ipynb and toy (1).ipynb answer differently" in read_submission(folder, "toy", 5, 1, release).unreadable
    )


def test_weights_are_read_unless_they_are_odd(tmp_path, notebook):
    folder = hand_in(tmp_path, "ada", notebook, {"toy.safetensors": b"abc"})
    first = read_submission(folder, "toy", 5, 1)
    assert first.weights == b"abc"
    (folder / "toy.safetensors").write_bytes(bytes(2 << 20))
    large = read_submission(folder, "toy", 5, 1)
    assert large.weights is None and "2 MB" in large.notes[0] and large.unreadable is None
    assert large.hash != first.hash


# --- nothing that runs in a reader's browser -------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "<script>alert(1)</script>", "a <img src=x onerror=alert(1)>", "</div><iframe>", "<!--", "[x](javascript:alert(1))",
    "![x](data:text/html,1)", "[x]: javascript:alert(1)\n\n[x][x]", "<javascript:alert(1)>", "![a](attachment:b.png)",
    "`<b>` and\n```\n<script>\n```", "[x]\n(javascript:alert(1))",
])  # fmt: skip
def test_markdown_becomes_text(text):
    from bs4 import BeautifulSoup
    from nbconvert.filters import markdown2html

    page = BeautifulSoup(markdown2html(plain_markdown(text)), "html.parser")
    assert {tag.name for tag in page.find_all()} <= {"p", "code", "pre", "div", "span", "br"}
    assert plain_markdown(text).replace("\u200b", "") == text


def test_outputs_keep_text_and_pictures_only(notebook, release, tmp_path):
    html = {"text/html": "<script>alert(1)</script>", "application/javascript": "alert(1)", "text/plain": "[1, 2]"}
    named(notebook, "double")["outputs"] = [
        {"output_type": "stream", "name": "stderr", "text": ["a warning\n", "<b>"]},
        {"output_type": "display_data", "data": html, "metadata": {"x": 1}},
        {
            "output_type": "display_data",
            "data": {"image/png": PNG, "image/svg+xml": "<svg onload=alert(1)>"},
            "metadata": {},
        },
        {"output_type": "display_data", "data": {"image/png": '"><script>alert(1)</script>', "text/plain": "picture"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line 1", "line 2"]},
        {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}},
        "nonsense",
    ]
    made, _ = repaired(notebook, release, tmp_path)
    outputs = named(made, "double")["outputs"]
    assert [output.get("text") for output in outputs] == ["a warning\n<b>", "[1, 2]", None, "picture", "line 1\nline 2"]
    assert outputs[2]["data"] == {"image/png": PNG}
    assert "script" not in json.dumps(outputs) and "svg" not in json.dumps(outputs)


def test_endless_outputs_are_cut(notebook, release, tmp_path):
    named(notebook, "double")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 1_000_000}] * 3
    made, _ = repaired(notebook, release, tmp_path)
    assert len(json.dumps(made)) < 100_000 and json.dumps(made).count("beyond this is left out") == 1


def test_outputs_hold_no_escapes_but_colours(notebook, release, tmp_path):
    text = "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b]0;title\x1b\\ bell\x07 tab\t line\n"
    named(notebook, "double")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
    made, _ = repaired(notebook, release, tmp_path)
    assert named(made, "double")["outputs"][0]["text"] == "\x1b[31mred\x1b[0m link  bell tab\t line\n"


def test_words_are_kept_as_text(notebook, release, tmp_path):
    named(notebook, "words_1")["source"] = "Wrists < hips. <b onclick=x>"
    named(notebook, "words_1")["cell_type"] = "code"
    made, repairs = repaired(notebook, release, tmp_path)
    assert named(made, "words_1")["source"] == "Wrists < hips. <\u200bb onclick=x>"
    assert named(made, "words_1")["cell_type"] == "markdown" and "words_1: the cell had become code" in repairs


def test_a_setup_cell_that_slipped_below_an_answer_is_first_again(notebook, release, tmp_path):
    setup = named(notebook, "setup")
    notebook["cells"].remove(setup)
    notebook["cells"].append(setup)
    made, repairs = repaired(notebook, release, tmp_path)
    names = [c["metadata"].get("nbgrader", {}).get("grade_id") for c in made["cells"]]
    assert names[0] == "setup" and repairs == ["setup: the cell stood below an answer"]


def test_formulas_hold_no_links(notebook, release, tmp_path):
    """MathJax makes a link of \\href, and a tag with a style or class of \\style and \\class."""
    named(notebook, "words_1")["source"] = "$\\href{javascript:x}{y} \\alpha \\hrefs$"
    made, _ = repaired(notebook, release, tmp_path)
    assert named(made, "words_1")["source"] == "$\\\u200bhref{javascript:x}{y} \\alpha \\hrefs$"


def test_empty_cells_and_too_many_cells_cost_no_answer(notebook, release, tmp_path):
    """A key held down makes thousands of empty cells; a thousand with something in them are kept."""
    notebook["cells"][1:1] = [cell("code", "") for _ in range(3000)] + [cell("code", f"x{n}") for n in range(1500)]
    submission = read_submission(hand_in(tmp_path, "ada", notebook), "toy", 5, 1)
    made, _ = repair(submission.cells, release)
    assert all(named(made, name)["source"] == source for name, source in ANSWERS.items())
    assert len(made["cells"]) < 1020 and "cells were left out" in " ".join(submission.notes)


def test_the_toy_course_is_what_these_tests_think(release):
    assert [name for name in toy_course.FULL if named(release, name)["metadata"]["nbgrader"]["solution"]] == list(
        ANSWERS
    )
