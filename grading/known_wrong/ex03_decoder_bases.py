"""What known wrong decoders of exercise 3 are made from: three that are right, and what all of them can get wrong."""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

import helpers
from grading.known_wrong.table import networks

__all__ = ["COMMON", "TransposedDecoder", "UNetDecoder", "UpsampleDecoder", "decoders"]


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
        return torch.cat([skip, maps], dim=1)

    def forward(self, features):
        maps = self.start(features)
        for skip, up, look in zip(self.skips(features), self.ups, self.looks, strict=True):
            maps = look(self.join(*self.fit(up(maps), skip)))
        return self.classify(self.last(maps))


def doubled(encoder_channels):
    """Return the channels that some take for granted: those of the first stage, doubled from stage to stage."""
    return [encoder_channels[0] * 2**n for n in range(len(encoder_channels))]


# What every decoder can get wrong.


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


def without_super_init(right):
    class Wrong(nn.Module):
        def __init__(self, encoder_channels, num_classes):
            self.decoder = right(encoder_channels, num_classes)

    return Wrong


def without_module(right):
    return lambda encoder_channels, num_classes: SimpleNamespace(forward=right(encoder_channels, num_classes).forward)


COMMON = {
    "wrong_size.once": {"forward": "F.avg_pool2d(logits, 2)"},
    "wrong_size.four_times": {"forward": "F.interpolate(logits, scale_factor=2)"},
    "size_swapped": {"forward": "logits.transpose(2, 3)"},
    "fixed_number_of_classes": {"__init__": "super().__init__(encoder_channels, 21)"},
    "fixed_number_of_classes.one_more": {"__init__": "super().__init__(encoder_channels, num_classes + 1)"},
    "drops_the_batch_axis": {"forward": "logits.squeeze()"},
    "wrong_batch": {"forward": "torch.cat([logits, logits])"},
    "shape": {"forward": "logits.flatten(2)"},
    "labels": {"forward": "logits.argmax(dim=1)"},
    "no_padding": {"forward": "F.avg_pool2d(logits, 3, stride=1)"},
    "list_as_maps": {"forward": "self.classify(features)"},
    "list_as_maps.attribute": {"forward": "logits[..., : features.shape[2], :]"},
    "list_as_number": {"__init__": "super().__init__([encoder_channels] * 4, num_classes)"},
    "index_beyond": {"forward": "super().forward([features[n] for n in range(len(features) + 1)])"},
    "type": {"forward": "[logits]"},
    "dtype": {"forward": "logits.double()"},
    "numpy": {"forward": "logits.detach().numpy()"},
    "not_finite": {"forward": "logits / (logits - logits).sum()"},
    "softmax_on_logits": {"forward": "logits.softmax(dim=1)"},
    "sigmoid_on_logits": {"forward": "torch.sigmoid(logits)"},
    "relu_on_logits": {"forward": "F.relu(logits)"},
    "detached_output": {"forward": "logits.detach()"},
    "detached_features": {"forward": "super().forward([maps.detach() for maps in features])"},
    "ignores_features": {"forward": "super().forward([torch.ones_like(maps) for maps in features])"},
    "dropout_in_eval": {"forward": "super().forward([F.dropout(maps, 0.2) for maps in features])"},
    "mixes_images": {"forward": "super().forward([m - m.mean(dim=0) if len(m) > 1 else m for m in features])"},
    "mixes_images.batch_statistics": {"forward": "F.batch_norm(logits, None, None, training=True)"},
    "changed.popped": popped,
    "changed.reversed": reversed_in_place,
    "changed.relu": {"forward": "super().forward([F.relu(maps, inplace=True) for maps in features])"},
    "lazy_layers": with_last_layer(lambda layer: nn.LazyConv2d(layer.out_channels, 1)),
    "lazy_layers.in_forward": with_last_layer(lambda layer: InForward(layer, keep=True)),
    "layers_in_forward": with_last_layer(lambda layer: InForward(layer, keep=False)),
    "unregistered_layers": with_last_layer(InAList),
    "unused_parameters": with_layer_to_spare,
    "no_super_init": without_super_init,
    "not_a_module": without_module,
    "NameError": {"forward": "classify(logits)"},
    "NameError.of_self": {"forward": "self.head(logits)"},
}


def decoders(right, rows, names):
    """Return what every decoder can get wrong, made from the right one, and what stands in its own rows.

    Texts may use the names of this module and `names`, those of the rows' own.
    """
    common = {mistake: row(right) if callable(row) else row for mistake, row in COMMON.items()}
    return networks(right, {**common, **rows}, {**globals(), **names}, {"logits": "super().forward(features)"})
