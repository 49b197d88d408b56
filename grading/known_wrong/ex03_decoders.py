"""Known wrong answers to exercise 3's questions about decoders.

`grading/known_wrong/ex03_segmentation.py` takes them over: `KNOWN_WRONG = {..., **ex03_decoders.KNOWN_WRONG}`.
Mistakes that every decoder can make are made by `AFTER`, `BEFORE` and the functions below them, from a decoder that is
right but for that.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

import helpers

__all__ = ["KNOWN_WRONG", "TransposedDecoder", "UNetDecoder", "UpsampleDecoder"]


def twice(features):
    """Return the size (2 h, 2 w) of the logits."""
    return [2 * n for n in features[0].shape[2:]]


def sizes_up(features):
    """Return the size after each step up: those of the stages above the deepest, then that of the logits."""
    return [*(maps.shape[2:] for maps in features[-2::-1]), twice(features)]


def ways_up(encoder_channels):
    """Return the channels before and after each step from one stage to the one above, from the deepest on."""
    return [*zip(encoder_channels[:0:-1], encoder_channels[-2::-1], strict=True)]


class UpsampleDecoder(nn.Module):
    """What wrong versions share: one convolution, one upsampling."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.classify = nn.Conv2d(encoder_channels[-1], num_classes, 1)

    def up(self, maps, features):
        return F.interpolate(maps, twice(features), mode="bilinear")

    def forward(self, features):
        return self.up(self.classify(features[-1]), features)


class TransposedDecoder(nn.Module):
    """What wrong versions share: a step up, two convolutions, and again. The U-Net's size is measured against it."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        ways = [*ways_up(encoder_channels), [encoder_channels[0]] * 2]
        self.steps = nn.ModuleList(nn.Sequential(self.up(*way), *self.convolve(way[1])) for way in ways)
        self.classify = nn.Conv2d(encoder_channels[0], num_classes, 1)

    def up(self, below, channels):
        return nn.ConvTranspose2d(below, channels, 2, stride=2)

    def nonlinearity(self):
        return nn.ReLU()

    def convolve(self, channels):
        layers = (nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), self.nonlinearity())
        return *layers, nn.Conv2d(channels, channels, 3, padding=1), self.nonlinearity()

    def start(self, features):
        return features[-1]

    def fit(self, maps, size):
        return helpers.fit_to(maps, size)

    def forward(self, features):
        maps = self.start(features)
        for step, size in zip(self.steps, sizes_up(features), strict=True):
            maps = self.fit(step(maps), size)
        return self.classify(maps)


class UNetDecoder(nn.Module):
    """What wrong versions share: a step up, a join, a convolution that looks at both."""

    axis = 1

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        ways = ways_up(encoder_channels)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(*way, 2, stride=2) for way in ways)
        self.looks = nn.ModuleList(self.look(self.both(channels), channels) for _, channels in ways)
        first = encoder_channels[0]
        self.last = nn.Sequential(
            nn.ConvTranspose2d(first, first, 2, stride=2), self.look(first, first), self.look(first, first)
        )
        self.classify = nn.Conv2d(first, num_classes, 1)

    def both(self, channels):
        return 2 * channels

    def nonlinearity(self):
        return nn.ReLU()

    def look(self, channels_in, channels):
        convolution = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(channels), self.nonlinearity())

    def start(self, features):
        return features[-1]

    def skips(self, features):
        return features[-2::-1]

    def fit(self, maps, skip):
        return helpers.fit_to(maps, skip.shape[2:]), skip

    def join(self, maps, skip):
        return torch.cat([skip, maps], dim=self.axis)

    def forward(self, features):
        maps = self.start(features)
        for skip, up, look in zip(self.skips(features), self.ups, self.looks, strict=True):
            maps = look(self.join(*self.fit(up(maps), skip)))
        return self.classify(self.last(maps))


# What every decoder can get wrong: {mistake: a wrong decoder from a right one}.


def changed_after(change):
    """Return what makes a decoder whose logits are changed at the end."""

    def make(right):
        class Wrong(right):
            def forward(self, features):
                return change(super().forward(features))

        return Wrong

    return make


def changed_before(change):
    """Return what makes a decoder whose features are changed first, in a list of its own."""

    def make(right):
        class Wrong(right):
            def forward(self, features):
                return super().forward(change(features))

        return Wrong

    return make


def built_with(change):
    """Return what makes a decoder that is built from other arguments."""

    def make(right):
        class Wrong(right):
            def __init__(self, encoder_channels, num_classes):
                super().__init__(*change(encoder_channels, num_classes))

        return Wrong

    return make


def with_last_layer(layer):
    """Return what makes a decoder whose last convolution is another."""

    def make(right):
        class Wrong(right):
            def __init__(self, encoder_channels, num_classes):
                super().__init__(encoder_channels, num_classes)
                self.classify = layer(self.classify)

        return Wrong

    return make


class InForward(nn.Module):
    """Makes its convolution in forward: anew each time, or in the first alone."""

    def __init__(self, like, keep):
        super().__init__()
        self.sizes, self.keep, self.kept = (like.in_channels, like.out_channels), keep, None

    def forward(self, maps):
        layer = self.kept or nn.Conv2d(*self.sizes, 1)
        if self.keep:
            self.kept = layer
        return layer(maps)


class InAList(nn.Module):
    """Hides a layer in a list, where its parameters are not the module's."""

    def __init__(self, layer):
        super().__init__()
        self.layers = [layer]

    def forward(self, maps):
        return self.layers[0](maps)


