"""Checks of exercise 2: target maps and their loss, `argmax_decode`, `softargmax`, `SoftargmaxPose` and the model.

    from helpers.checks import ex02_softargmax as check
    check.softargmax(softargmax)

Each public function prints one sentence if the answer is right, else what was called, what came back, what was expected
and the likely cause. How checks work, and how an exercise joins: `helpers/checks/engine/judge.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import Form, show
from helpers.checks.engine.judge import Call, inputs, judge, refuse_exception, run_check
from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.engine.table import table_oracle
from helpers.checks.networks import trained as trained_models
from helpers.checks.networks.softargmax import SOFTARGMAX_POSE
from helpers.checks.probes.calling import calling, differentiating
from helpers.checks.probes.lean import check_gradients, count_memory

__all__ = [
    "QUESTIONS",
    "SoftargmaxPose",
    "argmax_decode",
    "gaussian_scoremaps",
    "inputs",
    "lean_softargmax",
    "model",
    "scoremap_loss",
    "softargmax",
]

EXERCISE = "ex02_softargmax"
HINTS = read_hints(EXERCISE)

# Inputs. Coordinates and scores are multiples of a power of two: every machine draws the same bits, and a squared
# distance comes out the same whether it is expanded first or not. What remains between right answers is the rounding
# of exp and of sums, 1e-6 of a value; the checks' tolerance (`engine/compare.py`) is 1e-4, and the smallest
# mistake, a Gaussian cut off at 3 sigma, differs by 1e-2.


# gaussian_scoremaps


def draw_keypoints(
    rng: np.random.RandomState,
    images: int,
    keypoints: int,
    size: tuple[int, int],
    sigma: float,
    step: float = 0.25,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """Return the arguments for keypoints inside a map, all of them visible; coordinates are multiples of `step`."""
    height, width = size
    cells = np.array([width - 1, height - 1]) / step + 1
    places = integers(rng, 0, cells.astype(int), (images, keypoints, 2)) * step
    visible = torch.ones(images, keypoints, dtype=torch.bool)
    return {"keypoints": torch.tensor(places, dtype=dtype), "visible": visible, "size": size, "sigma": sigma}


def _outside(rng: np.random.RandomState, batch: dict[str, Any]) -> dict[str, Any]:
    """Return the batch with each keypoint up to three pixels outside of one side of the map or of two."""
    height, width = batch["size"]
    keypoints = batch["keypoints"].clone()
    far = torch.tensor(integers(rng, 1, 13, tuple(keypoints.shape)) / 4, dtype=keypoints.dtype)
    below = torch.tensor(integers(rng, 0, 2, tuple(keypoints.shape)), dtype=torch.bool)
    out = torch.where(below, -far, torch.tensor([width - 1, height - 1]) + far)
    which = torch.tensor(rng.permutation(np.arange(keypoints[..., 0].numel()) % 3)).view(keypoints.shape[:2])
    moved = torch.stack([which != 1, which != 0], dim=-1)  # x, y or both
    return {**batch, "keypoints": torch.where(moved, out, keypoints)}


def _hide(rng: np.random.RandomState, batch: dict[str, Any], counts: tuple[int, ...], junk: bool) -> dict[str, Any]:
    """Return the batch with `counts[i]` visible keypoints in image i; `junk`: NaN or far-off coordinates elsewhere."""
    keypoints = batch["keypoints"].clone()
    visible = torch.tensor(np.stack([rng.permutation(keypoints.shape[1]) < count for count in counts]))
    if junk:
        values = np.array([np.nan, np.nan, -7777.25, 12345.5])[integers(rng, 0, 4, (int((~visible).sum()), 2))]
        values[0] = np.nan
        keypoints[~visible] = torch.tensor(values, dtype=keypoints.dtype)
    return {**batch, "keypoints": keypoints, "visible": visible}


MAPS = Form("(B, K, H, W) with size = (H, W), in the dtype of the keypoints: 1 at a keypoint, a Gaussian around it")
EMPTY = Form("(B, K, H, W), all zero where a keypoint is invisible, whatever its coordinates are")


def maps_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call("call", draw_keypoints(rng, 3, 2, (9, 6), 1.75)),
        Call("call", draw_keypoints(rng, 2, 3, (4, 7), 0.75, step=1), "every keypoint on a pixel centre"),
        Call("call", draw_keypoints(rng, 1, 1, (5, 9), 1.5), "one image with one keypoint"),
        Call("call", draw_keypoints(rng, 2, 2, (6, 5), 2.5, dtype=torch.float64), "float64"),
    ]
    judge("gaussian_scoremaps", HINTS["gaussian_scoremaps"], calls, ask, oracle, MAPS)


def maps_outside(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call("call", _outside(rng, draw_keypoints(rng, 2, 3, (7, 5), 1.75)), "every keypoint lies outside the map"),
        Call("call", _outside(rng, draw_keypoints(rng, 2, 3, (4, 7), 4.5)), "outside the map, and sigma is large"),
    ]
    judge("gaussian_scoremaps", HINTS["gaussian_scoremaps"], calls, ask, oracle, MAPS)


def maps_invisible(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", draw_keypoints(rng, 2, 3, (5, 8), 1.25)),
        Call(
            "call",
            _hide(rng, draw_keypoints(rng, 3, 3, (5, 8), 1.75), (2, 0, 1), junk=False),
            "the second image shows nothing",
            EMPTY,
        ),
        Call(
            "call",
            _hide(rng, draw_keypoints(rng, 3, 4, (7, 5), 1.25), (2, 3, 0), junk=True),
            "invisible coordinates are NaN or far off",
            EMPTY,
        ),
    ]
    judge("gaussian_scoremaps", HINTS["gaussian_scoremaps"], calls, ask, oracle, MAPS)


# scoremap_loss


def draw_maps(
    rng: np.random.RandomState, shape: tuple[int, int, int, int], dtype: torch.dtype = torch.float32
) -> dict[str, Tensor]:
    """Return predictions in [-2, 2] and targets in [0, 1], a third of them 0."""
    pred = integers(rng, -16, 17, shape) / 8
    target = np.maximum(integers(rng, -8, 17, shape), 0) / 16
    return {"pred": torch.tensor(pred, dtype=dtype), "target": torch.tensor(target, dtype=dtype)}


def _map_batches(rng: np.random.RandomState) -> list[tuple[str, dict[str, Tensor]]]:
    return [
        ("", draw_maps(rng, (2, 3, 4, 7))),
        ("", draw_maps(rng, (3, 2, 6, 5))),
        ("one image with one keypoint", draw_maps(rng, (1, 1, 3, 4))),
        ("float64", draw_maps(rng, (2, 4, 3, 5), torch.float64)),
    ]


LOSS = Form("a scalar tensor: the squared norms of the differences, summed over the keypoints, mean over the batch")


def loss_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    value = Form(LOSS.text, number_will_do=True, dtype="any")  # its gradient and dtype are another case
    calls = [Call("call", batch, note) for note, batch in _map_batches(rng)]
    judge("scoremap_loss", HINTS["scoremap_loss"], calls, ask, oracle, value)


def loss_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    exact = draw_maps(rng, (3, 2, 4, 5))
    exact["pred"][0] = exact["target"][0]
    same = draw_maps(rng, (2, 3, 5, 4))
    same["pred"] = same["target"].clone()
    batches = [*_map_batches(rng), ("pred = target in the first image", exact), ("pred = target", same)]
    calls = [Call("gradient", batch, note) for note, batch in batches]
    judge("scoremap_loss", HINTS["scoremap_loss"], calls, ask, oracle, LOSS)


# argmax_decode


def draw_ranks(
    rng: np.random.RandomState, shape: tuple[int, int, int, int], lowest: float, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return maps in which no two scores are equal: the multiples of 1/4 from `lowest` on, in any order.

    Every other map is 8 higher, so that the largest |score| is its highest score, which it is not in the rest.
    """
    images, keypoints, height, width = shape
    ranks = np.stack([rng.permutation(height * width) for _ in range(images * keypoints)])
    scores = ranks.reshape(shape) / 4 + lowest
    scores[:, 1::2] += 8
    return torch.tensor(scores, dtype=dtype)


