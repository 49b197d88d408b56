"""The three decoders of exercise 3 and their questions: `UpsampleDecoder`, `TransposedDecoder` and `UNetDecoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, read_hints
from helpers.checks.networks.decoder import CLASSES, ROUNDING, Decoder
from helpers.checks.networks.features import DOUBLING, FIVE, size_of, with_stage
from helpers.checks.networks.logits import apart, bilinear, differ, is_linear_in
from helpers.checks.probes import decoders as decoder_probes

__all__ = ["TRANSPOSED_DECODER", "UNET_DECODER", "UPSAMPLE_DECODER"]

HINTS = read_hints("ex03_segmentation")
STEPS = ("build", "stir", "predict", "predict_alone", "train", "reach")
LOUD, BENT = 1000.0, 0.05  # units left undecided bend a fiftieth, a sigmoid bends a tenth, a ReLU a half
BESIDE = "TransposedDecoder"
USUAL = {
    DOUBLING: 146_099,
    FIVE: 143_515,
}  # parameters of the course's TransposedDecoder for CLASSES; a test counts them
NOTE = f"the number of parameters is right beside the course's {BESIDE}; yours is missing or not right yet."


class Upsample(Decoder):
    """What is checked of `UpsampleDecoder`."""

    def values(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """The logits are one linear function of the deepest pixels, upsampled bilinearly in one step."""
        called, features, others = self.alive(ask, rng, (4, 8, 16, 32))  # fewer channels than pixels to fit them to
        logits = self.refuse_other_stages(ask, called, features, others)
        deepest, size = features[-1], size_of(logits)
        if any(is_linear_in(logits, up) for up in bilinear(deepest, [size])):
            return
        between = (deepest + others[-1]) / 2
        a, b, middle = (
            self.logits(ask, called, [*features[:-1], maps], CLASSES) for maps in (deepest, others[-1], between)
        )
        steps = [size_of(maps) for maps in features[-2::-1]]
        self.alone(ask, rng, oracle)  # what is drawn, or shared in a batch, looks like other mistakes
        if differ((a + b) / 2, middle):
            got, mistake = "logits that are not linear in the features", "nonlinear"
        elif is_linear_in(logits, F.interpolate(deepest, size, mode="nearest")):
            got, mistake = "every deep pixel as a block of equal logits", "nearest"
        elif any(is_linear_in(logits, up) for up in bilinear(deepest, [*steps, size])):
            got, mistake = "logits that were upsampled several times", "several_steps"
        else:
            got, mistake = "another linear function of the deepest features", "other_way_up"
        raise self.wrong(called, got, "a 1 x 1 convolution and one bilinear upsampling", mistake)


class Transposed(Decoder):
    """What is checked of `TransposedDecoder`."""

    def learned(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Up from the deepest features alone, by transposed convolutions of stride 2 with nonlinearities."""
        called, features, others = self.alive(ask, rng)
        self.refuse_other_stages(ask, called, features, others)
        steps = self.refuse_other_way(ask, called, features, others)
        self.refuse_straight(ask, called, features, others)
        for height, width in (step["size"] for step in steps if not step["bends"]):
            got = f"no nonlinearity after the step up from {height} x {width}"
            raise self.wrong(called, got, "a nonlinearity after each step up", "no_nonlinearity")
        if steps[-1]["scores"]:
            got = "logits each of which depends on one map of the last step up, through its nonlinearity"
            raise self.wrong(called, got, "a 1 x 1 convolution at the end", "no_last_convolution")

    def refuse_other_way(
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int = CLASSES
    ) -> list[dict[str, Any]]:
        """Raise `Wrong` unless a transposed convolution of stride 2 that counts starts from the size of every stage.

        Returns: what those do that count.
        """
        steps = ask("steps_up", features=features, others=others)
        self.refuse(called, steps)
        counted = [step for step in steps if step["counts"]]
        starts = [f"{height} x {width}" for height, width in (step["size"] for step in counted)]
        if len(counted) < len(features) or {_written(maps) for maps in features} - {*starts}:
            got = (
                f"{len(counted)} transposed convolutions of stride 2 that count, from {', '.join(starts) or 'nowhere'}"
            )
            raise self.wrong(called, got, f"{len(features)}, one from the size of every stage", "too_few_transposed")
        return counted

    def refuse_late_fit(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` if a step up starts from another size than the encoder had there."""
        steps = ask("steps_up", features=features, others=others)
        self.refuse(called, steps)
        sizes = [size_of(maps) for maps in features]
        for height, width in (step["size"] for step in steps if step["counts"]):
            if not any(abs(h - height) <= ROUNDING and abs(w - width) <= ROUNDING for h, w in sizes):
                got = f"a step up from {height} x {width}"
                expected = f"steps up from the sizes of the encoder: {', '.join(map(_written, features))}"
                raise self.wrong(called, got, expected, "fitted_late")


class UNet(Decoder):
    """What is checked of `UNetDecoder`."""

    skips = True

    def joins(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Every stage counts, and what joins it to the others is no mere sum."""
        called, features, others = self.alive(ask, rng)
        logits = self.logits(ask, called, features, CLASSES)
        self.refuse_activation(called, logits)
        replaced = self.refuse_idle(ask, called, features, others)
        self.refuse_straight(ask, called, features, others)
        all_others = self.logits(ask, called, others, CLASSES)
        for stage, changed in enumerate(replaced):
            kept = self.logits(ask, called, with_stage(others, stage, features), CLASSES)
            if not differ(logits + all_others, changed + kept):
                got = f"logits to which features[{stage}] are added, whatever the other stages are"
                expected = "a convolution with a nonlinearity that looks at both"
                raise self.wrong(called, got, expected, "joined_linearly")
        self.refuse_one_join(ask, called, features, others)
        self.refuse_coarse(ask, called, features)

    def refuse_one_join(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` unless every skip meets what came up before the next one joins.

        Very large maps of the stages above leave what follows nothing to bend: each nonlinearity there is on one side,
        whatever comes up. What bends all the same, bends before. One that is flat there, a tanh, would hide all.
        """
        for stage in range(1, len(features) - 1):
            loud = [LOUD * maps for maps in features[:stage]]
            a, b = features[stage:], others[stage:]
            both, neither, skip, deeper = (
                self.logits(ask, called, loud + maps, CLASSES, unbounded=True).double()
                for maps in (a, b, [*a[:1], *b[1:]], [*b[:1], *a[1:]])
            )
            if apart(both + neither, skip + deeper) < BENT * apart(both, neither):
                got = f"logits in which features[{stage}] and deeper stages first meet where features[0] has joined"
                expected = f"a convolution with a nonlinearity that looks at features[{stage}] and what came up, alone"
                raise self.wrong(called, got, expected, "joined_at_once")

    def refuse_coarse(self, ask: Ask, called: str, features: list[Tensor]) -> None:
        """Raise `Wrong` if a skip joins at a coarser size than its own."""
        found = ask("coarse", features=features)
        self.refuse(called, found)
        for stage in range(len(features) - 1):
            if found[stage]:
                got = f"logits that see features[{stage}] of {_written(features[stage])} more coarsely"
                raise self.wrong(called, got, "a join where the maps have that size", "skip_coarse")

    def matched(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> str | None:
        """As many parameters as the student's own `TransposedDecoder`, within 10 % of the smaller number.

        That class is looked up where the answer was defined. Where there is none, or a wrong one of another size, the
        one of the course takes its place: what is wrong with it is told there.
        """
        self.alive(ask, rng)
        note = None
        for channels in (DOUBLING, FIVE):
            called = f"{self.name}({[*channels]}, {CLASSES})"
            found = ask("count_parameters", encoder_channels=[*channels], num_classes=CLASSES, beside=BESIDE)
            self.refuse(called, found)
            own, other, usual = found["own"], found["other"], USUAL[channels]
            if (other is not None and _alike(own, other)) or (
                _alike(own, usual) and not self.is_right_beside(ask, other)
            ):
                note = note or (None if other is not None and _alike(own, other) else NOTE)
                continue
            if other is None:
                expected = f"within 10 % of the {usual:,} of the course's {BESIDE}, since there is no other"
                raise self.wrong(called, f"{own:,} parameters", expected, "nothing_to_match")
            got, expected = f"{own:,} parameters", f"within 10 % of your {BESIDE}'s {other:,}"
            raise self.wrong(called, got, expected, "too_heavy" if own > other else "too_light")
        return note

    def is_right_beside(self, ask: Ask, other: int | None) -> bool:
        """Return whether the `TransposedDecoder` beside the answer learns the way up, and uses all of its parameters:
        then its number is what counts."""
        beside = Transposed(BESIDE, {**HINTS["decoders"], **HINTS[BESIDE]})

        def ask_other(step: str, **inputs: Any) -> Any:
            return ask(step, **inputs, **({"beside": BESIDE} if step == "build" else {}))

        try:
            for case in (beside.learned, beside.trains):
                case(ask_other, np.random.RandomState(0), None)
        except Wrong:
            return False
        return other is not None


def _written(maps: Tensor) -> str:
    height, width = size_of(maps)
    return f"{height} x {width}"


def _alike(a: int, b: int) -> bool:
    """Return whether two numbers differ by at most 10 % of the smaller."""
    return abs(a - b) <= 0.1 * min(a, b)


def _question(
    kind: type[Decoder], name: str, sentence: str, first: str, last: Sequence[str] = (), steps: Sequence[str] = ()
) -> Question:
    """Return the question about a class of decoders; `first` and `last` are the cases that only this class has, and
    `steps` the probes that only they need."""
    decoder = kind(name, {**HINTS["decoders"], **HINTS[name]})
    return Question(
        name,
        sentence,
        {step: getattr(decoder_probes, step) for step in (*STEPS, *steps)},
        {case: getattr(decoder, case) for case in (first, "sizes", "fitted", "trains", "alone", *last)},
        decoder.hints,
    )


UPSAMPLE_DECODER = _question(
    Upsample,
    "UpsampleDecoder",
    "UpsampleDecoder is right: the deepest features, a 1 x 1 convolution, one bilinear upsampling, for any sizes.",
    "values",
)
TRANSPOSED_DECODER = _question(
    Transposed,
    "TransposedDecoder",
    "TransposedDecoder is right: it learns the way up from the deepest features, and everything stays in its place.",
    "learned",
    steps=["steps_up"],
)
UNET_DECODER = _question(
    UNet,
    "UNetDecoder",
    "UNetDecoder is right: every stage takes part, in its place, with as many parameters as TransposedDecoder.",
    "joins",
    ["matched"],
    ["count_parameters", "coarse", "steps_up"],
)