def with_layer_to_spare(right):
    class Wrong(right):
        def __init__(self, encoder_channels, num_classes):
            super().__init__(encoder_channels, num_classes)
            self.spare = nn.Conv2d(num_classes, num_classes, 3, padding=1)

    return Wrong


def popped(right):
    class Wrong(right):
        def forward(self, features):
            first = features.pop(0)
            return super().forward([first, *features])

    return Wrong


def reversed_in_place(right):
    class Wrong(right):
        def forward(self, features):
            features.reverse()
            return super().forward(features[::-1])

    return Wrong


def relu_in_place(right):
    class Wrong(right):
        def forward(self, features):
            return super().forward([F.relu(maps, inplace=True) for maps in features])

    return Wrong


def without_super_init(right):
    class Wrong(nn.Module):
        def __init__(self, encoder_channels, num_classes):
            self.decoder = right(encoder_channels, num_classes)

    return Wrong


def without_module(right):
    return lambda encoder_channels, num_classes: SimpleNamespace(forward=right(encoder_channels, num_classes).forward)


def misspelt(right):
    class Wrong(right):
        def forward(self, features):
            return classify(super().forward(features))  # noqa: F821, the mistake

    return Wrong


def normalised_over_batch(logits):
    return F.batch_norm(logits, None, None, training=True)


def less_the_mean_image(features):
    return [maps - maps.mean(dim=0) if len(maps) > 1 else maps for maps in features]


COMMON = {
    "wrong_size.once": changed_after(lambda logits: F.avg_pool2d(logits, 2)),
    "wrong_size.four_times": changed_after(lambda logits: F.interpolate(logits, scale_factor=2)),
    "size_swapped": changed_after(lambda logits: logits.transpose(2, 3)),
    "fixed_number_of_classes": built_with(lambda channels, classes: (channels, 21)),
    "fixed_number_of_classes.one_more": built_with(lambda channels, classes: (channels, classes + 1)),
    "drops_the_batch_axis": changed_after(lambda logits: logits.squeeze()),
    "wrong_batch": changed_after(lambda logits: torch.cat([logits, logits])),
    "shape": changed_after(lambda logits: logits.flatten(2)),
    "type": changed_after(lambda logits: [logits]),
    "dtype": changed_after(lambda logits: logits.double()),
    "not_finite": changed_after(lambda logits: logits / (logits - logits).sum()),
    "softmax_on_logits": changed_after(lambda logits: logits.softmax(dim=1)),
    "sigmoid_on_logits": changed_after(torch.sigmoid),
    "relu_on_logits": changed_after(F.relu),
    "detached_output": changed_after(lambda logits: logits.detach()),
    "detached_features": changed_before(lambda features: [maps.detach() for maps in features]),
    "ignores_features": changed_before(lambda features: [torch.ones_like(maps) for maps in features]),
    "dropout_in_eval": changed_before(lambda features: [F.dropout(maps, 0.2) for maps in features]),
    "mixes_images": changed_before(less_the_mean_image),
    "mixes_images.batch_statistics": changed_after(normalised_over_batch),
    "changed.popped": popped,
    "changed.reversed": reversed_in_place,
    "changed.relu": relu_in_place,
    "lazy_layers": with_last_layer(lambda layer: nn.LazyConv2d(layer.out_channels, 1)),
    "lazy_layers.in_forward": with_last_layer(lambda layer: InForward(layer, keep=True)),
    "layers_in_forward": with_last_layer(lambda layer: InForward(layer, keep=False)),
    "unregistered_layers": with_last_layer(InAList),
    "unused_parameters": with_layer_to_spare,
    "no_super_init": without_super_init,
    "not_a_module": without_module,
    "NameError": misspelt,
}


