"""Known wrong answers to exercise 3's questions about decoders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from grading.known_wrong.ex03_decoder_bases import (
    COMMON,
    TransposedDecoder,
    UNetDecoder,
    UpsampleDecoder,
    sizes_up,
    twice,
    ways_up,
    with_last_layer,
)
from grading.known_wrong.table import networks

__all__ = ["COMMON", "KNOWN_WRONG", "TransposedDecoder", "UNetDecoder", "UpsampleDecoder"]


def decoders(right, rows):
    """Return what every decoder can get wrong, made from the right one, and what stands in its own rows."""
    common = {mistake: row(right) if callable(row) else row for mistake, row in COMMON.items()}
    return networks(right, {**common, **rows}, globals(), {"logits": "super().forward(features)"})


def doubled(encoder_channels):
    return [encoder_channels[0] * 2**n for n in range(len(encoder_channels))]


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


TRANSPOSED = {
    "uses_other_stages": TransposedFromFirst,
    "uses_other_stages.two": {
        "forward": "logits + F.interpolate(features[0].mean(dim=1, keepdim=True), twice(features))"
    },
    "order_of_stages": {"start": "features[0]"},
    "fixed_number_of_stages": {"__init__": "super().__init__(encoder_channels[-4:], num_classes)"},
    # Takes the channels from the first stage, doubled each time.
    "assumes_doubling": {"__init__": "super().__init__(doubled(encoder_channels), num_classes)"},
    "not_fitted": {"fit": "maps"},
    "no_nonlinearity": {"nonlinearity": "nn.Identity()"},
    "too_few_transposed": {
        "up": "nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear'), nn.Conv2d(below, channels, 1))"
    },
    "too_few_transposed.last_step": LastStepInterpolated,
    "too_few_transposed.stride_4": StrideFour,
    "misplaced.padded": PaddedByHalf,
    "misplaced.corner": PaddedAtTheEnd,
    "misplaced.flipped": {"start": "features[-1].flip(3)"},
    "detached_inside": {"fit": "super().fit(maps.detach() if maps.shape[1] == 64 else maps, size)"},
}


# UNetDecoder.


class SecondStageTwice(UNetDecoder):
    """Takes the second map, resized, where the first belongs."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        first, second = encoder_channels[:2]
        self.looks[-1] = self.look(first + second, first)

    def skips(self, features):
        return [*features[-2:0:-1], F.interpolate(features[1], features[0].shape[2:])]


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


UNET = {
    "skip_unused": {"skips": "[0 * maps for maps in features[-2::-1]]"},
    "skip_unused.first": {"skips": "[0 * maps if n == 0 else maps for n, maps in enumerate(features[:-1])][::-1]"},
    "skip_unused.second": {"skips": "[torch.ones_like(m) if n == 1 else m for n, m in enumerate(features[:-1])][::-1]"},
    "skip_unused.deepest_but_one": {"skips": "[maps * (n < 2) for n, maps in enumerate(features[:-1])][::-1]"},
    "skip_unused.another_twice": SecondStageTwice,
    "skip_unused.all": TransposedDecoder,  # the answer to the question before
    "deepest_unused": {"start": "torch.zeros_like(features[-1])"},
    "fixed_number_of_stages": {
        "__init__": "super().__init__(encoder_channels[:4], num_classes)",
        "forward": "super().forward(features[:4])",
    },
    # Takes the channels from the first stage, doubled each time.
    "assumes_doubling": {"__init__": "super().__init__(doubled(encoder_channels), num_classes)"},
    "not_fitted": {"fit": "maps, skip"},
    "not_fitted.added": {"fit": "maps, skip", "both": "channels", "join": "maps + skip"},
    # Goes through the skips from the top.
    "wrong_stage": {"skips": "features[:-1]", "fit": "maps, skip"},
    "order_of_stages": {"start": "features[0]"},
    "wrong_axis": {"join": "torch.cat([skip, maps], dim=0)"},
    "wrong_axis.columns": {"join": "torch.cat([skip, maps], dim=-1)"},
    "wrong_axis.rows": {"join": "torch.cat([skip, maps], dim=2)"},
    # Forgets that a concatenation has the channels of both.
    "wrong_channels": {"both": "channels"},
    "wrong_channels.added": {"join": "maps + skip"},
    "no_nonlinearity": {"nonlinearity": "nn.Identity()"},
    "no_nonlinearity.scores": SumOfScores,
    "joined_linearly": SumOfBranches,
    "joined_linearly.at_the_end": FirstSkipAtTheEnd,
    "detached_features.skips": {"skips": "[maps.detach() for maps in features[-2::-1]]"},
    "detached_features.deepest": {"start": "features[-1].detach()"},
    "detached_inside": {"fit": "super().fit(maps.detach() if maps.shape[1] == 64 else maps, skip)"},
    "misplaced.flipped": {"skips": "[maps.flip(2) for maps in features[-2::-1]]"},
    "misplaced.corner": CornerOfTheSkip,
    "unmatched": Wider,
    "unmatched.narrower": Narrower,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "UpsampleDecoder": decoders(UpsampleDecoder, UPSAMPLE),
    "TransposedDecoder": decoders(TransposedDecoder, TRANSPOSED),
    "UNetDecoder": decoders(UNetDecoder, UNET),
}
