"""Known wrong answers to exercise 4's questions about crops, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

__all__ = ["KNOWN_WRONG"]


# boxes_to_crops: the steps of a right answer, for all mistakes but their own


def _size(crop_size):
    return (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)


def _centre(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _asked(boxes, size):
    """Return the scales (N, 2) that x and y ask for, before padding."""
    return ((boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([size[1], size[0]])).clamp(min=1e-3)


def _scale(boxes, size):
    return _asked(boxes, size).amax(dim=1)


def _transforms(centre, scale, size):
    """Return transforms (N, 2, 3) from scales (N,) or (N, 2), with centre on centre."""
    scales = scale[:, None].expand(-1, 2) if scale.ndim == 1 else scale
    shift = centre - scales * scale.new_tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])
    return torch.cat([torch.diag_embed(scales), shift[:, :, None]], dim=2)


def _places(transforms, size):
    """Return where the pixels of crops look: (N, h, w, 2), x then y."""
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1).to(transforms)
    return torch.einsum("nij,hwj->nhwi", transforms, pixels)


def _owners(boxes_xyxy):
    return [i for i, boxes in enumerate(boxes_xyxy) for _ in boxes]


def _look(images, places, **settings):
    """Return what images (N, 3, H, W) show at places (N, h, w, 2)."""
    height, width = images.shape[2:]
    grid = (2 * places + 1) / places.new_tensor([width, height]) - 1
    return F.grid_sample(images, grid, **{"align_corners": False, **settings})


def _cut(images, boxes_xyxy, transforms, size, **settings):
    return _look(images[_owners(boxes_xyxy)], _places(transforms, size), **settings), transforms


def _scaled(images, boxes_xyxy, crop_size, scale):
    """Return crops and transforms with `scale(boxes, size)`, centred as they should be."""
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    return _cut(images, boxes_xyxy, _transforms(_centre(boxes), scale(boxes, size), size), size)


def _centred(images, boxes_xyxy, crop_size, padding, centre):
    """Return crops and transforms with `centre(boxes, scale, size)`, scaled as they should be."""
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    scale = padding * _scale(boxes, size)
    return _cut(images, boxes_xyxy, _transforms(centre(boxes, scale, size), scale, size), size)


def _right(images, boxes_xyxy, crop_size, padding=1.25, **settings):
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    scale = padding * _scale(boxes, size)
    return _cut(images, boxes_xyxy, _transforms(_centre(boxes), scale, size), size, **settings)


# boxes_to_crops: scale


def crops_stretched(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size))


def crops_stretched__without_padding(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, _asked)


def crops_stretched__from_a_square(images, boxes_xyxy, crop_size, padding=1.25):
    """The box becomes a square, which an oblong crop stretches again."""

    def scale(boxes, size):
        side = padding * (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True).clamp(min=1e-3)
        return side / boxes.new_tensor([size[1], size[0]])

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_stretched__resized(images, boxes_xyxy, crop_size, padding=1.25):
    """Cut out by slices, then resized."""
    crops, transforms, (h, w) = [], [], _size(crop_size)
    for image, boxes in zip(images, boxes_xyxy, strict=True):
        for box in boxes:
            cx, cy, bw, bh = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
            x1, x2 = (round(float(cx + sign * padding * bw / 2)) for sign in (-1, 1))
            y1, y2 = (round(float(cy + sign * padding * bh / 2)) for sign in (-1, 1))
            part = image[:, max(y1, 0) : max(y2, 0) + 1, max(x1, 0) : max(x2, 0) + 1]
            crops.append(F.interpolate(part[None], (h, w), mode="bilinear")[0])
            transforms.append(image.new_tensor([[(x2 - x1) / w, 0, x1], [0, (y2 - y1) / h, y1]]))
    if not crops:
        return images.new_zeros(0, 3, h, w), images.new_zeros(0, 2, 3)
    return torch.stack(crops), torch.stack(transforms)


def crops_smaller_scale(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size).amin(dim=1))


def crops_width_only(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size)[:, 0])


def crops_height_only(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size)[:, 1])


def crops_mean_scale(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size).mean(dim=1))


def crops_mean_scale__of_areas(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _asked(boxes, size).prod(dim=1).sqrt())


def crops_longest_sides(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _longest(boxes) / max(size))


def crops_longest_sides__by_the_shorter(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _longest(boxes) / min(size))


def crops_longest_sides__by_the_height(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _longest(boxes) / size[0])


def crops_longest_sides__by_the_width(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _longest(boxes) / size[1])


def _longest(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).amax(dim=1).clamp(min=1e-3)


def crops_crop_sides_swapped(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding * _scale(boxes, size[::-1]))


def crops_one_scale_for_all(images, boxes_xyxy, crop_size, padding=1.25):
    def scale(boxes, size):
        scales = padding * _scale(boxes, size)
        return scales.amax().expand(len(boxes)) if len(boxes) else scales

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_one_scale_for_all__of_an_image(images, boxes_xyxy, crop_size, padding=1.25):
    def scale(boxes, size):
        parts = padding * _scale(boxes, size)
        return torch.cat([s.max().expand(len(s)) if len(s) else s for s in parts.split([len(b) for b in boxes_xyxy])])

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_scale_upside_down(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: 1 / (padding * _scale(boxes, size)))


def crops_padding_forgotten(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, _scale)


def crops_padding_twice(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding**2 * _scale(boxes, size))


def crops_padding_both_sides(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: (2 * padding - 1) * _scale(boxes, size))


def crops_padding_both_sides__each(images, boxes_xyxy, crop_size, padding=1.25):
    """Each side grows by `padding` times itself, to the left and to the right."""
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: (2 * padding + 1) * _scale(boxes, size))


def crops_padding_both_sides__one_more(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: (1 + padding) * _scale(boxes, size))


def crops_padding_in_pixels(images, boxes_xyxy, crop_size, padding=1.25):
    def scale(boxes, size):
        return (_asked(boxes, size) + 2 * padding / boxes.new_tensor([size[1], size[0]])).amax(dim=1)

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_padding_in_pixels__added_to_scale(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: padding + _scale(boxes, size))


def crops_padding_divides(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: _scale(boxes, size) / padding)


def crops_padding_fixed(images, boxes_xyxy, crop_size, padding=1.25):
    return _scaled(images, boxes_xyxy, crop_size, lambda boxes, size: 1.25 * _scale(boxes, size))


# boxes_to_crops: place


def crops_clamped_to_image(images, boxes_xyxy, crop_size, padding=1.25):
    height, width = images.shape[2:]
    last = images.new_tensor([width - 1, height - 1] * 2)
    inside = [torch.minimum(boxes.clamp(min=0), last) for boxes in boxes_xyxy]
    return _right(images, inside, crop_size, padding)


def crops_clamped_to_image__with_padding(images, boxes_xyxy, crop_size, padding=1.25):
    """The padded box is clamped."""
    height, width = images.shape[2:]
    last, grown = images.new_tensor([width - 1, height - 1] * 2), []
    for boxes in boxes_xyxy:
        half = padding * (boxes[:, 2:] - boxes[:, :2]) / 2
        corners = torch.cat([_centre(boxes) - half, _centre(boxes) + half], dim=1)
        grown.append(torch.minimum(corners.clamp(min=0), last))
    return _right(images, grown, crop_size, 1.0)


def crops_moved_into_image(images, boxes_xyxy, crop_size, padding=1.25):
    def centre(boxes, scale, size):
        half = scale[:, None] * boxes.new_tensor([size[1] - 1, size[0] - 1]) / 2
        last = boxes.new_tensor([images.shape[3] - 1, images.shape[2] - 1])
        return torch.maximum(torch.minimum(_centre(boxes), last - half), half)

    return _centred(images, boxes_xyxy, crop_size, padding, centre)


def crops_starts_at_corner(images, boxes_xyxy, crop_size, padding=1.25):
    def centre(boxes, scale, size):
        return boxes[:, :2] + scale[:, None] * boxes.new_tensor([size[1] - 1, size[0] - 1]) / 2

    return _centred(images, boxes_xyxy, crop_size, padding, centre)


def crops_starts_at_corner__of_the_padded_box(images, boxes_xyxy, crop_size, padding=1.25):
    """As large as the larger side asks, but the shorter one grows to one side only."""

    def centre(boxes, scale, size):
        corner = _centre(boxes) - padding * (boxes[:, 2:] - boxes[:, :2]) / 2
        return corner + scale[:, None] * boxes.new_tensor([size[1] - 1, size[0] - 1]) / 2

    return _centred(images, boxes_xyxy, crop_size, padding, centre)


def crops_centred_on_corner(images, boxes_xyxy, crop_size, padding=1.25):
    return _centred(images, boxes_xyxy, crop_size, padding, lambda boxes, *_: boxes[:, :2])


def crops_centred_on_corner__opposite(images, boxes_xyxy, crop_size, padding=1.25):
    return _centred(images, boxes_xyxy, crop_size, padding, lambda boxes, *_: boxes[:, 2:])


def crops_boxes_as_xywh(images, boxes_xyxy, crop_size, padding=1.25):
    as_corners = [torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1) for boxes in boxes_xyxy]
    return _right(images, as_corners, crop_size, padding)


def crops_boxes_as_cxcywh(images, boxes_xyxy, crop_size, padding=1.25):
    as_corners = [torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], dim=1) for b in boxes_xyxy]
    return _right(images, as_corners, crop_size, padding)


def crops_boxes_y_first(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes[:, [1, 0, 3, 2]] for boxes in boxes_xyxy], crop_size, padding)


# boxes_to_crops: what a crop shows


def crops_crop_size_w_first(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, _size(crop_size)[::-1], padding)


def crops_transposed_crop(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops.transpose(2, 3), transforms


def crops_transposed_crop__reshaped(images, boxes_xyxy, crop_size, padding=1.25):
    """A grid with the axes (w, h), taken for (h, w)."""
    boxes, (h, w) = torch.cat(boxes_xyxy), _size(crop_size)
    transforms = _transforms(_centre(boxes), padding * _scale(boxes, (h, w)), (h, w))
    places = _places(transforms, (h, w)).transpose(1, 2).reshape(-1, h, w, 2)
    return _look(images[_owners(boxes_xyxy)], places), transforms


def crops_mirrored_crop(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops.flip(3), transforms


def crops_mirrored_crop__upside_down(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops.flip(2), transforms


def crops_grid_y_first(images, boxes_xyxy, crop_size, padding=1.25):
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    places, (height, width) = _places(transforms, _size(crop_size)), images.shape[2:]
    grid = (2 * places + 1) / places.new_tensor([width, height]) - 1
    return F.grid_sample(images[_owners(boxes_xyxy)], grid.flip(-1), align_corners=False), transforms


def crops_border_replicated(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, crop_size, padding, padding_mode="border")


def crops_border_reflected(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, crop_size, padding, padding_mode="reflection")


def crops_border_filled(images, boxes_xyxy, crop_size, padding=1.25):
    """Grey outside."""
    crops, transforms = _right(images - 0.5, boxes_xyxy, crop_size, padding)
    return crops + 0.5, transforms


def crops_border_filled__with_the_mean(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    inside = _right(torch.ones_like(images), boxes_xyxy, crop_size, padding)[0]
    return crops + (1 - inside) * images.mean(dim=(2, 3), keepdim=True)[_owners(boxes_xyxy)], transforms


def crops_nearest(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, crop_size, padding, mode="nearest")


def crops_half_pixel(images, boxes_xyxy, crop_size, padding=1.25):
    """From outer edges, read as from pixel centres."""
    return _right(images, boxes_xyxy, crop_size, padding, align_corners=True)


def crops_half_pixel__without_half(images, boxes_xyxy, crop_size, padding=1.25):
    """The edges are half a pixel away from where this grid takes them to be."""
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    return _look(images[_owners(boxes_xyxy)], _places(transforms, _size(crop_size)) - 0.5), transforms


def crops_half_pixel__from_centres(images, boxes_xyxy, crop_size, padding=1.25):
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    height, width = images.shape[2:]
    grid = 2 * _places(transforms, _size(crop_size)) / images.new_tensor([width - 1, height - 1]) - 1
    return F.grid_sample(images[_owners(boxes_xyxy)], grid, align_corners=False), transforms


def crops_half_pixel__by_width_and_centres(images, boxes_xyxy, crop_size, padding=1.25):
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    height, width = images.shape[2:]
    grid = 2 * _places(transforms, _size(crop_size)) / images.new_tensor([width, height]) - 1
    return F.grid_sample(images[_owners(boxes_xyxy)], grid, align_corners=True), transforms


def crops_half_crop_pixel(images, boxes_xyxy, crop_size, padding=1.25):
    """The crop's centre is (w - 1) / 2 in the crop, but w / 2 in the transform."""
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    shift = transforms[:, :, 2] - transforms[:, :, :2].sum(dim=2) / 2
    return crops, torch.cat([transforms[:, :, :2], shift[:, :, None]], dim=2)