def _in_corners(rng: np.random.RandomState, scoremaps: Tensor) -> Tensor:
    """Return the maps, (B, 4, H, W), with each highest score swapped into a corner of its map."""
    images, keypoints, height, width = scoremaps.shape
    swapped = scoremaps.flatten(2).clone()
    corners = np.array([0, width - 1, (height - 1) * width, height * width - 1])
    for image in range(images):
        for maps, corner in zip(swapped[image], corners[rng.permutation(keypoints)], strict=True):
            top = maps == maps.max()
            maps[top], maps[corner] = maps[corner].clone(), maps.max()
    return swapped.view_as(scoremaps)


def _tie(rng: np.random.RandomState, scoremaps: Tensor) -> Tensor:
    """Return the maps with one more place of the highest score, in another row and another column.

    The two lie on a falling line in every other map and on a rising one in the rest, so that x of one and y of the
    other make no place of the highest score, whichever is taken.
    """
    images, keypoints, height, width = scoremaps.shape
    tied = scoremaps.clone()
    for number, maps in enumerate(tied.flatten(0, 1)):
        (top, bottom), (left, right) = (np.sort(rng.permutation(side)[:2]) for side in (height, width))
        sides = (left, right) if number % 2 else (right, left)
        maps[top, sides[0]] = maps[bottom, sides[1]] = maps.max() + 1
    return tied


