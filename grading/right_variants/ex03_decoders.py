"""Right answers to exercise 3's questions about decoders in many styles: every one must pass every check."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import center_crop  # noqa: F401, for a row of UNETS

import helpers
from grading.known_wrong.table import networks

__all__ = ["RIGHT_TRANSPOSED", "RIGHT_UNETS", "RIGHT_UPSAMPLES", "TransposedDecoder"]


def final_size(features):
    height, width = features[0].shape[-2:]
    return 2 * height, 2 * width


# UpsampleDecoder.


class ConvolutionFirst(nn.Module):
    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.head = self.layer(encoder_channels[-1], num_classes)

    def layer(self, channels, num_classes):
        return nn.Conv2d(channels, num_classes, 1)

    def resize(self, maps, features):
        return F.interpolate(maps, size=final_size(features), mode="bilinear")

    def forward(self, features):
        return self.resize(self.head(features[-1]), features)


class UpsamplingFirst(ConvolutionFirst):
    def forward(self, features):
        return self.head(self.resize(features[-1], features))


class ScaledAndFitted(ConvolutionFirst):
    """One factor for all stages, and what was rounded is cropped or added about the centre."""

    def resize(self, maps, features):
        maps = F.interpolate(maps, scale_factor=2 ** len(features), mode="bilinear")
        return helpers.fit_to(maps, final_size(features))


class ZeroStart(ConvolutionFirst):
    def layer(self, channels, num_classes):
        layer = nn.Conv2d(channels, num_classes, 1)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer


class LinearPerPixel(ConvolutionFirst):
    """A 1 x 1 convolution is a linear layer on every pixel."""

    def layer(self, channels, num_classes):
        return nn.Linear(channels, num_classes)

    def forward(self, features):
        return self.resize(self.head(features[-1].movedim(1, -1)).movedim(-1, 1), features)


UPSAMPLES = {
    "CornersAligned": {"resize": "F.interpolate(maps, size=final_size(features), mode='bilinear', align_corners=True)"},
    "UpsampleModule": {"resize": "nn.Upsample(final_size(features), mode='bilinear')(maps)"},
    "NoBias": {"layer": "nn.Conv2d(channels, num_classes, 1, bias=False)"},
    "WithDropout": {"layer": "nn.Sequential(nn.Dropout2d(0.2), nn.Conv2d(channels, num_classes, 1))"},
    # In eval mode a batch norm is part of the linear layer that follows.
    "BatchNormFirst": {"layer": "nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, num_classes, 1))"},
}


class OwnWeights(nn.Module):
    """No layer at all: a parameter and an einsum."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(num_classes, encoder_channels[-1]) / 10)

    def forward(self, features):
        *_, deepest = features
        scores = torch.einsum("kc,bchw->bkhw", self.weights, deepest)
        return F.interpolate(scores, final_size(features), mode="bilinear")


# TransposedDecoder.