# UpsampleDecoder.


class FirstStage(UpsampleDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels[:1], num_classes)

    def forward(self, features):
        return super().forward(features[:1])


class SumOfTwo(UpsampleDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.more = nn.Conv2d(encoder_channels[-2], num_classes, 1)

    def forward(self, features):
        return super().forward(features) + self.up(self.more(features[-2]), features)


class WrongEnd(UpsampleDecoder):
    """Takes the first map for the deepest."""

    def forward(self, features):
        return self.up(self.classify(features[0]), features)


class FourthStage(UpsampleDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels[:4], num_classes)

    def forward(self, features):
        return super().forward(features[:4])


class DoublingUpsample(UpsampleDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__([encoder_channels[0] * 2 ** (len(encoder_channels) - 1)], num_classes)


class ScaleFactor(UpsampleDecoder):
    def up(self, maps, features):
        return F.interpolate(maps, scale_factor=2 ** len(features), mode="bilinear")


class Nearest(UpsampleDecoder):
    def up(self, maps, features):
        return F.interpolate(maps, twice(features))


class Bicubic(UpsampleDecoder):
    def up(self, maps, features):
        return F.interpolate(maps, twice(features), mode="bicubic")


class StepByStep(UpsampleDecoder):
    def up(self, maps, features):
        for size in sizes_up(features):
            maps = F.interpolate(maps, size, mode="bilinear")
        return maps


class ReluBefore(UpsampleDecoder):
    def forward(self, features):
        return self.up(F.relu(self.classify(features[-1])) - 0.1, features)


class NormalisedWithinImage(UpsampleDecoder):
    def forward(self, features):
        return self.up(self.classify(F.layer_norm(features[-1], features[-1].shape[1:])), features)


class LearnedUpsample(nn.Module):
    """One transposed convolution in place of the bilinear upsampling."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.up = nn.ConvTranspose2d(encoder_channels[-1], num_classes, 2 ** len(encoder_channels), stride=2**4)

    def forward(self, features):
        return F.interpolate(self.up(features[-1]), twice(features), mode="bilinear")


def larger_kernel(layer):
    return nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1)


# TransposedDecoder.


class TransposedFromFirst(TransposedDecoder):
    """Starts at the first map, as if it were the deepest, and shrinks what becomes of it."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.wider = nn.Conv2d(encoder_channels[0], encoder_channels[-1], 1)

    def start(self, features):
        return F.adaptive_avg_pool2d(self.wider(features[0]), features[-1].shape[2:])


class TransposedWithSkips(TransposedDecoder):
    def forward(self, features):
        return super().forward(features) + F.interpolate(features[0].mean(dim=1, keepdim=True), twice(features))


class TransposedWrongEnd(TransposedDecoder):
    def start(self, features):
        return features[0]


class TransposedOfFour(TransposedDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels[-4:], num_classes)


class TransposedDoubling(TransposedDecoder):
    """Takes the channels from the first stage, doubled each time."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__([encoder_channels[0] * 2**n for n in range(len(encoder_channels))], num_classes)


class TransposedUnfitted(TransposedDecoder):
    def fit(self, maps, size):
        return maps


class Straight(TransposedDecoder):
    def nonlinearity(self):
        return nn.Identity()


class Interpolating(TransposedDecoder):
    def up(self, below, channels):
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(below, channels, 1))


class LastStepInterpolated(TransposedDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.steps[-1] = nn.Upsample(scale_factor=2)


class StrideFour(TransposedDecoder):
    """Two steps in one."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        first = encoder_channels[0]
        self.steps = self.steps[:-2]
        self.steps.append(nn.Sequential(nn.ConvTranspose2d(encoder_channels[1], first, 4, stride=4), nn.ReLU()))

    def forward(self, features):
        maps = features[-1]
        for step, size in zip(self.steps, sizes_up(features[1:])[:-1] + [twice(features)], strict=True):
            maps = self.fit(step(maps), size)
        return self.classify(maps)


class PaddedByHalf(TransposedDecoder):
    """Forgets the last step's doubling and pads what is missing with zeros."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.steps[-1][0] = nn.Sequential(self.steps[-1][0], nn.AvgPool2d(2))


class PaddedAtTheEnd(TransposedDecoder):
    """Never doubles at all: the corner is the map, the rest zeros."""

    def fit(self, maps, size):
        small = F.avg_pool2d(maps, 2)
        return F.pad(small, (0, size[1] - small.shape[3], 0, size[0] - small.shape[2]))


class Flipped(TransposedDecoder):
    def start(self, features):
        return features[-1].flip(3)


class DetachedInTheMiddle(TransposedDecoder):
    def fit(self, maps, size):
        return super().fit(maps.detach() if maps.shape[1] == 64 else maps, size)


class NoGradientAtTheStart(UNetDecoder):
    def fit(self, maps, skip):
        return super().fit(maps.detach() if maps.shape[1] == 64 else maps, skip)


# UNetDecoder.


def without_skip(change):
    """Return a U-Net in which the skip of the n-th stage from the top is changed, for each n that `change` knows."""

    class Wrong(UNetDecoder):
        def skips(self, features):
            return [change(n, maps) for n, maps in enumerate(features[:-1])][::-1]

    return Wrong


class SecondStageTwice(UNetDecoder):
    """Takes the second map, resized, where the first belongs."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        first, second = encoder_channels[:2]
        self.looks[-1] = self.look(first + second, first)

    def skips(self, features):
        return [*features[-2:0:-1], F.interpolate(features[1], features[0].shape[2:])]


class NoSkips(TransposedDecoder):
    """The answer to the question before."""


class DeepestZeroed(UNetDecoder):
    def start(self, features):
        return torch.zeros_like(features[-1])


class UNetOfFour(UNetDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels[:4], num_classes)

    def forward(self, features):
        return super().forward(features[:4])


class UNetDoubling(UNetDecoder):
    """Takes the channels from the first stage, doubled each time."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__([encoder_channels[0] * 2**n for n in range(len(encoder_channels))], num_classes)


class UNetUnfitted(UNetDecoder):
    def fit(self, maps, skip):
        return maps, skip


class UNetUnfittedAdding(UNetUnfitted):
    def both(self, channels):
        return channels

    def join(self, maps, skip):
        return maps + skip


class WrongOrder(UNetDecoder):
    """Goes through the skips from the top."""

    def skips(self, features):
        return features[:-1]

    def fit(self, maps, skip):
        return maps, skip


class WrongStart(UNetDecoder):
    def start(self, features):
        return features[0]


class BatchAxis(UNetDecoder):
    axis = 0


class LastAxis(UNetDecoder):
    axis = -1


class RowAxis(UNetDecoder):
    axis = 2


class ChannelsOfOne(UNetDecoder):
    """Forgets that a concatenation has the channels of both."""

    def both(self, channels):
        return channels


class AddingWithChannelsOfBoth(UNetDecoder):
    def join(self, maps, skip):
        return maps + skip


class StraightUNet(UNetDecoder):
    def nonlinearity(self):
        return nn.Identity()


class SumOfScores(nn.Module):
    """Session each stage into scores, upsamples them and adds them up."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.classify = nn.ModuleList(nn.Conv2d(channels, num_classes, 1) for channels in encoder_channels)

    def forward(self, features):
        scores = [classify(maps) for classify, maps in zip(self.classify, features, strict=True)]
        return sum(F.interpolate(score, twice(features), mode="bilinear") for score in scores)


class SumOfBranches(SumOfScores):
    """The same with a nonlinearity in every branch: what is added never meets."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.classify = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, num_classes, 1))
            for channels in encoder_channels
        )


class FirstSkipAtTheEnd(UNetDecoder):
    """The first skip is added to the logits, where nothing looks at it any more."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.aside = nn.Conv2d(encoder_channels[0], num_classes, 1)

    def forward(self, features):
        first = torch.zeros_like(features[0])
        aside = F.interpolate(self.aside(features[0]), twice(features), mode="bilinear")
        return super().forward([first, *features[1:]]) + aside


class DetachedSkips(UNetDecoder):
    def skips(self, features):
        return [maps.detach() for maps in super().skips(features)]


class DetachedStart(UNetDecoder):
    def start(self, features):
        return features[-1].detach()


class FlippedSkip(UNetDecoder):
    def skips(self, features):
        return [maps.flip(2) for maps in super().skips(features)]


class CornerOfTheSkip(UNetDecoder):
    """Never steps up: each skip's corner is what fits, and in the end all is stretched."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.ups = nn.ModuleList(nn.Conv2d(*way, 1) for way in ways_up(encoder_channels))

    def fit(self, maps, skip):
        return maps, skip[..., : maps.shape[2], : maps.shape[3]]

    def forward(self, features):
        return F.interpolate(super().forward(features), twice(features), mode="bilinear")


class Wider(UNetDecoder):
    """Two convolutions after each join, as in the paper, where the other decoder's do not weigh as much."""

    def look(self, channels_in, channels):
        return nn.Sequential(super().look(channels_in, channels), super().look(channels, channels))


class Narrower(UNetDecoder):
    """Skips narrowed to half before they are joined."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.narrow = nn.ModuleList(nn.Conv2d(channels, 4, 1) for channels in encoder_channels[-2::-1])

    def both(self, channels):
        return channels + 4

    def skips(self, features):
        return [narrow(maps) for narrow, maps in zip(self.narrow, super().skips(features), strict=True)]


def of_common(right):
    return {mistake: make(right) for mistake, make in COMMON.items()}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "UpsampleDecoder": {
        **of_common(UpsampleDecoder),
        "uses_other_stages": FirstStage,
        "uses_other_stages.two": SumOfTwo,
        "order_of_stages": WrongEnd,
        "fixed_number_of_stages": FourthStage,
        "assumes_doubling": DoublingUpsample,
        "not_fitted": ScaleFactor,
        "nearest": Nearest,
        "several_steps": StepByStep,
        "other_way_up.bicubic": Bicubic,
        "other_way_up.kernel": with_last_layer(larger_kernel)(UpsampleDecoder),
        "other_way_up.learned": LearnedUpsample,
        "nonlinear": ReluBefore,
        "nonlinear.normalised": NormalisedWithinImage,
    },
    "TransposedDecoder": {
        **of_common(TransposedDecoder),
        "uses_other_stages": TransposedFromFirst,
        "uses_other_stages.two": TransposedWithSkips,
        "order_of_stages": TransposedWrongEnd,
        "fixed_number_of_stages": TransposedOfFour,
        "assumes_doubling": TransposedDoubling,
        "not_fitted": TransposedUnfitted,
        "no_nonlinearity": Straight,
        "too_few_transposed": Interpolating,
        "too_few_transposed.last_step": LastStepInterpolated,
        "too_few_transposed.stride_4": StrideFour,
        "misplaced.padded": PaddedByHalf,
        "misplaced.corner": PaddedAtTheEnd,
        "misplaced.flipped": Flipped,
        "detached_inside": DetachedInTheMiddle,
    },
    "UNetDecoder": {
        **of_common(UNetDecoder),
        "skip_unused": without_skip(lambda n, maps: 0 * maps),
        "skip_unused.first": without_skip(lambda n, maps: 0 * maps if n == 0 else maps),
        "skip_unused.second": without_skip(lambda n, maps: torch.ones_like(maps) if n == 1 else maps),
        "skip_unused.deepest_but_one": without_skip(lambda n, maps: maps * (n < 2)),
        "skip_unused.another_twice": SecondStageTwice,
        "skip_unused.all": NoSkips,
        "deepest_unused": DeepestZeroed,
        "fixed_number_of_stages": UNetOfFour,
        "assumes_doubling": UNetDoubling,
        "not_fitted": UNetUnfitted,
        "not_fitted.added": UNetUnfittedAdding,
        "wrong_stage": WrongOrder,
        "order_of_stages": WrongStart,
        "wrong_axis": BatchAxis,
        "wrong_axis.columns": LastAxis,
        "wrong_axis.rows": RowAxis,
        "wrong_channels": ChannelsOfOne,
        "wrong_channels.added": AddingWithChannelsOfBoth,
        "no_nonlinearity": StraightUNet,
        "no_nonlinearity.scores": SumOfScores,
        "joined_linearly": SumOfBranches,
        "joined_linearly.at_the_end": FirstSkipAtTheEnd,
        "detached_features.skips": DetachedSkips,
        "detached_features.deepest": DetachedStart,
        "detached_inside": NoGradientAtTheStart,
        "misplaced.flipped": FlippedSkip,
        "misplaced.corner": CornerOfTheSkip,
        "unmatched": Wider,
        "unmatched.narrower": Narrower,
    },
}