def crops_half_crop_pixel__the_other_way(images, boxes_xyxy, crop_size, padding=1.25):
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    shift = transforms[:, :, 2] - transforms[:, :, :2].sum(dim=2) / 2
    moved = torch.cat([transforms[:, :, :2], shift[:, :, None]], dim=2)
    return _look(images[_owners(boxes_xyxy)], _places(moved, _size(crop_size))), transforms


def crops_half_crop_pixel__from_edge_to_edge(images, boxes_xyxy, crop_size, padding=1.25):
    """`affine_grid` with `align_corners=True` puts the outermost pixels on the edges; the transform does not."""
    transforms, (h, w) = _right(images, boxes_xyxy, crop_size, padding)[1], _size(crop_size)
    centre = _transforms_at(transforms, [(w - 1) / 2, (h - 1) / 2])
    scales = transforms[:, [0, 1], [0, 1]] * transforms.new_tensor([w / (w - 1), h / (h - 1)])
    return _look(images[_owners(boxes_xyxy)], _places(_transforms(centre, scales, (h, w)), (h, w))), transforms


def _transforms_at(transforms, pixel):
    return transforms @ transforms.new_tensor([*pixel, 1])


# boxes_to_crops: the transform


def _with_transforms(images, boxes_xyxy, crop_size, padding, change):
    """Return right crops, and transforms that `change(transforms, boxes, size)` gives."""
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops, change(transforms, torch.cat(boxes_xyxy), _size(crop_size))