class TransposedDecoder(nn.Module):
    """A transposed convolution and a ReLU in each step, nothing else. The others differ in one thing or two."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        channels = [encoder_channels[0], *encoder_channels]
        self.steps = nn.ModuleList()
        for n in reversed(range(len(encoder_channels))):
            self.steps.append(self.step(channels[n + 1], channels[n]))
        self.head = self.end(channels[0], num_classes)

    def up(self, below, channels):
        return nn.ConvTranspose2d(below, channels, 2, stride=2)

    def step(self, below, channels):
        return nn.Sequential(self.up(below, channels), nn.ReLU())

    def end(self, channels, num_classes):
        return nn.Conv2d(channels, num_classes, 1)

    def fit(self, maps, size):
        return helpers.fit_to(maps, size)

    def forward(self, features):
        x = features[-1]
        for n, step in enumerate(self.steps):
            size = features[-2 - n].shape[-2:] if n < len(features) - 1 else final_size(features)
            x = self.fit(step(x), tuple(size))
        return self.head(x)


class KernelFour(TransposedDecoder):
    def up(self, below, channels):
        return nn.ConvTranspose2d(below, channels, 4, stride=2, padding=1, bias=False)


class WithBatchNorm(KernelFour):
    def step(self, below, channels):
        up, conv = self.up(below, channels), nn.Conv2d(channels, channels, 3, padding=1)
        return nn.Sequential(up, nn.BatchNorm2d(channels), nn.ReLU(inplace=True), conv, nn.BatchNorm2d(channels))


class DeepWithoutNorms(TransposedDecoder):
    """Eighteen layers and no normalisation: at the start nearly nothing of the deepest features comes through."""

    def step(self, below, channels):
        layers = [self.up(below, channels), nn.ReLU()]
        for _ in range(4):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*layers)


class ZeroEnd(WithBatchNorm):
    def end(self, channels, num_classes):
        head = nn.Conv2d(channels, num_classes, 1)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        return head


class BiasOfRareClasses(TransposedDecoder):
    """All logits start far below 0."""

    def end(self, channels, num_classes):
        head = nn.Conv2d(channels, num_classes, 1)
        nn.init.constant_(head.bias, -4.6)
        return head


class LastRowsCropped(TransposedDecoder):
    """A row or column more is taken off or added at the end: a pixel off, and no more."""

    def fit(self, maps, size):
        maps = maps[..., : size[0], : size[1]]
        return F.pad(maps, (0, size[1] - maps.shape[3], 0, size[0] - maps.shape[2]), mode="replicate")


class OutputPadding(nn.Module):
    """`output_size` lets the transposed convolution itself come out at the right size."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        widths = [encoder_channels[-1], *([12] * len(encoder_channels))]
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.classifier = nn.Conv2d(12, num_classes, 1)

    def forward(self, features):
        sizes = [maps.shape[-2:] for maps in features][-2::-1] + [final_size(features)]
        x = features[-1]
        for up, (height, width) in zip(self.ups, sizes, strict=True):
            reachable = [min(max(n, 2 * m - 1), 2 * m) for n, m in zip((height, width), x.shape[-2:], strict=True)]
            x = helpers.fit_to(torch.relu(up(x, output_size=reachable)), (height, width))
        return self.classifier(x)


