"""What is checked of every class of decoders.

A decoder's logits are not right or wrong before it is trained; what it *does* with its features is. The checks give it
features and see what becomes of the logits: which stages they depend on, whether they bend, whether they lie at the
right place where sizes were rounded. No layer is asked for by name, and any kind and order of layers passes that does
what the task says. Before anything is judged the decoder is stirred (`probes/decoders.py`): weights that start at zero
come alive, batch norms have seen data, and deep stages are not lost behind layers without normalisation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import kind_of_no_tensor, show
from helpers.checks.engine.question import Ask, Oracle, Wrong, integers
from helpers.checks.engine.values import Raised
from helpers.checks.networks.features import (
    DOUBLING,
    FIVE,
    IMAGES,
    LARGE,
    LEAN,
    OTHERWISE,
    ROUNDED_DOWN,
    ROUNDED_UP,
    SIZE,
    draw_features,
    size_of,
    sizes_of,
    with_stage,
)
from helpers.checks.networks.logits import NOTHING, behind, differ, misshapen, told_by
from helpers.checks.networks.network import Network

__all__ = ["CLASSES", "Decoder"]

CLASSES = 3
OFF = 1.5  # pixels of a stage: one where it is joined, or half a pixel for each step that follows, and some scatter
ROUNDING = 1  # pixels by which a step up may start from another size than the encoder had there

TELLING = ("not_written", "NameError", "changed", "fixed_number_of_classes")  # whatever the size: named as they are


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

    def refuse(self, called: str, got: Any, expected: str = "a model") -> None:
        """Raise `Wrong` if `got` is an exception, naming the mistake that its message betrays."""
        mistake = told_by(got.message) if isinstance(got, Raised) else None
        if mistake is not None:
            raise self.wrong(called, show(got), expected, mistake)
        super().refuse(called, got, expected)

    def logits(
        self, ask: Ask, called: str, features: list[Tensor], num_classes: int, unbounded: bool = False
    ) -> Tensor:
        """Return the logits of a decoder in eval mode, or raise `Wrong`."""
        got = ask("predict", features=features, **({"unbounded": True} if unbounded else {}))
        called = f"{called}(features of {', '.join(_shown(maps) for maps in features)})"
        if isinstance(got, Mapping) and got["changed"]:
            raise self.wrong(called, "changed features", "features that are left as they were", "changed")
        return self.output(called, got["logits"] if isinstance(got, Mapping) else got, features, num_classes)

    def output(
        self, called: str, got: Any, features: list[Tensor], num_classes: int, any_precision: bool = True
    ) -> Tensor:
        """Return `got` as float32 if it can be the logits of `features`, or raise `Wrong`.

        `any_precision`: float64 serves as well; that is one case's to tell.
        """
        images, _, height, width = features[0].shape
        shape = (images, num_classes, 2 * height, 2 * width)
        expected = f"float32 logits of shape {shape}, twice the size of features[0]"
        mistake = behind(got.message, features, self.skips) if isinstance(got, Raised) else None
        if mistake is not None and mistake in self.hints:
            raise self.wrong(called, show(got), expected, mistake)
        self.refuse(called, got, expected)
        if not isinstance(got, Tensor):
            raise self.wrong(called, show(got), expected, kind_of_no_tensor(got))
        if got.ndim == 3 and not got.is_floating_point():
            raise self.wrong(called, show(got), expected, "labels")
        if got.shape != shape:
            raise self.wrong(called, show(got), expected, misshapen(tuple(got.shape), shape))
        if got.dtype != torch.float32 and not (any_precision and got.dtype == torch.float64):
            raise self.wrong(called, show(got), expected, "dtype")
        if not got.isfinite().all():
            raise self.wrong(called, "NaN or infinite logits", expected, "not_finite")
        return got.float()

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
        self,
        ask: Ask,
        rng: np.random.RandomState,
        channels: Sequence[int] = DOUBLING,
        size: tuple[int, int] = SIZE,
        images: int = IMAGES,
    ) -> tuple[str, list[Tensor], list[Tensor]]:
        """Build a decoder for even sizes and see that it answers and looks at its features.

        Returns: how it was called, features for it, and others.
        """
        sizes = sizes_of(size, len(channels))
        called, features = self.stirred(ask, rng, channels, sizes, images=images)
        others = draw_features(rng, channels, sizes, images)
        got = self.logits(ask, called, features, CLASSES)
        if not differ(got, self.logits(ask, called, others, CLASSES)):
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
            if differ(logits, self.logits(ask, called, with_stage(features, stage, others), CLASSES)):
                got = f"other logits where only features[{stage}] differ"
                raise self.wrong(called, got, expected, "uses_other_stages")
        return logits

    def refuse_straight(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` if the logits are an affine function of the features: no nonlinearity at all."""
        middle = [(a + b) / 2 for a, b in zip(features, others, strict=True)]
        a, b, between = (self.logits(ask, called, maps, CLASSES) for maps in (features, others, middle))
        if not differ((a + b) / 2, between):
            got, expected = "logits that are linear in the features", "a nonlinearity after each step up"
            raise self.wrong(called, got, expected, "no_nonlinearity")

    def sizes(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Channels that do not double, five stages, other numbers of classes, one image."""
        called, features, others = self.alive(ask, rng, LEAN, LARGE, images=2)
        judges = (self.refuse_idle, self.refuse_untrained, self.refuse_displaced, self.refuse_other_way)
        sound = [judge for judge in judges if _passes(judge, ask, called, features, others)]
        for channels, size, num_classes, mistake in (
            (OTHERWISE, SIZE, 7, "assumes_doubling"),
            (FIVE, LARGE, 2, "fixed_number_of_stages"),
        ):
            sizes = sizes_of(size, len(channels))
            others = draw_features(rng, channels, sizes, 2)
            with self.blaming(mistake):
                called, features = self.stirred(ask, rng, channels, sizes, num_classes, images=2)
                for judge in sound:  # what fails for four stages is told by another case
                    judge(ask, called, features, others, num_classes)
            self.logits(ask, called, [maps[:1] for maps in features], num_classes)

    def refuse_other_way(
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int = CLASSES
    ) -> Any:
        """Raise `Wrong` unless the way up is that of this class of decoders, whatever the number of stages."""

    def fitted(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Where the encoder rounded, the size is right all the same, and everything lies where it belongs."""
        self.refuse_no_skips(ask, *self.alive(ask, rng))
        for size, up in ((ROUNDED_UP, True), (ROUNDED_DOWN, False)):
            sizes = sizes_of(size, len(LEAN), up)
            with self.blaming("not_fitted"):
                called, features = self.stirred(ask, rng, LEAN, sizes, images=2)
            others = draw_features(rng, LEAN, sizes, 2)
            self.refuse_late_fit(ask, called, features, others)
            self.refuse_displaced(ask, called, features, others)

    def refuse_late_fit(self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor]) -> None:
        """Raise `Wrong` if steps up start from other sizes than the encoder had there."""

    def refuse_displaced(
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int = CLASSES
    ) -> None:
        """Raise `Wrong` unless logits in two corners look at the same corners of every stage that takes part."""
        height, width = (2 * n for n in size_of(features[0]))
        for place in ((height // 5, 4 * width // 5), (4 * height // 5, width // 5)):
            energies = ask("reach", features=features, place=list(place))
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
        right = [(p - n / 2) / step + (m - 1) / 2 for p, n, m in zip(place, size, (h, w), strict=True)]
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
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int = CLASSES
    ) -> list[Tensor]:
        """Raise `Wrong` unless the logits depend on every stage that takes part.

        Returns: the logits where the features of one of these stages are replaced by others, high resolution first.
        """
        logits = self.logits(ask, called, features, num_classes)
        replaced: list[Tensor] = []
        for stage in reversed(self.parts(features)):
            replaced.insert(0, self.logits(ask, called, with_stage(features, stage, others), num_classes))
            if not differ(logits, replaced[0]):
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
        if self.skips and not differ(logits, self.logits(ask, called, [*others[:-1], features[-1]], CLASSES)):
            got, expected = "logits that depend on the deepest features only", "logits that depend on every stage"
            raise self.wrong(called, got, expected, "skip_unused")

    def trains(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """All parameters exist from the start and are used, and a gradient reaches them and the features."""
        called, features, others = self.alive(ask, rng)
        self.refuse_untrained(ask, called, features, others)
        self.refuse_no_skips(ask, called, features, others)

    def refuse_untrained(
        self, ask: Ask, called: str, features: list[Tensor], others: list[Tensor], num_classes: int = CLASSES
    ) -> None:
        """Raise `Wrong` unless all parameters are there and used, and gradients reach them and the features."""
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
        logits = self.logits(ask, called, features, num_classes)
        for stage in self.parts(features):
            replaced = self.logits(ask, called, with_stage(features, stage, others), num_classes)
            if not facts["stages"][stage] and differ(logits, replaced):
                got = f"no gradient for features[{stage}], on which the logits depend"
                raise self.wrong(called, got, "a gradient for the encoder", "detached_features")

    def alone(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """In eval mode the logits are always the same, and the same alone as in a batch."""
        called, features, _ = self.alive(ask, rng)
        got = ask("predict_alone", features=features)
        self.refuse(called, got)
        single = [maps[:1] for maps in features]
        together, again = (
            self.output(called, got[name], features, CLASSES, any_precision=False) for name in ("together", "again")
        )
        alone = torch.cat([self.output(called + "(one image)", one, single, CLASSES) for one in got["alone"]])
        for other, how, mistake in (
            (again, "twice", "dropout_in_eval"),
            (alone, "in a batch and alone", "mixes_images"),
        ):
            if differ(together, other, 10 * NOTHING):
                raise self.wrong(f"{called}.eval(), {how}", "two different answers", "the same answer", mistake)


def _passes(judge: Callable[..., Any], *arguments: Any) -> bool:
    """Return whether `judge` finds nothing wrong."""
    try:
        judge(*arguments)
    except Wrong:
        return False
    return True


def _shown(maps: Tensor) -> str:
    height, width = size_of(maps)
    return f"{height} x {width}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