PLACES = Form("(B, K, 2), x then y of the highest score in whole pixels, in the dtype of the maps")


def decode_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 7, 12), -15.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (3, 2, 13, 6), -12.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (1, 1, 5, 9), -9.0)}, "one image with one keypoint"),
        Call(
            "call",
            {"scoremaps": _in_corners(rng, draw_ranks(rng, (2, 4, 4, 6), -4.0))},
            "every highest score lies in a corner",
        ),
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 5, 8), -7.0, torch.float64)}, "float64"),
    ]
    judge("argmax_decode", HINTS["argmax_decode"], calls, ask, oracle, PLACES)


def decode_negative_and_tied(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_ranks(rng, (2, 3, 7, 12), -15.0)}),
        Call("call", {"scoremaps": draw_ranks(rng, (3, 2, 9, 5), -30.0)}, "all scores are negative"),
        Call("call", {"scoremaps": _tie(rng, draw_ranks(rng, (2, 3, 6, 9), -20.0))}, "two places share each maximum"),
    ]
    judge("argmax_decode", HINTS["argmax_decode"], calls, _any_maximum(ask, oracle), oracle, PLACES)


def _any_maximum(ask: Ask, oracle: Oracle) -> Ask:
    """Return an ask in whose answers any place of a highest score reads as the one that the reference found."""

    def asking(step: str, **inputs: Any) -> Any:
        got, (right, _) = ask(step, **inputs), oracle(step, **inputs)
        if not isinstance(got, Mapping) or not isinstance(got.get("value"), Tensor):
            return got
        places, scoremaps = got["value"], inputs["scoremaps"]
        if places.shape != right["value"].shape:
            return got
        snapped = places.clone()
        for index in np.ndindex(tuple(places.shape[:2])):
            if tuple(places[index].tolist()) in _highest(scoremaps[index]):
                snapped[index] = right["value"][index].to(places.dtype)
        return {**got, "value": snapped}

    return asking


def _highest(scores: Tensor) -> set[tuple[int, int]]:
    """Return all places (x, y) of the highest score of one map (H, W)."""
    rows, columns = (scores == scores.max()).nonzero(as_tuple=True)
    return set(zip(columns.tolist(), rows.tolist(), strict=True))


# softargmax and lean_softargmax