def crops_inverse_transform(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        last = transforms.new_tensor([0, 0, 1]).expand(len(transforms), 1, 3)
        return torch.linalg.inv(torch.cat([transforms, last], dim=1))[:, :2]

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_normalised_transform(images, boxes_xyxy, crop_size, padding=1.25):
    """What `affine_grid` wants: from -1 to 1 in the crop to -1 to 1 in the image."""

    def change(transforms, boxes, size):
        whole = transforms.new_tensor([images.shape[3], images.shape[2]])
        scales = transforms[:, [0, 1], [0, 1]] * transforms.new_tensor([size[1], size[0]]) / whole
        shift = (2 * _centre(boxes) + 1) / whole - 1
        return torch.cat([torch.diag_embed(scales), shift[:, :, None]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_normalised_transform__to_shares(images, boxes_xyxy, crop_size, padding=1.25):
    """From pixels of the crop to shares of the image."""

    def change(transforms, boxes, size):
        return transforms / transforms.new_tensor([[images.shape[3]], [images.shape[2]]])

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_normalised_transform__to_pixels(images, boxes_xyxy, crop_size, padding=1.25):
    """From -1 to 1 in the crop to pixels of the image."""

    def change(transforms, boxes, size):
        scales = transforms[:, [0, 1], [0, 1]] * transforms.new_tensor([size[1], size[0]]) / 2
        return torch.cat([torch.diag_embed(scales), _centre(boxes)[:, :, None]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_y_first(images, boxes_xyxy, crop_size, padding=1.25):
    return _with_transforms(images, boxes_xyxy, crop_size, padding, lambda transforms, *_: transforms.flip(1))


def crops_transform_y_first__shift(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        return torch.cat([transforms[:, :, :2], transforms[:, :, 2:].flip(1)], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_y_first__for_y_first(images, boxes_xyxy, crop_size, padding=1.25):
    """A map of (y, x) to (y, x)."""

    def change(transforms, boxes, size):
        return transforms[:, [1, 0]][..., [1, 0, 2]]

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_without_padding(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        return _transforms(_centre(boxes), _scale(boxes, size), size)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_of_the_centre(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        return torch.cat([transforms[:, :, :2], _centre(boxes)[:, :, None]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_of_the_corner(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        return torch.cat([transforms[:, :, :2], boxes[:, :2, None]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_of_the_corner__padded(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        corner = _centre(boxes) - padding * (boxes[:, 2:] - boxes[:, :2]) / 2
        return torch.cat([transforms[:, :, :2], corner[:, :, None]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_only_scales(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        return torch.cat([transforms[:, :, :2], 0 * transforms[:, :, 2:]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_transform_of_the_image(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        scales = transforms.new_ones(len(transforms), 2)
        return torch.cat([torch.diag_embed(scales), transforms[:, :, 2:]], dim=2)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


# boxes_to_crops: which crops, and in what form


def crops_only_first_image(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images[:1], boxes_xyxy[:1], crop_size, padding)


def _from_images(images, boxes_xyxy, crop_size, padding, owners):
    transforms = _right(images, boxes_xyxy, crop_size, padding)[1]
    return _look(images[owners], _places(transforms, _size(crop_size))), transforms


def crops_wrong_image(images, boxes_xyxy, crop_size, padding=1.25):
    return _from_images(images, boxes_xyxy, crop_size, padding, [0 for _ in _owners(boxes_xyxy)])


def crops_wrong_image__the_last(images, boxes_xyxy, crop_size, padding=1.25):
    return _from_images(images, boxes_xyxy, crop_size, padding, [-1 for _ in _owners(boxes_xyxy)])


def crops_wrong_image__by_number_of_the_box(images, boxes_xyxy, crop_size, padding=1.25):
    owners = [n % len(images) for n, _ in enumerate(_owners(boxes_xyxy))]
    return _from_images(images, boxes_xyxy, crop_size, padding, owners)


def crops_one_box_per_image(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes[:1] for boxes in boxes_xyxy], crop_size, padding)


def crops_ordered_by_size(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes[_area(boxes).argsort(descending=True)] for boxes in boxes_xyxy], crop_size, padding)


def crops_ordered_by_size__smallest_first(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes[_area(boxes).argsort()] for boxes in boxes_xyxy], crop_size, padding)


def crops_ordered_by_size__last_first(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes.flip(0) for boxes in boxes_xyxy], crop_size, padding)


def _area(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


def crops_interleaved(images, boxes_xyxy, crop_size, padding=1.25):
    """Box by box, and for each number all images that have so many."""
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    keys = [(k, i) for i, boxes in enumerate(boxes_xyxy) for k in range(len(boxes))]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return crops[order], transforms[order]


def crops_axis_of_images(images, boxes_xyxy, crop_size, padding=1.25):
    """(B, n, ...), with zeros where an image has fewer boxes."""
    parts = _by_image(images, boxes_xyxy, crop_size, padding)
    return tuple(torch.nn.utils.rnn.pad_sequence(part, batch_first=True) for part in parts)


def _by_image(images, boxes_xyxy, crop_size, padding):
    counts = [len(boxes) for boxes in boxes_xyxy]
    return [part.split(counts) for part in _right(images, boxes_xyxy, crop_size, padding)]


def crops_list_of_crops(images, boxes_xyxy, crop_size, padding=1.25):
    return tuple(list(part) for part in _right(images, boxes_xyxy, crop_size, padding))


def crops_list_of_crops__of_each_image(images, boxes_xyxy, crop_size, padding=1.25):
    return tuple(list(part) for part in _by_image(images, boxes_xyxy, crop_size, padding))


def crops_list_of_crops__transforms_stacked(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return list(crops), transforms


def crops_results_swapped(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, crop_size, padding)[::-1]


def crops_crops_only(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, boxes_xyxy, crop_size, padding)[0]


def crops_channels_last(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops.permute(0, 2, 3, 1), transforms


def crops_transform_three_rows(images, boxes_xyxy, crop_size, padding=1.25):
    def change(transforms, boxes, size):
        last = transforms.new_tensor([0, 0, 1]).expand(len(transforms), 1, 3)
        return torch.cat([transforms, last], dim=1)

    return _with_transforms(images, boxes_xyxy, crop_size, padding, change)


def crops_number_as_size_raises(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = crop_size
    return _right(images, boxes_xyxy, (h, w), padding)


# boxes_to_crops: nothing to cut out, or hardly anything


def _no_boxes(boxes_xyxy):
    return not any(len(boxes) for boxes in boxes_xyxy)


def crops_no_boxes_raises(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return torch.stack(list(crops)), torch.stack(list(transforms))


def crops_no_boxes_raises__of_an_image(images, boxes_xyxy, crop_size, padding=1.25):
    parts = [_right(images[i : i + 1], [b], crop_size, padding) for i, b in enumerate(boxes_xyxy)]
    crops, transforms = zip(*((torch.stack(list(c)), torch.stack(list(t))) for c, t in parts), strict=True)
    return torch.cat(crops), torch.cat(transforms)


def crops_no_boxes_shape(images, boxes_xyxy, crop_size, padding=1.25):
    if _no_boxes(boxes_xyxy):
        return torch.zeros(0), torch.zeros(0)
    return _right(images, boxes_xyxy, crop_size, padding)


def crops_no_boxes_shape__none(images, boxes_xyxy, crop_size, padding=1.25):
    return (None, None) if _no_boxes(boxes_xyxy) else _right(images, boxes_xyxy, crop_size, padding)


def crops_no_boxes_shape__lists(images, boxes_xyxy, crop_size, padding=1.25):
    return ([], []) if _no_boxes(boxes_xyxy) else _right(images, boxes_xyxy, crop_size, padding)


def crops_no_boxes_shape__one_of_zeros(images, boxes_xyxy, crop_size, padding=1.25):
    if _no_boxes(boxes_xyxy):
        return images.new_zeros(1, 3, *_size(crop_size)), images.new_zeros(1, 2, 3)
    return _right(images, boxes_xyxy, crop_size, padding)


def crops_empty_box_nan(images, boxes_xyxy, crop_size, padding=1.25):
    """The map from the image to the crop, and its inverse by hand: infinity by infinity."""
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    crop = boxes.new_tensor([size[1], size[0]])
    zoom = (crop / (boxes[:, 2:] - boxes[:, :2])).amin(dim=1, keepdim=True) / padding
    shift = (crop - 1) / 2 - zoom * _centre(boxes)
    transforms = torch.cat([torch.diag_embed((1 / zoom).expand(-1, 2)), (-shift / zoom)[:, :, None]], dim=2)
    return _cut(images, boxes_xyxy, transforms, size)


def crops_empty_box_scale_0(images, boxes_xyxy, crop_size, padding=1.25):
    def scale(boxes, size):
        return padding * ((boxes[:, 2:] - boxes[:, :2]) / boxes.new_tensor([size[1], size[0]])).amax(dim=1)

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_empty_box_raises(images, boxes_xyxy, crop_size, padding=1.25):
    if any((boxes[:, 2:] <= boxes[:, :2]).any() for boxes in boxes_xyxy):
        raise ValueError("a box is empty")
    return _right(images, boxes_xyxy, crop_size, padding)


def crops_empty_box_raises__in_numbers(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = _size(crop_size)

    def scale(boxes, size):
        zooms = [min(w / (x2 - x1), h / (y2 - y1)) / padding for x1, y1, x2, y2 in boxes.tolist()]
        return boxes.new_tensor([1 / zoom for zoom in zooms])

    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_empty_box_dropped(images, boxes_xyxy, crop_size, padding=1.25):
    return _right(images, [boxes[_area(boxes) > 0] for boxes in boxes_xyxy], crop_size, padding)


# boxes_to_crops: anything else


def crops_changes_its_arguments(images, boxes_xyxy, crop_size, padding=1.25):
    result = _right(images, boxes_xyxy, crop_size, padding)
    for boxes in boxes_xyxy:
        boxes[:, 2:] -= boxes[:, :2]
    return result


def crops_not_in_the_dtype(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops.float(), transforms.float()


def crops_not_in_the_dtype__transforms(images, boxes_xyxy, crop_size, padding=1.25):
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    return crops, torch.tensor(transforms.tolist()).view(-1, 2, 3)


# crops_to_image


def _parts(transforms):
    return transforms[:, :, :2], transforms[:, None, :, 2]


def _image(keypoints, matrix, shift):
    return keypoints @ matrix.transpose(1, 2) + shift


def points_inverse(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints - shift, torch.linalg.inv(matrix), 0)


def points_transposed_matrix(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return keypoints @ matrix + shift


def points_x_y_swapped(keypoints, transforms):
    return _image(keypoints.flip(2), *_parts(transforms))


def points_x_y_swapped__result(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).flip(2)


def points_x_y_swapped__both(keypoints, transforms):
    return _image(keypoints.flip(2), *_parts(transforms)).flip(2)


def points_shift_forgotten(keypoints, transforms):
    return _image(keypoints, _parts(transforms)[0], 0)


def points_shift_before_matrix(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints + shift, matrix, 0)


def points_shift_subtracted(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints, matrix, -shift)


def points_shift_swapped(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints, matrix, shift.flip(2))


def points_scale_only(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return keypoints * matrix.diagonal(dim1=1, dim2=2)[:, None] + shift


def points_one_scale(keypoints, transforms):
    return keypoints * transforms[:, :1, :1] + _parts(transforms)[1]


def points_one_scale__from_the_determinant(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return keypoints * torch.linalg.det(matrix).abs().sqrt()[:, None, None] + shift


def points_off_diagonal_sign(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints, matrix * matrix.new_tensor([[1, -1], [-1, 1]]), shift)


def points_first_transform(keypoints, transforms):
    return _image(keypoints, *_parts(transforms[:1]))


def points_first_transform__shift(keypoints, transforms):
    matrix, shift = _parts(transforms)
    return _image(keypoints, matrix, shift[:1])


def points_wrong_axis(keypoints, transforms):
    """One shift for each keypoint number: fits where there are as many keypoints as crops."""
    return keypoints @ transforms[:, :, :2].transpose(1, 2) + transforms[:, :, 2]


def points_wrong_axis__matrix(keypoints, transforms):
    """Keypoints (N, K, 2) by matrices (N, 2, 2) along the keypoints."""
    return torch.einsum("kij,nkj->nki", transforms[:, :, :2], keypoints) + transforms[:, :, 2]


def points_homogeneous(keypoints, transforms):
    return torch.cat([_image(keypoints, *_parts(transforms)), torch.ones_like(keypoints[..., :1])], dim=2)


def points_one_first(keypoints, transforms):
    ones = torch.ones_like(keypoints[..., :1])
    return torch.cat([ones, keypoints], dim=2) @ transforms.transpose(1, 2)


def points_half_pixel(keypoints, transforms):
    return _image(keypoints + 0.5, *_parts(transforms))


def points_half_pixel__and_back(keypoints, transforms):
    return _image(keypoints + 0.5, *_parts(transforms)) - 0.5


def points_half_pixel__in_the_image(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)) + 0.5


def points_rounded(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).round()


def points_rounded__down(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).long().to(keypoints.dtype)


def points_clamped(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).clamp(min=0)


def points_clamped__in_the_crop(keypoints, transforms):
    return _image(keypoints.clamp(min=0), *_parts(transforms))


def points_flattened(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).flatten(0, 1)


def points_flattened__transposed(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).transpose(1, 2)


def points_changes_its_arguments(keypoints, transforms):
    keypoints[:] = _image(keypoints, *_parts(transforms))
    return keypoints


def points_not_in_the_dtype(keypoints, transforms):
    return _image(keypoints, *_parts(transforms)).float()


def points_no_crops_raises(keypoints, transforms):
    pairs = zip(keypoints, transforms, strict=True)
    return torch.stack([points @ transform[:, :2].T + transform[:, 2] for points, transform in pairs])


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {"boxes_to_crops": _named("crops_"), "crops_to_image": _named("points_")}
