"""Checks of decoders: `UpsampleDecoder`, `TransposedDecoder` and `UNetDecoder`.

A decoder's logits are not right or wrong before it is trained; what it *does* with its features is. The checks give it
features and see what becomes of the logits: which stages they depend on, whether they bend, whether they lie at the
right place where sizes were rounded. No layer is asked for by name, and any kind and order of layers passes that does
what the task says. Before anything is judged the decoder is stirred (`decoder_probes.stir`): weights that start at zero
come alive, batch norms have seen data, and deep stages are not lost behind layers without normalisation.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.checks.engine.compare import show
from helpers.checks.engine.question import Ask, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.networks.network import Network
from helpers.checks.probes import decoders as decoder_probes

__all__ = ["Decoder", "TRANSPOSED_DECODER", "UNET_DECODER", "UPSAMPLE_DECODER"]

HINTS = read_hints("ex03_segmentation")
STEPS = ("build", "stir", "predict", "predict_alone", "train", "reach")
DOUBLING, OTHERWISE, FIVE, LEAN = (16, 32, 64, 128), (16, 24, 8, 40), (8, 16, 32, 64, 128), (8, 16, 32, 64)
SIZE, IMAGES, CLASSES = (32, 48), 3, 3
ROUNDED_UP, ROUNDED_DOWN = (65, 81), (63, 79)  # odd at every stage of four, if rounded that way
NOTHING = 1e-4  # of the spread of the logits: rounding is a hundredth of that, the smallest effect a hundred times it
OFF = 2.5  # pixels of a stage: one where it is joined, less than one for all the steps that follow, and some scatter

CHANNELS_DIFFER = re.compile(r"expected input\[(\d+), \d+, (\d+), (\d+)\] to have (\d+) channels, but got (\d+)")
SIZES_DIFFER = re.compile(r"must match except in dimension (\d+)\. Expected size (\d+) .*?but got size (\d+)")
SUMMANDS_DIFFER = re.compile(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at .*dimension (\d+)")
TELLING = ("not_written", "NameError", "changed", "fixed_number_of_classes")  # whatever the size: named as they are


# Features.


def sizes_of(size: tuple[int, int], stages: int, up: bool = False) -> list[tuple[int, int]]:
    """Return the sizes (h, w) of an encoder's stages, the first of which is `size`, odd ones rounded up or down."""
    sizes = [size]
    for _ in range(stages - 1):
        sizes.append(tuple((n + up) // 2 for n in sizes[-1]))
    return sizes


def draw_features(
    rng: np.random.RandomState, channels: Sequence[int], sizes: Sequence[tuple[int, int]], images: int = IMAGES
) -> list[Tensor]:
    """Return feature maps (images, channels, h, w) of every stage, multiples of 1/16 from -2 to 2."""
    return [
        torch.tensor(integers(rng, -32, 33, (images, c, h, w)) / 16, dtype=torch.float32)
        for c, (h, w) in zip(channels, sizes, strict=True)
    ]


# Cases: they run beside the check, and see values only.


class Decoder(Network):
    """What is checked of every class of decoders; `skips` says whether all stages take part, or the deepest alone."""

    skips = False

    def built(self, ask: Ask, rng: np.random.RandomState, channels: Sequence[int], num_classes: int) -> str:
        """Build a decoder; return how it was called. Whatever keeps it from being a model is `Wrong`."""
        called, seed = f"{self.name}({[*channels]}, {num_classes})", int(integers(rng, 0, 2**31, ()))
        facts = ask("build", seed=seed, encoder_channels=[*channels], num_classes=num_classes)
        self.fresh(called, facts)
        return called

    def logits(self, ask: Ask, called: str, features: list[Tensor], num_classes: int) -> Tensor:
        """Return the logits of a decoder in eval mode, or raise `Wrong`."""
        got = ask("predict", features=features)
        called = f"{called}(features of {', '.join(_size(maps) for maps in features)})"
        self.output(called, got["logits"] if isinstance(got, Mapping) else got, features, num_classes)
        if got["changed"]:
            raise self.wrong(called, "changed features", "features that are left as they were", "changed")
        return got["logits"]

    def output(self, called: str, got: Any, features: list[Tensor], num_classes: int) -> Tensor:
        """Return `got` if it can be the logits of `features`, or raise `Wrong`."""
        images, _, height, width = features[0].shape
        shape = (images, num_classes, 2 * height, 2 * width)
        expected = f"float32 logits of shape {shape}, twice the size of features[0]"
        if isinstance(got, Raised) and (mistake := _behind(got.message, features)) in self.hints:
            raise self.wrong(called, show(got), expected, mistake)
        self.refuse(called, got, expected)
        if not isinstance(got, Tensor):
            raise self.wrong(called, show(got), expected, "type")
        if got.shape != shape:
            raise self.wrong(called, show(got), expected, _misshapen(tuple(got.shape), shape))
        if got.dtype != torch.float32:
            raise self.wrong(called, show(got), expected, "dtype")
        if not got.isfinite().all():
            raise self.wrong(called, "NaN or infinite logits", expected, "not_finite")
        return got

    @contextlib.contextmanager
    def blaming(self, mistake: str) -> Iterator[None]:
        """Call `mistake` whatever goes wrong with sizes and channels that differ from what worked in one thing only."""
        try:
            yield
        except Wrong as wrong:
            if wrong.mistake in TELLING:
                raise
            raise self.wrong(wrong.called, wrong.got, wrong.expected, mistake) from None

    def stirred(
        self,
        ask: Ask,
        rng: np.random.RandomState,
        channels: Sequence[int],
        sizes: Sequence[tuple[int, int]],
        num_classes: int = CLASSES,
        images: int = IMAGES,
    ) -> tuple[str, list[Tensor]]:
        """Build a decoder, see that it answers, stir it; return how it was called, and features for it."""
        called = self.built(ask, rng, channels, num_classes)
        features = draw_features(rng, channels, sizes, images)
        self.logits(ask, called, features, num_classes)
        self.refuse(called, ask("stir", features=features))
        return called, features

    def alive(
        self, ask: Ask, rng: np.random.RandomState, channels: Sequence[int] = DOUBLING
    ) -> tuple[str, list[Tensor], list[Tensor]]:
        """Build a decoder for even sizes and see that it answers and looks at its features.

        Returns: how it was called, features for it, and others.
        """
        sizes = sizes_of(SIZE, len(channels))
        called, features = self.stirred(ask, rng, channels, sizes)
        others = draw_features(rng, channels, sizes)
        got = self.logits(ask, called, features, CLASSES)
        if not _differ(got, self.logits(ask, called, others, CLASSES)):
            same, expected = "the same logits for other features", "logits that depend on the features"
            raise self.wrong(called, same, expected, "ignores_features")
        return called, features, others

    def refuse_activation(self, called: str, logits: Tensor) -> None:
        """Raise `Wrong` if the logits went through a softmax, a sigmoid or a ReLU."""
        expected, low, high = "logits of any size and either sign", float(logits.min()), float(logits.max())
        if low >= 0 and high <= 1:
            one = bool(((logits.sum(dim=1) - 1).abs() < 1e-3).all())
            got = "values that sum to 1 over the classes" if one else "values from 0 to 1 only"
            raise self.wrong(called, got, expected, "softmax_on_logits" if one else "sigmoid_on_logits")
        empty = float((logits == 0).double().mean())
        if low == 0 and empty > 0.05:
            got = f"values of which {empty:.0%} are exactly 0 and none is below"
            raise self.wrong(called, got, expected, "relu_on_logits")

    def refuse_other_stages(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> Tensor:
        """Raise `Wrong` unless the logits depend on the deepest features alone; return the logits."""
        logits = self.logits(ask, called, features, CLASSES)
        self.refuse_activation(called, logits)
        expected = "logits that depend on the deepest features, features[-1], and on nothing else"
        for stage in range(len(features) - 1):
            if _differ(logits, self.logits(ask, called, _with(features, stage, others), CLASSES)):
                got = f"other logits where only features[{stage}] differ"
                raise self.wrong(called, got, expected, "uses_other_stages")
        return logits

    def refuse_straight(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` if the logits are an affine function of the features: no nonlinearity at all."""
        middle = [(a + b) / 2 for a, b in zip(features, others, strict=True)]
        a, b, between = (self.logits(ask, called, maps, CLASSES) for maps in (features, others, middle))
        if not _differ((a + b) / 2, between):
            got, expected = "logits that are linear in the features", "a nonlinearity after each step up"
            raise self.wrong(called, got, expected, "no_nonlinearity")

    def sizes(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Channels that do not double, five stages, other numbers of classes, one image."""
        self.alive(ask, rng)
        for channels, num_classes, mistake in ((OTHERWISE, 7, "assumes_doubling"), (FIVE, 2, "fixed_number_of_stages")):
            sizes = sizes_of(SIZE, len(channels))
            others = draw_features(rng, channels, sizes, 2)
            with self.blaming(mistake):
                called, features = self.stirred(ask, rng, channels, sizes, num_classes, images=2)
                self.refuse_idle(ask, called, features, others, num_classes)
            self.logits(ask, called, [maps[:1] for maps in features], num_classes)

    def fitted(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Where the encoder rounded, the size is right all the same, and everything lies where it belongs."""
        self.refuse_no_skips(ask, *self.alive(ask, rng))
        for size, up in ((ROUNDED_UP, True), (ROUNDED_DOWN, False)):
            with self.blaming("not_fitted"):
                called, features = self.stirred(ask, rng, LEAN, sizes_of(size, len(LEAN), up), images=2)
            height, width = (2 * n for n in size)
            looks = [
                (place, ask("reach", features=features, place=list(place)))
                for place in ((height // 5, 4 * width // 5), (4 * height // 5, width // 5))
            ]
            for place, energies in looks:
                self.refuse(called, energies)
                for stage in self.parts(features):
                    if isinstance(energies[stage], Tensor):  # that a stage has no gradient at all is told elsewhere
                        self.refuse_misplaced(called, place, (height, width), stage, energies[stage])

    def refuse_misplaced(
        self, called: str, place: tuple[int, int], size: tuple[int, int], stage: int, energy: Tensor
    ) -> None:
        """Raise `Wrong` unless the logits around `place` look at the same place of a stage.

        Args:
            place, size: (y, x) and (H, W) of the logits.
            energy: (h, w) of the stage, how much the logits look at each pixel.
        """
        (h, w), step = energy.shape, 2 ** (stage + 1)
        right = [(p - (n - 1) / 2) / step + (m - 1) / 2 for p, n, m in zip(place, size, (h, w), strict=True)]
        where = f"the logits at row {place[0]}, column {place[1]} of {size[0]} x {size[1]}"
        expected = f"a look at features[{stage}] of {h} x {w} around row {right[0]:.0f}, column {right[1]:.0f}"
        total = float(energy.double().sum())
        if not total > 0:
            raise self.wrong(called, f"{where} do not depend on features[{stage}]", expected, "misplaced")
        share = energy.double() / total
        row = float(share.sum(dim=1) @ torch.arange(h, dtype=torch.float64))
        column = float(share.sum(dim=0) @ torch.arange(w, dtype=torch.float64))
        if max(abs(row - right[0]), abs(column - right[1])) > OFF:
            got = f"{where} look at row {row:.0f}, column {column:.0f} of features[{stage}]"
            raise self.wrong(called, got, expected, "misplaced")

    def refuse_idle(
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int
    ) -> list[Tensor]:
        """Raise `Wrong` unless the logits depend on every stage that takes part.

        Returns: the logits where the features of one of these stages are replaced by others, high resolution first.
        """
        logits, replaced = self.logits(ask, called, features, num_classes), []
        for stage in reversed(self.parts(features)):
            replaced.insert(0, self.logits(ask, called, _with(features, stage, others), num_classes))
            if not _differ(logits, replaced[0]):
                got, expected = f"the same logits for other features[{stage}]", "logits that depend on it"
                mistake = "deepest_unused" if stage == len(features) - 1 else "skip_unused"
                raise self.wrong(called, got, expected, mistake)
        return replaced

    def parts(self, features: Sequence[Any]) -> range:
        """Return the stages that take part: all of them, or the deepest alone."""
        return range(0 if self.skips else len(features) - 1, len(features))

    def refuse_no_skips(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` if no skip takes part at all: then there is nothing to be said of skips."""
        logits = self.logits(ask, called, features, CLASSES)
        if self.skips and not _differ(logits, self.logits(ask, called, [*others[:-1], features[-1]], CLASSES)):
            got, expected = "logits that depend on the deepest features only", "logits that depend on every stage"
            raise self.wrong(called, got, expected, "skip_unused")

    def trains(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """All parameters exist from the start and are used, and a gradient reaches them and the features."""
        called, features, others = self.alive(ask, rng)
        facts = ask("train", features=features)
        self.refuse(called, facts)
        used = "parameters that exist after construction, and are all used"
        for wrong, got, expected, mistake in (
            (facts["late"], "parameters that the first forward made", used, "lazy_layers"),
            (facts["made_anew"], "layers that every forward makes anew", used, "layers_in_forward"),
            (facts["unregistered"], "layers whose parameters the model lacks", used, "unregistered_layers"),
            (not facts["attached"], "logits without gradient", "logits with a gradient", "detached_output"),
            (facts["idle"], f"no use of {_some(facts['idle'])}", used, "unused_parameters"),
            (facts["cut_off"], f"no gradient for {_some(facts['cut_off'])}", used, "detached_inside"),
        ):
            if wrong:
                raise self.wrong(called, got, expected, mistake)
        logits = self.logits(ask, called, features, CLASSES)
        for stage in self.parts(features):
            replaced = _with(features, stage, others)
            if not facts["stages"][stage] and _differ(logits, self.logits(ask, called, replaced, CLASSES)):
                got = f"no gradient for features[{stage}], on which the logits depend"
                raise self.wrong(called, got, "a gradient for the encoder", "detached_features")
        self.refuse_no_skips(ask, called, features, others)

    def alone(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """In eval mode the logits are always the same, and the same alone as in a batch."""
        called, features, _ = self.alive(ask, rng)
        got = ask("predict_alone", features=features)
        self.refuse(called, got)
        single = [maps[:1] for maps in features]
        together, again = (self.output(called, got[name], features, CLASSES) for name in ("together", "again"))
        alone = torch.cat([self.output(called + "(one image)", one, single, CLASSES) for one in got["alone"]])
        for other, how, mistake in (
            (again, "twice", "dropout_in_eval"),
            (alone, "in a batch and alone", "mixes_images"),
        ):
            if _differ(together, other, 10 * NOTHING):
                raise self.wrong(f"{called}.eval(), {how}", "two different answers", "the same answer", mistake)


class Upsample(Decoder):
    """What is checked of `UpsampleDecoder`."""

    def values(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """The logits are one linear function of the deepest pixels, upsampled bilinearly in one step."""
        called, features, others = self.alive(ask, rng, (4, 8, 16, 32))  # fewer channels than pixels to fit them to
        logits = self.refuse_other_stages(ask, called, features, others)
        deepest, size = features[-1], tuple(logits.shape[2:])
        if any(_is_linear_in(logits, up) for up in _bilinear(deepest, [size])):
            return
        between = (deepest + others[-1]) / 2
        a, b, middle = (
            self.logits(ask, called, [*features[:-1], maps], CLASSES) for maps in (deepest, others[-1], between)
        )
        steps = [tuple(maps.shape[2:]) for maps in features[-2::-1]]
        self.alone(ask, rng, oracle)  # what is drawn, or shared in a batch, looks like other mistakes
        if _differ((a + b) / 2, middle):
            got, mistake = "logits that are not linear in the features", "nonlinear"
        elif _is_linear_in(logits, F.interpolate(deepest, size, mode="nearest")):
            got, mistake = "every deep pixel as a block of equal logits", "nearest"
        elif any(_is_linear_in(logits, up) for up in _bilinear(deepest, [*steps, size])):
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
            kept = self.logits(ask, called, _with(others, stage, features), CLASSES)
            if not _differ(logits + all_others, changed + kept):
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


def _with(features: list[Tensor], stage: int, others: list[Tensor]) -> list[Tensor]:
    """Return the features with those of one stage replaced."""
    return [*features[:stage], others[stage], *features[stage + 1 :]]


def _differ(a: Tensor, b: Tensor, share: float = NOTHING) -> bool:
    """Return whether two logits differ by more than rounding, somewhere."""
    return bool((a - b).abs().max() > share * (1e-9 + a.std()))


def _size(maps: Tensor) -> str:
    return f"{maps.shape[2]} x {maps.shape[3]}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _bilinear(maps: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Return maps upsampled to each of `sizes` in turn, by either convention of where the corners lie."""
    results = []
    for corners in (False, True):
        up = maps
        for size in sizes:
            up = F.interpolate(up, size, mode="bilinear", align_corners=corners)
        results.append(up)
    return results


def _is_linear_in(logits: Tensor, maps: Tensor) -> bool:
    """Return whether each pixel's logits are one affine function of the same pixel of `maps`, by least squares."""
    wanted = logits.double().movedim(1, -1).flatten(0, 2)
    given = F.pad(maps.double().movedim(1, -1).flatten(0, 2), (0, 1), value=1.0)
    left = wanted - given @ torch.linalg.lstsq(given, wanted).solution
    return bool(left.square().mean().sqrt() < 1e-3 * wanted.std())


# What went wrong.


def _misshapen(got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return which mistake the shape of logits shows."""
    images, classes, height, width = expected
    if images == 1 and got == expected[1:]:
        return "drops_the_batch_axis"
    if len(got) != 4:
        return "shape"
    if got[0] != images:
        return "wrong_batch"
    if got[1] != classes:
        return "fixed_number_of_classes"
    return "size_swapped" if got[2:] == (width, height) else "wrong_size"


def _behind(message: str, features: list[Tensor]) -> str | None:
    """Return which mistake torch's message about sizes betrays, None where it is another message."""
    if found := CHANNELS_DIFFER.search(message):
        images, height, width, expected, got = map(int, found.groups())
        sizes = {tuple(maps.shape[2:]) for maps in features}
        doubled = {(2 * h, w) for h, w in sizes} | {(h, 2 * w) for h, w in sizes}
        if images != len(features[0]) or (height, width) in doubled:
            return "wrong_axis"
        ends = (features[-1].shape[1], features[0].shape[1])
        return "order_of_stages" if (expected, got) == ends else "wrong_channels"
    if found := SIZES_DIFFER.search(message):
        axis, a, b = map(int, found.groups())
        return "wrong_axis" if axis != 1 else _unequal(a, b)
    if found := SUMMANDS_DIFFER.search(message):
        a, b, axis = map(int, found.groups())
        return "wrong_channels" if axis == 1 else _unequal(a, b)
    return None


def _unequal(a: int, b: int) -> str:
    """Return which mistake lies behind two maps of these sizes that were to be joined."""
    return "not_fitted" if abs(a - b) <= 2 else "wrong_stage"


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
