"""Cases of `softargmax` and `lean_softargmax`, the soft way from score maps to keypoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.calls import Call, ValueCall, judge_values
from helpers.checks.engine.compare import Form, same, show
from helpers.checks.engine.judge import Fault, judge, refuse_exception
from helpers.checks.engine.mistakes import Way, alike_by
from helpers.checks.engine.question import Ask, Oracle, Wrong, integers, read_hints
from helpers.checks.engine.values import Raised, Value

__all__ = [
    "lean_gradcheck",
    "lean_memory",
    "lean_values",
    "softargmax_beta",
    "softargmax_gradient",
    "softargmax_large",
    "softargmax_values",
]

HINTS = read_hints("ex02_softargmax")


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
FINITE = Form("(B, K, 2): the expected x, then the expected y, finite however large the scores are", dtype="any")
ANY_DTYPE = Form(MEAN_PLACES.text, dtype="any")  # dtypes are the case of the gradient, or of gradcheck


def softargmax_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 7, 12))}),
        Call("call", {"scoremaps": draw_scores(rng, (3, 2, 13, 6))}),
        Call("call", {"scoremaps": draw_scores(rng, (1, 1, 5, 9))}, "one image with one keypoint"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 1, 7))}, "maps of one row"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 6, 1))}, "maps of one column"),
        Call("call", {"scoremaps": torch.zeros(2, 1, 4, 7)}, "all scores are 0"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 5, 8)) / 64}, "scores near 0"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 7, 6)) - 12}, "all scores are negative"),
        Call("call", {"scoremaps": draw_scores(rng, (2, 4, 6, 8), torch.float64)}, "float64"),
    ]
    judge_values("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def softargmax_beta(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [
        Call("call", {"scoremaps": draw_scores(rng, (2, 3, 7, 12))}),
        *(
            Call("call", {"scoremaps": draw_scores(rng, (2, 3, 9, 6)), "beta": beta})
            for beta in rng.permutation([0.015625, 0.25, 1.5, 2.0, 8.0]).tolist()
        ),
    ]
    judge_values("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def softargmax_large(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    calls = [Call("gradient", {"scoremaps": draw_scores(rng, (2, 3, 5, 8))}), *_large(rng)]
    judge_values("softargmax", HINTS["softargmax"], calls, ask, oracle, ANY_DTYPE)


def _large(rng: np.random.RandomState) -> list[Call]:
    return [
        Call("gradient", {"scoremaps": _far_apart(rng, (2, 2, 5, 7))}, "scores up to 1e4 either way", FINITE),
        Call("gradient", {"scoremaps": _level(rng, (1, 3, 6, 4))}, "some maps near 1e4, some near -1e4", FINITE),
    ]


def softargmax_gradient(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    judge_values("softargmax", HINTS["softargmax"], _gradients(rng), ask, oracle, MEAN_PLACES)


def _gradients(rng: np.random.RandomState) -> list[Call]:
    return [
        Call("gradient", {"scoremaps": draw_scores(rng, (2, 3, 5, 8))}),
        Call("gradient", {"scoremaps": draw_scores(rng, (3, 2, 8, 5)), "beta": 1.5}),
        Call("gradient", {"scoremaps": draw_scores(rng, (1, 1, 5, 9)), "beta": 0.5}, "one image with one keypoint"),
        Call("gradient", {"scoremaps": draw_scores(rng, (1, 2, 4, 6), torch.float64)}, "float64"),
    ]


class LeanCall(ValueCall):
    """A call of `lean_softargmax`. What it needs of memory says nothing of what it found, nor does the name that a
    Function has in torch's messages."""

    def ways(self, fault: Fault) -> Sequence[Way]:
        if fault.kind in ("dtype", "numpy"):
            return super().ways(fault)
        return (alike_by(lambda call, got, wrong: same(_found(got), _found(wrong))),)


def _found(value: Value) -> Value:
    if isinstance(value, Raised):
        return replace(value, message=re.sub(r"\w+Backward", "", value.message))
    return {key: part for key, part in value.items() if key != "peak"} if isinstance(value, Mapping) else value


def _judge_lean(calls: Sequence[Call], ask: Ask, oracle: Oracle, form: Form) -> None:
    name = "lean_softargmax"
    judge([LeanCall(name, HINTS[name], call, call.form or form) for call in calls], ask, oracle)


def lean_values(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    _judge_lean([*_gradients(rng), *_large(rng)], ask, oracle, ANY_DTYPE)


def lean_gradcheck(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> None:
    small = {"scoremaps": draw_scores(rng, (1, 2, 3, 4), torch.float64), "beta": 1.5}
    _judge_lean([Call("gradient", small, "float64")], ask, oracle, MEAN_PLACES)
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
    call = Call("memory", maps, "followed by backward(), with all bytes alive counted, NumPy's too")
    _judge_lean([call], ask, oracle, ANY_DTYPE)
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
