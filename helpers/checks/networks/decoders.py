"""The three decoders of exercise 3 and their questions: `UpsampleDecoder`, `TransposedDecoder` and `UNetDecoder`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F

from helpers.checks.engine.question import Ask, Oracle, Question, read_hints
from helpers.checks.networks.decoder import CLASSES, Decoder
from helpers.checks.networks.features import DOUBLING, FIVE, size_of, with_stage
from helpers.checks.networks.logits import bilinear, differ, is_linear_in
from helpers.checks.probes import decoders as decoder_probes

__all__ = ["TRANSPOSED_DECODER", "UNET_DECODER", "UPSAMPLE_DECODER"]

HINTS = read_hints("ex03_segmentation")
STEPS = ("build", "stir", "predict", "predict_alone", "train", "reach")


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
        facts = ask("train", features=features)
        self.refuse(called, facts)
        if facts["doublings"] < len(features):
            got = f"{facts['doublings']} transposed convolutions of stride 2"
            raise self.wrong(called, got, f"{len(features)}, one for every stage", "too_few_transposed")
        self.refuse_straight(ask, called, features, others)


class UNet(Decoder):
    """What is checked of `UNetDecoder`."""

    skips = True

    def joins(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Every stage counts, and what joins it to the others is no mere sum."""
        called, features, others = self.alive(ask, rng)
        logits = self.logits(ask, called, features, CLASSES)
        self.refuse_activation(called, logits)
        replaced = self.refuse_idle(ask, called, features, others, CLASSES)
        self.refuse_straight(ask, called, features, others)
        all_others = self.logits(ask, called, others, CLASSES)
        for stage, changed in enumerate(replaced):
            kept = self.logits(ask, called, with_stage(others, stage, features), CLASSES)
            if not differ(logits + all_others, changed + kept):
                got = f"logits to which features[{stage}] are added, whatever the other stages are"
                expected = "a convolution with a nonlinearity that looks at both"
                raise self.wrong(called, got, expected, "joined_linearly")

    def matched(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """As many parameters as the student's own `TransposedDecoder`, within 10 % of the smaller number.

        That class is looked up where the answer was defined. It need not be right, only there: without it there is
        nothing to compare with, and this case alone is lost.
        """
        self.alive(ask, rng)
        for channels in (DOUBLING, FIVE):
            called = f"{self.name}({[*channels]}, {CLASSES})"
            found = ask(
                "count_parameters", encoder_channels=[*channels], num_classes=CLASSES, beside="TransposedDecoder"
            )
            self.refuse(called, found)
            own, other = found["own"], found["other"]
            if other is None:
                expected = "a TransposedDecoder to compare it with"
                raise self.wrong(called, f"{own:,} parameters", expected, "nothing_to_match")
            if abs(own - other) > 0.1 * min(own, other):
                got, expected = f"{own:,} parameters", f"within 10 % of your TransposedDecoder's {other:,}"
                raise self.wrong(called, got, expected, "unmatched")


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
)
UNET_DECODER = _question(
    UNet,
    "UNetDecoder",
    "UNetDecoder is right: every stage takes part, in its place, with as many parameters as TransposedDecoder.",
    "joins",
    ["matched"],
    ["count_parameters"],
)
