"""Known wrong answers to exercise 5: ordinary code of ordinary mistakes, by the name that checks and feedback use."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import ndimage

from grading.known_wrong import ex05_quality
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


def places_of(size):
    """Return the place of each pixel, float (2, H, W), x then y."""
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in size), indexing="ij")
    return torch.stack([columns, rows]).float()


# offset_targets


def pointing(masks, centre_of=None, numbers_of=None, value=None):
    """Return offsets of masks, right where nothing else is given.

    Args:
        centre_of: `centre_of(places)` -> (2, 1), of the places (2, n) of a person's pixels.
        numbers_of: `numbers_of(mask)` -> the numbers that are taken for people.
        value: `value(centre, places)` -> what these pixels get.
    """
    centre_of = centre_of or (lambda places: places.mean(dim=1, keepdim=True))
    numbers_of = numbers_of or (lambda mask: mask[mask > 0].unique())
    value = value or (lambda centre, places: centre - places)
    places = places_of(masks.shape[1:])
    offsets = torch.zeros(len(masks), 2, *masks.shape[1:])
    for mask, offset in zip(masks, offsets, strict=True):
        for number in numbers_of(mask):
            own = mask == number
            if own.any():
                offset[:, own] = value(centre_of(places[:, own]), places[:, own])
    return offsets


def one_centre_for_all(masks):
    return pointing((masks > 0).long())


def same_number_in_all_images(masks):
    places, offsets = places_of(masks.shape[1:]), torch.zeros(len(masks), 2, *masks.shape[1:])
    for number in masks[masks > 0].unique():
        image, row, column = (masks == number).nonzero(as_tuple=True)
        own = places[:, row, column]
        offsets[image, :, row, column] = (own.mean(dim=1, keepdim=True) - own).T
    return offsets


def first_image_only(masks):
    return pointing(masks[:1]).expand(len(masks), -1, -1, -1).clone()


def pieces(mask, across=True):
    """Return the numbers of the connected pieces of a mask, of each person by themselves."""
    found, count = torch.zeros_like(mask), 0
    for number in mask[mask > 0].unique():
        labels, more = ndimage.label((mask == number).numpy(), np.ones((3, 3)) if across else None)
        labels = torch.from_numpy(labels).long()
        found[labels > 0] = labels[labels > 0] + count
        count += more
    return found


def piece_by_piece(masks, across=True):
    return pointing(torch.stack([pieces(mask, across) for mask in masks]))


def largest_piece(masks, across=True):
    """Points at the centre of the largest piece of each person."""
    places, offsets = places_of(masks.shape[1:]), torch.zeros(len(masks), 2, *masks.shape[1:])
    for mask, offset in zip(masks, offsets, strict=True):
        found = pieces(mask, across)
        for number in mask[mask > 0].unique():
            own = mask == number
            largest = found == found[own].bincount().argmax()
            offset[:, own] = places[:, largest].mean(dim=1, keepdim=True) - places[:, own]
    return offsets


def changes_masks(masks):
    offsets = pointing(masks)
    masks[masks > 0] = 1
    return offsets


def nan_where_nobody_is(masks):
    places, offsets = places_of(masks.shape[1:]), torch.full((len(masks), 2, *masks.shape[1:]), math.nan)
    for mask, offset in zip(masks, offsets, strict=True):
        for number in mask[mask > 0].unique():
            own = mask == number
            offset[:, own] = places[:, own].mean(dim=1, keepdim=True) - places[:, own]
    return offsets


def empty_mean(masks):
    """Masks the places of one person after another with products: the centre of a number that is missing is 0 / 0."""
    places, offsets = places_of(masks.shape[1:]), torch.zeros(len(masks), 2, *masks.shape[1:])
    for mask, offset in zip(masks, offsets, strict=True):
        for number in range(1, int(masks.max()) + 1):
            own = (mask == number).float()
            centre = (places * own).sum(dim=(1, 2)) / own.sum()
            offset += (centre[:, None, None] - places) * own
    return offsets


SIDES = "torch.tensor([[masks.shape[2]], [masks.shape[1]]])"
OFFSETS = {
    "changes_its_arguments": changes_masks,
    "away_from_the_centre": "-pointing(masks)",
    "rows_first": "pointing(masks).flip(1)",
    "rows_first.away": "-pointing(masks).flip(1)",
    "middle_of_the_box": "pointing(masks, lambda places: (places.amin(1) + places.amax(1))[:, None] / 2)",
    "median": "pointing(masks, lambda places: places.median(dim=1, keepdim=True).values)",
    "whole_pixels": "pointing(masks, lambda places: places.mean(dim=1, keepdim=True).round())",
    "whole_pixels.floor": "pointing(masks, lambda places: places.mean(dim=1, keepdim=True).floor())",
    "centre_itself": "pointing(masks, value=lambda centre, places: centre)",
    "own_place": "pointing(masks, value=lambda centre, places: places)",
    "one_centre_for_all": one_centre_for_all,
    "same_number_in_all_images": same_number_in_all_images,
    "first_image_only": first_image_only,
    "piece_by_piece": piece_by_piece,
    "piece_by_piece.four_neighbours": "piece_by_piece(masks, across=False)",
    "largest_piece": largest_piece,
    "largest_piece.four_neighbours": "largest_piece(masks, across=False)",
    "nobody_counts": "pointing(masks, numbers_of=lambda mask: mask.unique())",
    "drops_the_first": "pointing(masks, numbers_of=lambda mask: mask.unique()[1:])",
    "few_bits": "pointing(masks.to(torch.uint8))",
    "few_bits.signed": "pointing(masks.to(torch.int8))",
    "in_shares": f"pointing(masks, value=lambda centre, places: (centre - places) / {SIDES})",
    "in_shares.last": f"pointing(masks, value=lambda centre, places: (centre - places) / ({SIDES} - 1))",
    "in_shares.twice": f"pointing(masks, value=lambda centre, places: 2 * (centre - places) / {SIDES})",
    "unit_vectors": "torch.nn.functional.normalize(pointing(masks), dim=1)",
    "counts_up": "pointing(masks, numbers_of=lambda mask: range(1, len(mask[mask > 0].unique()) + 1))",
    "counts_up.four": "pointing(masks, numbers_of=lambda mask: range(1, 5))",
    "counts_up.with_nobody": "pointing(masks, numbers_of=lambda mask: range(1, len(mask.unique())))",
    "counts_up.below_the_largest": "pointing(masks, numbers_of=lambda mask: range(1, int(mask.max())))",
    "nan_where_nobody_is": nan_where_nobody_is,
    "nan_where_nobody_is.missing_number": empty_mean,
    "other_dtype": "pointing(masks).double()",
    "other_dtype.half": "pointing(masks).half()",
}


# group_pixels


def distances(aims, centres):
    """Return how far the places (2, H, W) are from each centre, (N, H, W)."""
    return (aims - centres[:, :, None, None]).square().sum(dim=1).sqrt()


def nearest(person, apart, none=0):
    """Return the groups by distances (N, H, W)."""
    if len(apart) == 0:
        return torch.where(person, none, 0)
    return torch.where(person, apart.argmin(dim=0) + 1, 0)


def changes_offsets(offsets, person, centres):
    offsets += places_of(person.shape)
    return nearest(person, distances(offsets, centres))


def nobody_counts(offsets, person, centres):
    return nearest(torch.ones_like(person), distances(places_of(person.shape) + offsets, centres))


def drops_far(offsets, person, centres, reach=10.0):
    apart = distances(places_of(person.shape) + offsets, centres)
    return nearest(person & (apart < reach).any(dim=0), apart)


def drops_what_points_outside(offsets, person, centres):
    x, y = aims = places_of(person.shape) + offsets
    inside = (x >= 0) & (x <= person.shape[1] - 1) & (y >= 0) & (y <= person.shape[0] - 1)
    return nearest(person & inside, distances(aims, centres))


def moved_inside(aims):
    height, width = aims.shape[1:]
    return torch.stack([aims[0].clamp(0, width - 1), aims[1].clamp(0, height - 1)])


def fails_without_centres(offsets, person, centres):
    return torch.where(person, distances(places_of(person.shape) + offsets, centres).argmin(dim=0) + 1, 0)


GROUPS_GIVEN = {
    "places": "places_of(person.shape)",
    "aims": "places + offsets",
    "turned": "places.flip(0)",
    "apart": "distances(aims, centres)",
    "way": "(aims - centres[:, :, None, None])",
}
GROUPS = {
    "changes_its_arguments": changes_offsets,
    "ignores_offsets": "nearest(person, distances(places, centres))",
    "offsets_alone": "nearest(person, distances(offsets, centres))",
    "subtracts": "nearest(person, distances(places - offsets, centres))",
    "rows_first": "nearest(person, distances(turned + offsets, centres))",
    "offsets_rows_first": "nearest(person, distances(places + offsets.flip(0), centres))",
    "offsets_rows_first.centres": "nearest(person, distances(aims, centres.flip(1)))",
    "counts_from_zero": "(nearest(person, apart) - 1).clamp(min=0)",
    "counts_from_zero.nobody_below": "nearest(person, apart) - 1",
    "minus_one_for_nobody": "torch.where(person, nearest(person, apart), -1)",
    "nobody_counts": nobody_counts,
    "centres_in_another_order": "nearest(person, distances(aims, centres[centres[:, 0].argsort()]))",
    "centres_in_another_order.by_y": "nearest(person, distances(aims, centres[centres[:, 1].argsort()]))",
    "centres_in_another_order.backwards": "nearest(person, distances(aims, centres.flip(0)))",
    "farthest": "nearest(person, -apart)",
    "clamped": "nearest(person, distances(moved_inside(aims), centres))",
    "l1_distance": "nearest(person, way.abs().sum(dim=1))",
    "l1_distance.larger": "nearest(person, way.abs().amax(dim=1))",
    "one_axis": "nearest(person, way[:, 0].abs())",
    "one_axis.y": "nearest(person, way[:, 1].abs())",
    "summed_before_squares": "nearest(person, way.sum(dim=1).abs())",
    "whole_pixels": "nearest(person, distances(aims.round(), centres.round()))",
    "whole_pixels.aims": "nearest(person, distances(aims.round(), centres))",
    "whole_pixels.aims_floor": "nearest(person, distances(aims.floor(), centres))",
    "whole_pixels.centres": "nearest(person, distances(aims, centres.round()))",
    "half_a_pixel": "nearest(person, distances(aims + 0.5, centres))",
    "half_a_pixel.less": "nearest(person, distances(aims - 0.5, centres))",
    "whole_pixels.long": "nearest(person, distances(aims.long(), centres.long().float()))",
    "drops_far": drops_far,
    "drops_far.five": "drops_far(offsets, person, centres, 5.0)",
    "drops_far.fifty": "drops_far(offsets, person, centres, 50.0)",
    "drops_far.outside": drops_what_points_outside,
    "fails_without_centres": fails_without_centres,
    "everybody_without_centres": "nearest(person, apart, none=1)",
    "other_dtype": "nearest(person, apart).int()",
    "other_dtype.float": "nearest(person, apart).float()",
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "offset_targets": answers("masks", OFFSETS, globals()),
    "group_pixels": answers("offsets, person, centres", GROUPS, globals(), GROUPS_GIVEN),
    **ex05_quality.KNOWN_WRONG,
}
