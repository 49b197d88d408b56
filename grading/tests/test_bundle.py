"""`helpers` holds no answer to any question: every function of it is tried on every question, arguments in any order.

Answers cannot reach `helpers.checks` where they are graded (`test_trust.py`), so it is not tried here.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import itertools
import pkgutil
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from answer_bank import EXERCISES, NETWORKS, REFERENCES, hidden_marks
from local_submission import questions
from torch import Tensor, nn

import helpers
from helpers.checks.engine.compare import same
from helpers.checks.engine.question import Ask, case_rng, local_ask, run_probe
from helpers.checks.engine.values import Raised

pytestmark = pytest.mark.usefixtures("one_thread")
APART = ("checks", "tests")
SLOW = ("helpers.pictures", "helpers.people")  # draw pictures: tried in the order of the arguments alone
EVERY_TIER = ("mpjpe", "softargmax", "mean_iou")  # were to be had once, as others that are slower to try
FUNCTIONS = [
    question if question in EVERY_TIER else pytest.param(question, marks=pytest.mark.full)
    for question in EXERCISES
    if question not in NETWORKS
]


def modules() -> Iterator[Any]:
    """Give every module of the bundle that answers can import."""
    for found in pkgutil.walk_packages(helpers.__path__, "helpers."):
        if found.name.split(".")[1] not in APART:
            yield importlib.import_module(found.name)


def importable() -> dict[str, Callable[..., Any]]:
    """Return every function and class that the bundle defines, by its full name, methods of classes left out."""
    found = {}
    for module in modules():
        for name, thing in vars(module).items():
            if callable(thing) and getattr(thing, "__module__", None) == module.__name__:
                found[f"{module.__name__}.{name}"] = thing
    return found


BUNDLE = importable()


def arities(thing: Callable[..., Any]) -> range:
    """Return with how many arguments something can be called."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return range(1, 5)
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = 5 if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(plain)
    needed = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    return range(0) if needed else range(sum(p.default is p.empty for p in plain), most + 1)


def orders(thing: Callable[..., Any], count: int, slow: bool) -> Iterator[tuple[int, ...]]:
    """Give the places of `count` arguments, in every order in which they can be handed to something."""
    for number in range(1, count + 1):
        if number in arities(thing):
            yield from [tuple(range(number))] if slow else itertools.permutations(range(count), number)


@contextlib.contextmanager
def in_peace() -> Iterator[None]:
    """Stop what takes longer than a second, and let nothing be printed, drawn or warned of."""

    def stop(*arguments: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                signal.setitimer(signal.ITIMER_REAL, 1.0)
                yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        plt.close("all")


def asked(question: str) -> list[tuple[str, Mapping[str, Any], Any]]:
    """Return step, inputs and right values of the first call of every case of a question."""
    described, found = questions(EXERCISES[question])[question], []
    for case_id, case in described.cases.items():
        ask: Ask = local_ask(described, REFERENCES[question])
        calls: list[tuple[str, Mapping[str, Any], Any]] = []

        def recording(step: str, ask: Ask = ask, calls: list[Any] = calls, **inputs: Any) -> Any:
            calls.append((step, inputs, ask(step, **inputs)))
            return calls[-1][2]

        with contextlib.suppress(LookupError):  # a known wrong version is asked for by name
            case(recording, case_rng("seed", question, case_id), lambda step, ask=ask, **i: (ask(step, **i), {}))
        found += calls[:1]
    return found


def alike(got: Any, right: Any) -> bool:
    """Return whether what a probe got is right, shapes and dtypes aside: the real check looks at what comes near."""
    value, wanted = (found.get("value") if isinstance(found, dict) else found for found in (got, right))
    if isinstance(value, Raised) or wanted is None:
        return False
    if isinstance(wanted, Tensor) and wanted.numel() and isinstance(value, Tensor) and value.numel() == wanted.numel():
        return bool(same(value.double().flatten(), wanted.double().flatten()))
    if isinstance(wanted, Tensor) and wanted.numel() == 1 and isinstance(value, (int, float)):
        return bool(same(float(value), float(wanted)))
    return bool(same(value, wanted))


def answers_of(question: str, thing: Callable[..., Any], slow: bool) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Give each order of arguments in which something answers the first call of a case, and the answer made of it."""
    for step, inputs, right in asked_once(question):
        probe = questions(EXERCISES[question])[question].probes[step]
        for order in orders(thing, len(inputs), slow):

            def answer(*arguments: Any, order: tuple[int, ...] = order) -> Any:
                return thing(*(arguments[place] for place in order if place < len(arguments)))

            with in_peace():
                got = run_probe(probe, answer, {}, inputs)
            if alike(got, right):
                yield order, answer


_asked: dict[str, list[tuple[str, Mapping[str, Any], Any]]] = {}


def asked_once(question: str) -> list[tuple[str, Mapping[str, Any], Any]]:
    """Return `asked(question)`, computed once."""
    if question not in _asked:
        _asked[question] = asked(question)
    return _asked[question]


# A second may be over in a callback of a weak reference, out of which nothing can be raised.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("question", FUNCTIONS)
def test_nothing_in_the_bundle_answers_a_question(question):
    earned = {}
    for name, thing in BUNDLE.items():
        for order, answer in answers_of(question, thing, name.startswith(SLOW)):
            with in_peace():
                points, _ = hidden_marks(question, answer)
            if points:
                earned[name, order] = points
    assert earned == {}


def test_an_answer_in_the_bundle_would_be_found(monkeypatch):
    """Whatever the order of its arguments."""

    def found(visible: Tensor, target: Tensor, pred: Tensor) -> Tensor:
        return REFERENCES["mpjpe"](pred, target, visible)

    monkeypatch.setattr(importlib.import_module(__name__), "BUNDLE", {"helpers.x.found": found})
    with pytest.raises(AssertionError, match=r"helpers\.x\.found"):
        test_nothing_in_the_bundle_answers_a_question("mpjpe")


def test_the_bundle_is_tried_whole():
    rooms = {name.split(".")[1] for name in BUNDLE}
    assert {"data", "metrics", "models", "pictures", "people", "training", "shapes"} <= rooms
    assert len(BUNDLE) > 250 and "helpers.metrics.indirect.class_agreement" in BUNDLE


CLASSES = [name for name, thing in BUNDLE.items() if isinstance(thing, type) and issubclass(thing, nn.Module)]


@pytest.mark.parametrize("question", NETWORKS)
def test_no_network_of_the_bundle_answers_a_question(question):
    assert len(CLASSES) > 5
    with in_peace():
        signal.setitimer(signal.ITIMER_REAL, 60.0)
        points = {name: hidden_marks(question, BUNDLE[name])[0] for name in CLASSES}
    assert {name: found for name, found in points.items() if found} == {}


def test_torch_is_left_as_it_was():
    assert torch.get_default_dtype() is torch.float32