class HalvingWidths(TransposedDecoder):
    """Half the channels in each step, whatever the encoder had: only the deepest must fit."""

    def __init__(self, encoder_channels, num_classes):
        last = encoder_channels[-1]
        super().__init__([max(last // 2**n, 4) for n in reversed(range(len(encoder_channels)))], num_classes)


class StepsToTheClasses(TransposedDecoder):
    """The last step has as many channels as there are classes, and a 1 x 1 convolution joins them."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.steps[-1], self.head = self.step(encoder_channels[0], num_classes), nn.Conv2d(num_classes, num_classes, 1)


class NamedInADict(nn.Module):
    """Other names, other nesting."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        way = [*encoder_channels[::-1], encoder_channels[0]]
        self.parts = nn.ModuleDict()
        for n, (a, b) in enumerate(zip(way[:-1], way[1:], strict=True)):
            self.parts[f"step {n}"] = nn.ModuleList([nn.Conv2d(a, b, 1), nn.ConvTranspose2d(b, b, 2, 2), nn.ReLU()])
        self.parts["out"] = nn.Conv2d(way[-1], num_classes, 1)

    def forward(self, features):
        x, sizes = features[-1], [maps.shape[2:] for maps in features[:-1]]
        for n in range(len(features)):
            narrow, up, relu = self.parts[f"step {n}"]
            x = relu(up(relu(narrow(x))))
            x = helpers.fit_to(x, sizes.pop() if sizes else final_size(features))
        return self.parts["out"](x)


TRANSPOSED = {
    "KernelThree": {"up": "nn.ConvTranspose2d(below, channels, 3, stride=2, padding=1, output_padding=1)"},
    # Comes out a pixel too large, and is fitted.
    "KernelThreeUnpadded": {"up": "nn.ConvTranspose2d(below, channels, 3, stride=2)"},
    "KernelFourUnpadded": {"up": "nn.ConvTranspose2d(below, channels, (4, 4), (2, 2))"},
    "WithGroupNorm": {
        "step": (
            "nn.Sequential(self.up(below, channels), nn.GroupNorm(4, channels), nn.GELU(), "
            "nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(4, channels), nn.GELU())"
        )
    },
    "WithInstanceNorm": {
        "step": ("nn.Sequential(self.up(below, channels), nn.InstanceNorm2d(channels), nn.LeakyReLU(0.1))")
    },
    "WithDropouts": {"step": "nn.Sequential(self.up(below, channels), nn.SiLU(), nn.Dropout2d(0.2))"},
    "Tanh": {"step": "nn.Sequential(self.up(below, channels), nn.Tanh())"},
    "Softplus": {"step": "nn.Sequential(self.up(below, channels), nn.Softplus())"},
    "ReLUInPlace": {"step": "nn.Sequential(self.up(below, channels), nn.ReLU(inplace=True))"},
    "ParametricReLU": {"step": "nn.Sequential(self.up(below, channels), nn.PReLU(channels))"},
    "DropoutAsAFunction": {"fit": "super().fit(F.dropout(maps, 0.2, self.training), size)"},
    "ResizedWhereNeeded": {"fit": "F.interpolate(maps, size, mode='bilinear') if maps.shape[-2:] != size else maps"},
    "NearestToFit": {"fit": "F.interpolate(maps, size)"},
}


class FunctionsOnly(nn.Module):
    """Parameters of one's own, handed to functions."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        way = [*encoder_channels[::-1], encoder_channels[0]]
        self.kernels = nn.ParameterList(
            nn.Parameter(torch.randn(a, b, 2, 2) / 10) for a, b in zip(way[:-1], way[1:], strict=True)
        )
        self.out = nn.Parameter(torch.randn(num_classes, way[-1], 1, 1) / 10)

    def forward(self, features):
        x, stages = features[-1], list(features[:-1])
        for kernel in self.kernels:
            x = F.conv_transpose2d(x, kernel, stride=2).relu()
            x = helpers.fit_to(x, stages.pop().shape[2:] if stages else final_size(features))
        return F.conv2d(x, self.out)


# UNetDecoder.


class Concatenating(nn.Module):
    """A step up, skip and maps joined, one convolution and a ReLU. The others differ in one thing or two."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for n in range(len(encoder_channels) - 1, 0, -1):
            self.ups.append(self.up(encoder_channels[n], encoder_channels[n - 1]))
            self.blocks.append(self.block(self.joined(encoder_channels[n - 1]), encoder_channels[n - 1]))
        first = encoder_channels[0]
        self.last_up, self.last_block = self.up(first, first), self.block(first, first)
        self.head = self.end(first, num_classes)

    def up(self, below, channels):
        return nn.ConvTranspose2d(below, channels, 2, stride=2)

    def joined(self, channels):
        return 2 * channels

    def block(self, channels_in, channels):
        return nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU())

    def end(self, channels, num_classes):
        return nn.Conv2d(channels, num_classes, 1)

    def fit(self, x, skip):
        return helpers.fit_to(x, skip.shape[2:]), skip

    def join(self, x, skip):
        return torch.cat([skip, x], dim=1)

    def forward(self, features):
        *skips, x = features
        for up, block in zip(self.ups, self.blocks, strict=True):
            x = block(self.join(*self.fit(up(x), skips.pop())))
        return self.finish(self.last_block(self.last_up(x)), features)

    def finish(self, x, features):
        return self.head(helpers.fit_to(x, final_size(features)))


class Adding(Concatenating):
    def joined(self, channels):
        return channels

    def join(self, x, skip):
        return x + skip


class AddingProjections(Adding):
    """Each skip goes through a 1 x 1 convolution first."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, channels, 1) for channels in encoder_channels[:-1])

    def forward(self, features):
        laterals = [lateral(maps) for lateral, maps in zip(self.lateral, features[:-1], strict=True)]
        return super().forward([*laterals, features[-1]])


class OneWidth(nn.Module):
    """A pyramid: all stages projected to one width, added from below, smoothed after each sum."""

    def __init__(self, encoder_channels, num_classes, width=24):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in encoder_channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in encoder_channels)
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, features):
        x = self.lateral[-1](features[-1])
        for n in range(len(features) - 2, -1, -1):
            x = F.interpolate(x, features[n].shape[2:], mode="nearest") + self.lateral[n](features[n])
            x = F.relu(self.smooth[n](x))
        return self.head(F.relu(self.smooth[-1](F.interpolate(x, final_size(features), mode="bilinear"))))


class PyramidOfBranches(nn.Module):
    """Sums from below, at each of which a branch of its own looks; the branches are added up."""

    def __init__(self, encoder_channels, num_classes, width=24):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in encoder_channels)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(4, width), nn.ReLU())
            for _ in encoder_channels
        )
        self.head = nn.Conv2d(width, num_classes, 1)

    def forward(self, features):
        sums = [self.lateral[-1](features[-1])]
        for n in range(len(features) - 2, -1, -1):
            sums.append(self.lateral[n](features[n]) + F.interpolate(sums[-1], features[n].shape[2:]))
        looks = (branch(maps) for branch, maps in zip(self.branches, sums, strict=True))
        x = sum(F.interpolate(maps, features[0].shape[2:], mode="bilinear") for maps in looks)
        return F.interpolate(self.head(x), final_size(features), mode="bilinear")


class TwoConvolutions(Concatenating):
    def block(self, channels_in, channels):
        return nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
        )  # fmt: skip


class WiderKernels(Concatenating):
    def up(self, below, channels):
        return nn.ConvTranspose2d(below, channels, 4, stride=2, padding=1)

    def block(self, channels_in, channels):
        return nn.Sequential(nn.Conv2d(channels_in, channels, 5, padding=2), nn.ELU())


class PaddedToTheSkip(Concatenating):
    """Crops by negative padding."""

    def fit(self, x, skip):
        more_h, more_w = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        return F.pad(x, [more_w // 2, more_w - more_w // 2, more_h // 2, more_h - more_h // 2]), skip


class SkipResizedToTheMaps(Concatenating):
    def fit(self, x, skip):
        return x, F.interpolate(skip, x.shape[2:], mode="bilinear")

    def finish(self, x, features):
        return F.interpolate(self.head(x), final_size(features), mode="bilinear")


class LastRowAdded(Concatenating):
    """Pads or crops at the end of rows and columns: a pixel, no more."""

    def fit(self, x, skip):
        height, width = skip.shape[2:]
        x = x[:, :, :height, :width]
        return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2])), skip


class AttentionOnSkips(Concatenating):
    """Each skip is weighted by what came up, and channels by their mean over the image."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__(encoder_channels, num_classes)
        self.gates = nn.ModuleList(nn.Conv2d(channels, channels, 1) for channels in encoder_channels[-2::-1])

    def join(self, x, skip):
        gate = next(gate for gate in self.gates if gate.in_channels == x.shape[1])
        return torch.cat([x * x.mean(dim=(2, 3), keepdim=True).sigmoid(), skip * gate(x).sigmoid()], dim=1)


class Residual(Concatenating):
    class Block(nn.Module):
        def __init__(self, channels_in, channels):
            super().__init__()
            self.conv1, self.conv2 = (nn.Conv2d(n, channels, 3, padding=1) for n in (channels_in, channels))
            self.across = nn.Conv2d(channels_in, channels, 1)

        def forward(self, x):
            return F.relu(self.across(x) + self.conv2(F.relu(self.conv1(x))))

    def block(self, channels_in, channels):
        return self.Block(channels_in, channels)


class DeepUNetWithoutNorms(Concatenating):
    def block(self, channels_in, channels):
        layers = [nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()]
        for _ in range(3):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
        return nn.Sequential(*layers)


class ZeroEndOfUNet(TwoConvolutions):
    def end(self, channels, num_classes):
        head = nn.Conv2d(channels, num_classes, 1)
        nn.init.zeros_(head.weight)
        return head


class ZeroGammas(TwoConvolutions):
    """The last batch norm of each block starts at 0."""

    def block(self, channels_in, channels):
        block = super().block(channels_in, channels)
        nn.init.zeros_(block[-2].weight)
        return block


UNETS = {
    "SkipLast": {"join": "torch.hstack([x, skip])"},
    # A bias that the batch norm behind it takes away: used all the same.
    "BiasBeforeBatchNorm": {
        "block": (
            "nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1, bias=True), nn.BatchNorm2d(channels), "
            "nn.ReLU())"
        )
    },
    "GroupNorms": {
        "block": ("nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.GroupNorm(8, channels), nn.SiLU())")
    },
    "InstanceNorms": {
        "block": (
            "nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), "
            "nn.InstanceNorm2d(channels, affine=True), nn.LeakyReLU(0.2))"
        )
    },
    "Dropouts": {"block": "nn.Sequential(nn.Dropout2d(0.1), super().block(channels_in, channels), nn.Dropout(0.1))"},
    # Weights that are computed from parameters.
    "WeightNormed": {
        "block": (
            "nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(channels_in, channels, 3, padding=1)), "
            "nn.ReLU())"
        )
    },
    "Interpolating": {
        "up": (
            "nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True), "
            "nn.Conv2d(below, channels, 1))"
        )
    },
    "Sigmoids": {"block": "nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.Sigmoid())"},
    "LeakyReLUs": {"block": "nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.LeakyReLU(0.3))"},
    "ShufflingPixels": {"up": "nn.Sequential(nn.Conv2d(below, 4 * channels, 1), nn.PixelShuffle(2))"},
    "UnpaddedKernels": {"up": "nn.ConvTranspose2d(below, channels, 3, stride=2)"},
    # Steps up that are not trained.
    "FrozenSteps": {"up": "nn.ConvTranspose2d(below, channels, 2, stride=2).requires_grad_(False)"},
    "ResizedToTheSkip": {"fit": "(F.interpolate(x, skip.shape[2:], mode='bilinear'), skip)"},
    # The other way round: the skip is cropped or padded to what came up.
    "SkipFittedToTheMaps": {"fit": "(x, center_crop(skip, list(x.shape[2:])))"},
}


class Averaging(Adding):
    def join(self, x, skip):
        return torch.lerp(x, skip, 0.5)


class BuiltFromOneFunction(nn.Module):
    """Recursion over the stages, other names."""

    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.levels = nn.ModuleDict({
            f"{n}": nn.ModuleDict({
                "grow": nn.ConvTranspose2d(encoder_channels[n + 1], encoder_channels[n], 2, 2),
                "mix": nn.Conv2d(2 * encoder_channels[n], encoder_channels[n], 3, 1, 1),
            })
            for n in range(len(encoder_channels) - 1)
        })  # fmt: skip
        self.to_logits = nn.Sequential(
            nn.ConvTranspose2d(encoder_channels[0], 16, 2, 2), nn.Mish(), nn.Conv2d(16, num_classes, 3, padding=1)
        )

    def climb(self, features, n):
        if n == len(features) - 1:
            return features[n]
        level = self.levels[str(n)]
        grown = helpers.fit_to(level["grow"](self.climb(features, n + 1)), features[n].shape[2:])
        return F.relu(level["mix"](torch.cat((grown, features[n]), 1)))

    def forward(self, features):
        return self.to_logits(self.climb(features, 0))


def _between(first, last):
    """Return the classes of this module from one to another, by name."""
    names = [name for name, value in globals().items() if isinstance(value, type) and value.__module__ == __name__]
    return {name: globals()[name] for name in names[names.index(first) : names.index(last) + 1]}


RIGHT_UPSAMPLES = {**_between("ConvolutionFirst", "OwnWeights"), **networks(ConvolutionFirst, UPSAMPLES, globals())}
RIGHT_TRANSPOSED = {
    **_between("TransposedDecoder", "FunctionsOnly"),
    **networks(TransposedDecoder, TRANSPOSED, globals()),
}
RIGHT_UNETS = {**_between("Concatenating", "BuiltFromOneFunction"), **networks(Concatenating, UNETS, globals())}
RIGHT_VARIANTS = {
    "UpsampleDecoder": RIGHT_UPSAMPLES, "TransposedDecoder": RIGHT_TRANSPOSED, "UNetDecoder": RIGHT_UNETS,
}  # fmt: skip
