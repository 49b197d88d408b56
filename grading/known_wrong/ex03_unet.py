"""Known wrong answers to exercise 3's `UNetDecoder`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from grading.known_wrong.ex03_decoder_bases import TransposedDecoder, UNetDecoder, decoders, twice, ways_up

__all__ = ["UNET"]


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


class SumOfStages(nn.Module):
    """All stages brought to one width and size and added up, and one nonlinearity at the very end."""

    nonlinearity = nn.ReLU

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, 32, 1) for channels in encoder_channels)
        self.end = nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), self.nonlinearity(), nn.Conv2d(32, num_classes, 1)
        )

    def forward(self, features):
        maps = [lateral(maps) for lateral, maps in zip(self.laterals, features, strict=True)]
        return self.end(sum(F.interpolate(m, twice(features), mode="bilinear") for m in maps))


class SumFromBelow(SumOfStages):
    """A pyramid without a convolution after its sums."""

    nonlinearity = nn.GELU

    def forward(self, features):
        maps = self.laterals[-1](features[-1])
        for lateral, skip in zip(self.laterals[-2::-1], features[-2::-1], strict=True):
            maps = F.interpolate(maps, skip.shape[2:]) + lateral(skip)
        return self.end(F.interpolate(maps, twice(features), mode="bilinear"))


class SumWithTanh(SumOfStages):
    """The nonlinearity at the end is flat on both sides."""

    nonlinearity = nn.Tanh


class SumWithSigmoid(SumOfStages):
    """The nonlinearity at the end is flat on both sides, and nowhere negative."""

    nonlinearity = nn.Sigmoid


class Hypercolumns(nn.Module):
    """All stages upsampled and concatenated, then two convolutions look at them."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.looks = nn.Sequential(
            nn.Conv2d(sum(encoder_channels), 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, num_classes, 1),
        )  # fmt: skip

    def forward(self, features):
        size = features[0].shape[2:]
        maps = torch.cat([F.interpolate(maps, size, mode="bilinear") for maps in features], dim=1)
        return F.interpolate(self.looks(maps), twice(features), mode="bilinear")


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


ROWS = {
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
    "wrong_stage.fitted": {"skips": "features[:-1]"},
    "wrong_stage.with_the_deepest": {"skips": "features[:0:-1]"},
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
    "joined_at_once": SumOfStages,
    "joined_at_once.from_below": SumFromBelow,
    "joined_at_once.tanh": SumWithTanh,
    "joined_at_once.sigmoid": SumWithSigmoid,
    "joined_at_once.hypercolumns": Hypercolumns,
    # Pools a skip as the encoder does on its way down, and stretches it again.
    "skip_coarse": {"skips": "[F.interpolate(F.max_pool2d(m, 2), m.shape[2:]) for m in features[-2::-1]]"},
    "skip_coarse.averaged": {"skips": "[F.interpolate(F.avg_pool2d(m, 2), m.shape[2:]) for m in features[-2::-1]]"},
    "skip_coarse.every_other": {"skips": "[F.interpolate(m[..., ::2, ::2], m.shape[2:]) for m in features[-2::-1]]"},
    "detached_features.skips": {"skips": "[maps.detach() for maps in features[-2::-1]]"},
    "detached_features.deepest": {"start": "features[-1].detach()"},
    "detached_inside": {"fit": "super().fit(maps.detach() if maps.shape[1] > 16 else maps, skip)"},
    "misplaced.flipped": {"skips": "[maps.flip(2) for maps in features[-2::-1]]"},
    "misplaced.corner": CornerOfTheSkip,
    "misplaced.shifted": {"skips": "[maps.roll(2, 3) for maps in features[-2::-1]]"},
    "misplaced.shifted_first": {"skips": "[*features[-2:0:-1], features[0].roll(-2, 2)]"},
    "too_heavy": Wider,
    "too_light": Narrower,
}

UNET = decoders(UNetDecoder, ROWS, globals())
