"""Known wrong answers to exercise 3's questions about decoders."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

import helpers
from grading.known_wrong.ex03_decoder_bases import (
    COMMON,
    TransposedDecoder,
    UNetDecoder,
    UpsampleDecoder,
    decoders,
    sizes_up,
    twice,
    with_last_layer,
)
from grading.known_wrong.ex03_unet import UNET

__all__ = ["COMMON", "KNOWN_WRONG", "TransposedDecoder", "UNetDecoder", "UpsampleDecoder"]


# UpsampleDecoder.


def normalised(maps):
    return F.layer_norm(maps, maps.shape[1:])


class SumOfTwo(UpsampleDecoder):
    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.more = nn.Conv2d(encoder_channels[-2], num_classes, 1)

    def forward(self, features):
        return super().forward(features) + self.up(self.more(features[-2]), features)


class StepByStep(UpsampleDecoder):
    def up(self, maps, features):
        for size in sizes_up(features):
            maps = F.interpolate(maps, size, mode="bilinear")
        return maps


class LearnedUpsample(nn.Module):
    """One transposed convolution in place of the bilinear upsampling."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.up = nn.ConvTranspose2d(encoder_channels[-1], num_classes, 2 ** len(encoder_channels), stride=2**4)

    def forward(self, features):
        return F.interpolate(self.up(features[-1]), twice(features), mode="bilinear")


def larger_kernel(layer):
    return nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1)


UPSAMPLE = {
    "uses_other_stages": {
        "__init__": "super().__init__(encoder_channels[:1], num_classes)",
        "forward": "super().forward(features[:1])",
    },
    "uses_other_stages.two": SumOfTwo,
    # Takes the first map for the deepest.
    "order_of_stages": {"forward": "self.up(self.classify(features[0]), features)"},
    "fixed_number_of_stages": {
        "__init__": "super().__init__(encoder_channels[:4], num_classes)",
        "forward": "super().forward(features[:4])",
    },
    "assumes_doubling": {"__init__": "super().__init__(doubled(encoder_channels)[-1:], num_classes)"},
    "not_fitted": {"up": "F.interpolate(maps, scale_factor=2 ** len(features), mode='bilinear')"},
    "nearest": {"up": "F.interpolate(maps, twice(features))"},
    "several_steps": StepByStep,
    "other_way_up.bicubic": {"up": "F.interpolate(maps, twice(features), mode='bicubic')"},
    "other_way_up.kernel": with_last_layer(larger_kernel)(UpsampleDecoder),
    "other_way_up.learned": LearnedUpsample,
    "nonlinear": {"forward": "self.up(F.relu(self.classify(features[-1])) - 0.1, features)"},
    "nonlinear.normalised": {"forward": "self.up(self.classify(normalised(features[-1])), features)"},
}


# TransposedDecoder.


class TransposedFromFirst(TransposedDecoder):
    """Starts at the first map, as if it were the deepest, and shrinks what becomes of it."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.wider = nn.Conv2d(encoder_channels[0], encoder_channels[-1], 1)

    def start(self, features):
        return F.adaptive_avg_pool2d(self.wider(features[0]), features[-1].shape[2:])


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


class TransposedTimesZero(LastStepInterpolated):
    """Interpolates the last step, and adds a transposed convolution that is multiplied by 0."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.aside = self.up(encoder_channels[0], encoder_channels[0])

    def fit(self, maps, size):
        if maps.shape[2] < 2 * self.first or maps.shape[1] != self.aside.in_channels:
            return super().fit(maps, size)
        return super().fit(maps + 0 * self.aside(F.avg_pool2d(maps, 2)), size)

    def start(self, features):
        self.first = features[0].shape[2]
        return features[-1]


class FourSteps(TransposedDecoder):
    """Has as many steps as the first encoder had stages, and stretches what is missing."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels[-4:], num_classes)

    def forward(self, features):
        maps = features[-1]
        for step, size in zip(self.steps, sizes_up(features), strict=False):
            maps = self.fit(step(maps), size)
        return F.interpolate(self.classify(maps), twice(features), mode="bilinear")


class FittedLate(TransposedDecoder):
    """Doubles and doubles, and puts the size right in the end."""

    def fit(self, maps, size):
        return maps

    def forward(self, features):
        return self.at_the_end(super().forward(features), twice(features))

    def at_the_end(self, logits, size):
        return F.interpolate(logits, size, mode="bilinear")


class CutAtTheEnd(FittedLate):
    def at_the_end(self, logits, size):
        more = [max(n - m, 0) for n, m in zip(size, logits.shape[2:], strict=True)]
        return F.pad(logits, (0, more[1], 0, more[0]))[..., : size[0], : size[1]]


class FittedAboutTheCentreLate(FittedLate):
    def at_the_end(self, logits, size):
        return helpers.fit_to(logits, size)


class OneNonlinearity(TransposedDecoder):
    """A single one, before the scores."""

    def convolve(self, channels):
        return (nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.classify = nn.Sequential(nn.ReLU(), self.classify)


class ScoresByTheLastStep(TransposedDecoder):
    """The last transposed convolution gives the logits."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.steps[-1], self.classify = self.up(encoder_channels[0], num_classes), nn.Identity()


class ScoresBent(TransposedDecoder):
    """The same, through the nonlinearity that follows each step."""

    def last(self):
        return nn.LeakyReLU(0.2)

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.steps[-1] = nn.Sequential(self.up(encoder_channels[0], num_classes), self.last())
        self.classify = nn.Identity()


class ScoresBounded(ScoresBent):
    def last(self):
        return nn.Tanh()


TRANSPOSED = {
    "uses_other_stages": TransposedFromFirst,
    "uses_other_stages.two": {
        "forward": "logits + F.interpolate(features[0].mean(dim=1, keepdim=True), twice(features))"
    },
    "order_of_stages": {"start": "features[0]"},
    "fixed_number_of_stages": {"__init__": "super().__init__(encoder_channels[-4:], num_classes)"},
    # Takes the channels from the first stage, doubled each time.
    "assumes_doubling": {"__init__": "super().__init__(doubled(encoder_channels), num_classes)"},
    "fixed_number_of_stages.stretched": FourSteps,
    "not_fitted": {"fit": "maps"},
    "fitted_late": FittedLate,
    "fitted_late.cut": CutAtTheEnd,
    "fitted_late.about_the_centre": FittedAboutTheCentreLate,
    "no_nonlinearity": {"nonlinearity": "nn.Identity()"},
    "wrong_channels": {"nonlinearity": "nn.BatchNorm2d(7)"},
    "no_nonlinearity.one_for_all": OneNonlinearity,
    "no_nonlinearity.last_step": ScoresByTheLastStep,
    "no_last_convolution": ScoresBent,
    "no_last_convolution.bounded": ScoresBounded,
    "too_few_transposed.times_zero": TransposedTimesZero,
    "too_few_transposed": {
        "up": "nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear'), nn.Conv2d(below, channels, 1))"
    },
    "too_few_transposed.last_step": LastStepInterpolated,
    "too_few_transposed.stride_4": StrideFour,
    "misplaced.padded": PaddedByHalf,
    "misplaced.corner": PaddedAtTheEnd,
    "misplaced.flipped": {"start": "features[-1].flip(3)"},
    "detached_inside": {"fit": "super().fit(maps.detach() if maps.shape[1] > 16 else maps, size)"},
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "UpsampleDecoder": decoders(UpsampleDecoder, UPSAMPLE, globals()),
    "TransposedDecoder": decoders(TransposedDecoder, TRANSPOSED, globals()),
    "UNetDecoder": UNET,
}
