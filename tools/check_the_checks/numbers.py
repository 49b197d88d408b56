"""Right answers beside other numbers: inputs in float64, computed in float64, with one thread or two."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from answer_bank import EXERCISES, KNOWN_WRONG, NETWORKS, REFERENCES, RIGHT, beside_of_its_size
from local_submission import checks_of, hidden_module, questions
from torch import Tensor

from helpers.checks.engine.question import Ask, Oracle, Wrong, case_rng, live_oracle, local_ask
from helpers.checks.engine.values import Value

__all__ = ["SEEDS", "alarm", "seeds_of"]

SEEDS = 200
FEWER = {
    "PoseRegressor": 60, "UpsampleDecoder": 60, "TransposedDecoder": 40, "UNetDecoder": 30, "SoftargmaxPose": 60,
}  # fmt: skip  # a second each, or more
INPUTS = ("as drawn", "float64 inputs", "computed in float64")
# Networks have weights in float32, and the bonus counts the memory of what it is given.
ONE_PRECISION = {*NETWORKS, "lean_softargmax"}
# F.pairwise_distance adds 1e-6 to every difference, which float32 rounds away and float64 does not.
FLOAT32_ONLY = {("pck", "pairwise_distance")}


def seeds_of(question: str) -> int:
    """Return with how many seeds a question is asked: of networks fewer, which take a second each."""
    return FEWER.get(question, SEEDS)


def alarm(question: str, seed: int) -> str | None:
    """Return what the hidden checks say against right answers at a seed, None if they pass.

    Two answers meet every seed, the reference and one of the other styles in turn; of networks one.
    """
    names = list(RIGHT[question])
    asked = [names[seed % len(names)]] if question in NETWORKS else [names[0], names[seed % len(names)]]
    for turn, name in enumerate(dict.fromkeys(asked)):
        how, threads = _numbers(question, seed + turn)
        how = INPUTS[0] if (question, name) in FLOAT32_ONLY else how
        with _threads(threads):
            said = _said(question, RIGHT[question][name], seed, how)
        if said:
            return f"{name}, seed {seed}, {how}, {threads} thread{'s' * (threads - 1)}: {said}"
    return None


def _numbers(question: str, turn: int) -> tuple[str, int]:
    ways = list(itertools.product(INPUTS[:1] if question in ONE_PRECISION else INPUTS, (1, 2)))
    return ways[turn % len(ways)]


def _said(question: str, answer: Any, seed: int, how: str) -> str | None:
    """Return the first verdict on an answer, None where there is none."""
    answer = _computed_in_float64(answer) if how == "computed in float64" else answer
    described = questions(EXERCISES[question])[question]
    with beside_of_its_size(question, answer):
        for _, (_, cases) in checks_of(hidden_module(EXERCISES[question]), question):
            for case in cases:
                ask, oracle = local_ask(described, answer), None
                if question in REFERENCES:
                    oracle = live_oracle(described, REFERENCES[question], KNOWN_WRONG[question])
                if how == "float64 inputs":
                    ask, oracle = _asked_in_float64(ask), _told_in_float64(oracle)
                try:
                    described.cases[case](ask, case_rng(seed, question, case), oracle)
                except Wrong as wrong:
                    return f"{case}: {wrong.called} gave {wrong.got}, expected {wrong.expected}"
    return None


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def _cast(tree: Any, before: torch.dtype, after: torch.dtype) -> Any:
    """Return a tree of values whose tensors of one dtype have another."""
    if isinstance(tree, Tensor):
        return tree.to(after) if tree.dtype == before else tree
    if isinstance(tree, Mapping):
        return {key: _cast(value, before, after) for key, value in tree.items()}
    return type(tree)(_cast(value, before, after) for value in tree) if isinstance(tree, (list, tuple)) else tree


def _has(tree: Any, dtype: torch.dtype) -> bool:
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    return any(_has(one, dtype) for one in tree) if isinstance(tree, (list, tuple)) else _is(tree, dtype)


def _is(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, Tensor) and value.dtype == dtype


_wide = functools.partial(_cast, before=torch.float32, after=torch.float64)
_narrow = functools.partial(_cast, before=torch.float64, after=torch.float32)


def _asked_in_float64(ask: Ask) -> Ask:
    """Return an `ask` that hands on float64 for float32, and takes back float32."""

    def asked(step: str, **inputs: Any) -> Value:
        found = ask(step, **_wide(inputs))
        return found if _has(inputs, torch.float64) else _narrow(found)

    return asked


def _told_in_float64(oracle: Oracle | None) -> Oracle | None:
    if oracle is None:
        return None

    def told(step: str, **inputs: Any) -> tuple[Value, Mapping[str, Value]]:
        right, wrong = oracle(step, **_wide(inputs))
        return (right if _has(inputs, torch.float64) else _narrow(right)), wrong

    return told


def _computed_in_float64(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes in float64 whatever it gets, and gives float32 for float32."""

    @functools.wraps(answer)
    def computed(*arguments: Any, **named: Any) -> Any:
        found = answer(*_wide(list(arguments)), **_wide(named))
        return found if _has([list(arguments), named], torch.float64) else _narrow(found)

    return computed