def draw_scores(
    rng: np.random.RandomState, shape: tuple[int, int, int, int], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return scores in [-4, 4] but for two equal peaks of up to 8 in every map: between them lies no hard argmax."""
    scores = torch.tensor(integers(rng, -16, 17, shape) / 4, dtype=dtype)
    flat = scores.flatten(2)
    for index in np.ndindex(shape[:2]):
        flat[index][torch.tensor(rng.permutation(flat.shape[-1])[:2])] = float(integers(rng, 20, 33, ())) / 4
    return scores


def _far_apart(rng: np.random.RandomState, shape: tuple[int, int, int, int]) -> Tensor:
    """Return float32 scores up to 1e4 either way, in every map one that is far above all others.

    At 1e4 the step between two float32 numbers is 1e-3, too coarse for the logarithm of a sum, but not for a winner.
    """
    scores = torch.tensor(integers(rng, -400, 397, shape) * 25.0, dtype=torch.float32)
    scores[:, 1::2] = scores[:, 1::2] / 8 - 8750  # -10000 to -7512.5
    flat = scores.flatten(2)
    for index in np.ndindex(shape[:2]):
        flat[index][int(integers(rng, 0, flat.shape[-1], ()))] = 1e4 if index[1] % 2 == 0 else -7450.0
    return scores


def _level(rng: np.random.RandomState, shape: tuple[int, int, int, int]) -> Tensor:
    """Return float64 scores of ordinary differences around 1e4, -1e4 or 0, another level for each map."""
    scores = draw_scores(rng, shape, torch.float64)
    levels = np.array([9990.0, -9990.0, 0.0])[rng.permutation(np.arange(shape[0] * shape[1]) % 3)]
    return scores + torch.tensor(levels).view(*shape[:2], 1, 1)


MEAN_PLACES = Form("(B, K, 2): the expected x, then the expected y, in pixels of the map, in the dtype of the maps")
FINITE = Form("(B, K, 2): the expected x, then the expected y, finite however large the scores are")
ANY_DTYPE = Form(MEAN_PLACES.text, dtype="any")  # dtypes are the gradient's case


def softargmax_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 7, 12))}),
        Call("call", {"scoremaps": draw_scores(rng, (3, 2, 13, 6))}),
        Call("call", {"scoremaps": draw_scores(rng, (1, 1, 5, 9))}, "one image with one keypoint"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 4, 6, 8), torch.float64)}, "float64"),
    ]
    judge("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def softargmax_beta(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 7, 12))}),
        *(
            Call("call", {"scoremaps": draw_scores(rng, (2, 3, 9, 6)), "beta": beta})
            for beta in rng.permutation([0.25, 1.5, 2.0]).tolist()
        ),
    ]
    judge("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def softargmax_large(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [Call("gradient", {"scoremaps": draw_scores(rng, (2, 3, 5, 8))}), *_large(rng)]
    judge("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def _large(rng: np.random.RandomState) -> list[Call]:
    return [
        Call("gradient", {"scoremaps": _far_apart(rng, (2, 2, 5, 7))}, "scores up to 1e4 either way", FINITE),
        Call("gradient", {"scoremaps": _level(rng, (1, 3, 6, 4))}, "some maps near 1e4, some near -1e4", FINITE),
    ]


def softargmax_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge("softargmax", HINTS["softargmax"], _gradients(rng), ask, oracle, MEAN_PLACES)


def _gradients(rng: np.random.RandomState) -> list[Call]:
    return [
        Call("gradient", {"scoremaps": draw_scores(rng, (2, 3, 5, 8))}),
        Call("gradient", {"scoremaps": draw_scores(rng, (3, 2, 8, 5)), "beta": 1.5}),
        Call("gradient", {"scoremaps": draw_scores(rng, (1, 1, 5, 9)), "beta": 0.5}, "one image with one keypoint"),
        Call("gradient", {"scoremaps": draw_scores(rng, (1, 2, 4, 6), torch.float64)}, "float64"),
    ]


def lean_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [*_gradients(rng), *_large(rng)]
    judge("lean_softargmax", HINTS["lean_softargmax"], calls, ask, oracle, MEAN_PLACES)


def lean_gradcheck(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    small = {"scoremaps": draw_scores(rng, (1, 2, 3, 4), torch.float64), "beta": 1.5}
    judge("lean_softargmax", HINTS["lean_softargmax"], [Call("gradient", small, "float64")], ask, oracle, MEAN_PLACES)
    called, expected = "torch.autograd.gradcheck of lean_softargmax, float64 (1, 2, 3, 4), beta 1.5", "True"
    got = ask("gradcheck", **small)
    refuse_exception(called, got, expected, HINTS["lean_softargmax"])
    if not isinstance(got, dict) or got.get("passes") is not True:
        said = got.get("message") if isinstance(got, dict) else show(got)
        raise Wrong(called, f"False: {said}", expected, HINTS["lean_softargmax"]["gradcheck"], "gradcheck")


SHARE_OF_PLAIN = 0.8  # of the peak that the plain form needs; one map less of three is 0.67


def lean_memory(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    """Count against the plain form, which is among the known wrong versions by the name "memory"."""
    maps = {"scoremaps": draw_scores(rng, (2, 4, 48, 64), torch.float64), "beta": 2.0}
    call = Call("memory", maps, "followed by backward(), with all bytes alive counted")
    judge("lean_softargmax", HINTS["lean_softargmax"], [call], ask, oracle, MEAN_PLACES)
    got, plain = ask("memory", **maps), oracle("memory", **maps)[1]["memory"]["peak"]
    peak = got.get("peak") if isinstance(got, dict) else None
    if type(peak) is not int or not 0 < peak <= SHARE_OF_PLAIN * plain:
        share = f"a peak of {peak / plain:.2f} of the plain form's" if type(peak) is int else show(got)
        raise Wrong(
            "lean_softargmax of float64 (2, 4, 48, 64), beta 2, and backward(), with all bytes alive counted",
            share,
            f"at most {SHARE_OF_PLAIN:g} of the plain form's peak",
            HINTS["lean_softargmax"]["memory"],
            "memory",
        )


KEYPOINTS = ("keypoints", "visible", "size", "sigma")
SCORES = ("scoremaps", "beta")
QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "gaussian_scoremaps",
            "gaussian_scoremaps is right: between pixels, outside the map, and zero for what is invisible.",
            {"call": calling(*KEYPOINTS)},
            {"values": maps_values, "outside": maps_outside, "invisible": maps_invisible},
            HINTS["gaussian_scoremaps"],
        ),
        Question(
            "scoremap_loss",
            "scoremap_loss is right: its values and its gradients, also where pred and target agree.",
            {"call": calling("pred", "target"), "gradient": differentiating("pred", "target")},
            {"values": loss_values, "gradient": loss_gradient},
            HINTS["scoremap_loss"],
        ),
        Question(
            "argmax_decode",
            "argmax_decode is right: on oblong maps, in every corner, with negative scores and with ties.",
            {"call": calling("scoremaps")},
            {"values": decode_values, "negative_and_tied": decode_negative_and_tied},
            HINTS["argmax_decode"],
        ),
        Question(
            "softargmax",
            "softargmax is right: its values, what beta does, scores of 1e4, and its gradients.",
            {"call": calling(*SCORES), "gradient": differentiating(*SCORES)},
            {
                "values": softargmax_values,
                "beta": softargmax_beta,
                "large": softargmax_large,
                "gradient": softargmax_gradient,
            },
            HINTS["softargmax"],
        ),
        Question(
            "lean_softargmax",
            "lean_softargmax is right: values and gradients of softargmax, gradcheck passes, and it needs less memory.",
            {"gradient": differentiating(*SCORES), "gradcheck": check_gradients, "memory": count_memory},
            {"values": lean_values, "gradcheck": lean_gradcheck, "memory": lean_memory},
            HINTS["lean_softargmax"],
        ),
        SOFTARGMAX_POSE,
        trained_models.SOFTARGMAX_MODEL.question,
    )
}


def gaussian_scoremaps(answer: Any) -> None:
    """Print whether `answer` draws a Gaussian of peak 1 for every visible keypoint."""
    run_check(QUESTIONS["gaussian_scoremaps"], answer, table_oracle(EXERCISE, "gaussian_scoremaps"))


def scoremap_loss(answer: Any) -> None:
    """Print whether `answer` is the squared L2 norm of the difference, with its gradient."""
    run_check(QUESTIONS["scoremap_loss"], answer, table_oracle(EXERCISE, "scoremap_loss"))


def argmax_decode(answer: Any) -> None:
    """Print whether `answer` finds the place of the highest score of each map."""
    run_check(QUESTIONS["argmax_decode"], answer, table_oracle(EXERCISE, "argmax_decode"))


def softargmax(answer: Any) -> None:
    """Print whether `answer` is the expected place of each map under its softmax, with its gradient."""
    run_check(QUESTIONS["softargmax"], answer, table_oracle(EXERCISE, "softargmax"))


def lean_softargmax(answer: Any) -> None:
    """Print whether `answer` is `softargmax` with a backward pass that needs less memory."""
    run_check(QUESTIONS["lean_softargmax"], answer, table_oracle(EXERCISE, "lean_softargmax"))


def SoftargmaxPose(answer: Any) -> None:  # noqa: N802, the check is called like the question
    """Print whether `answer` builds networks whose keypoints are the soft argmax of their scores, and that learn."""
    run_check(QUESTIONS["SoftargmaxPose"], answer, None)


def model(build_model: Any, weights_path: str) -> None:
    """Print the error of the trained model on the validation set, and the points that it would earn there.

    Args:
        build_model: function without arguments, returns the network whose weights were saved.
        weights_path: the .safetensors file that the training cell wrote.
    """
    trained_models.SOFTARGMAX_MODEL.check(build_model, weights_path)
