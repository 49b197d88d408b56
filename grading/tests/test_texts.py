"""What the texts of exercises 1 and 2 say, beside what the cells near them show: each by a number."""

from __future__ import annotations

import ast
import functools
import json
from typing import Any

import pytest
import torch

import helpers
from grading.course.course import Course
from helpers.files import ROOT
from helpers.pictures.explorer import example_scores

FIRST, SECOND = "ex01_pose_regression", "ex02_softargmax"
MINUTES = 6.5  # of training in a notebook that is run from top to bottom; with all else, seven


@functools.cache
def cells(exercise: str) -> dict[str, str]:
    """Return the source of each cell of a solution notebook, by id."""
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


@functools.cache
def answers(exercise: str) -> dict[str, Any]:
    return Course(ROOT, exercise).reference_answers()


def seconds_of(tree: ast.AST, names: dict[str, float]) -> float:
    """Return the seconds that the calls of `fit` in this code are allowed, in loops each time; `if` with a name that is
    False counts nothing."""
    if isinstance(tree, ast.If) and isinstance(tree.test, ast.Name) and names.get(tree.test.id) == 0:
        return 0.0
    times = len(tree.iter.elts) if isinstance(tree, ast.For) and isinstance(tree.iter, ast.Tuple) else 1
    here = [node for node in ast.iter_child_nodes(tree) if isinstance(node, ast.keyword) and node.arg == "max_seconds"]
    allowed = [names[k.value.id] if isinstance(k.value, ast.Name) else ast.literal_eval(k.value) for k in here]
    return sum(allowed) + times * sum(seconds_of(child, names) for child in ast.iter_child_nodes(tree))


@pytest.mark.parametrize("exercise", [FIRST, SECOND])
def test_a_whole_notebook_trains_for_six_and_a_half_minutes_at_most(exercise):
    code = "\n".join(source for source in cells(exercise).values() if "max_seconds" in source or "SECONDS =" in source)
    names = {"SECONDS": 75.0, "HOURGLASS": 0.0}
    assert exercise == FIRST or "STRIDE, SECONDS = 8, 75\n" in code and "\nHOURGLASS = False " in code
    assert 120 < seconds_of(ast.parse(code), names) <= 60 * MINUTES


def test_the_rows_of_the_comparison_have_equal_seconds():
    trained = ("scoremap-training", "training", "regression-training", "regularised-training", "hourglass-training")
    assert all("max_seconds=SECONDS," in cells(SECOND)[name] for name in trained)


@pytest.mark.parametrize(("size", "said"), [(16, "3 px of its error are the floor"), (64, "the floor below 1 px")])
def test_argmax_on_perfect_maps_costs_what_the_sample_answer_says(size, said):
    assert said in cells(SECOND)["words-1"]
    truth, stride = 127 * torch.rand(64, 17, 2, generator=torch.Generator().manual_seed(0)), 128 / size
    draw, decode = answers(SECOND)["gaussian_scoremaps"], answers(SECOND)["argmax_decode"]
    maps = draw(helpers.scoremaps.to_map(truth, stride), torch.ones(64, 17, dtype=torch.bool), (size, size), 1.0)
    error = float((helpers.scoremaps.to_image(decode(maps), stride) - truth).norm(dim=-1).mean())
    assert 2.9 < error < 3.2 if size == 16 else 0.7 < error < 0.85


def test_parameters_are_as_many_as_the_sample_answer_says():
    classes = answers(SECOND)["SoftargmaxPose"], answers(FIRST)["PoseRegressor"]
    networks = (network(helpers.small_backbone(), 17, (128, 128)) for network in classes)
    million = [sum(parameter.numel() for parameter in network.parameters()) / 1e6 for network in networks]
    assert "{:.2g} million against {:.2g}.".format(*million) in cells(SECOND)["words-1"]


def test_no_target_map_shown_is_black(tmp_path):
    visible = helpers.rendered_people("test", 8, cache=tmp_path, progress=False).visible[7]
    names = ast.literal_eval(cells(SECOND)["target-pictures"].split("names = ")[1].split("\n")[0])
    assert all(visible[helpers.COCO.index(name)] for name in names)


def test_the_cut_shows_a_spike_that_falls_off_slowly_and_a_round_tip():
    names: dict[str, Any] = {"torch": torch, "formulas": ["plain", "squared"]}
    _, start, code = cells(SECOND)["square-or-not-picture"].partition("across = ")
    exec(start + code.rpartition("pictures.lines")[0], names)
    plain, squared = (torch.tensor(names["cut"][name]) for name in names["formulas"])
    assert plain.argmax() == squared.argmax() == 12 and plain[0] > 1.3 * squared[0]
    assert plain[12] - plain[11] > 3 * (squared[12] - squared[11])
    assert plain[0] < 0.25 and squared[0] < 0.25  # both cuts reach as far down as the text's shares are counted


def test_the_shares_above_a_quarter_are_those_of_the_text(capsys):
    """A quarter of the map and a tenth."""
    names: dict[str, Any] = {"torch": torch, "gaussian_scoremaps": answers(SECOND)["gaussian_scoremaps"]}
    before, drawn, rest = cells(SECOND)["square-or-not-picture"].partition("pictures.map_grid(")
    printed, start, _ = rest[rest.index("for formula") :].partition("across = ")
    exec(before + printed, names)
    assert [line.split(": ")[1].split("%")[0] for line in capsys.readouterr().out.splitlines()] == ["25", "9"]


@pytest.mark.parametrize(
    ("height", "second", "beta", "x"),
    [(2, 0, 1, 10.7), (3, 0, 1, 10.0), (8, 8, 1, 11.0), (8, 8.5, 100, 17.0)],
    ids=["low", "still-low", "two-peaks", "one-a-little-higher"],
)
def test_the_explorer_answers_what_the_text_asks(height, second, beta, x):
    """A low peak at x = 5 is lost in the background's pull; between 5 and 17 the answer is 11; 100 decides."""
    place = answers(SECOND)["softargmax"](example_scores(height, second), beta)
    assert float(place[..., 0]) == pytest.approx(x, abs=0.05)
