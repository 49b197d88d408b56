"""Known wrong answers to exercise 4's questions about crops."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from grading.known_wrong import ex04_crops_to_image
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# boxes_to_crops


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
    return _with_shift(scales, centre - scales * scale.new_tensor([(size[1] - 1) / 2, (size[0] - 1) / 2]))


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
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    return _cut(images, boxes_xyxy, _transforms(_centre(boxes), scale, size), size)


def _centred(images, boxes_xyxy, crop_size, padding, centre):
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    return _cut(images, boxes_xyxy, _transforms(centre, padding * _scale(boxes, size), size), size)


def _right(images, boxes_xyxy, crop_size, padding=1.25, **settings):
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    scale = padding * _scale(boxes, size)
    return _cut(images, boxes_xyxy, _transforms(_centre(boxes), scale, size), size, **settings)


def _largest(scales):
    return scales.amax().expand(len(scales)) if len(scales) else scales


def _with_shift(scales, shift):
    return torch.cat([torch.diag_embed(scales), shift[:, :, None]], dim=2)


def _padded(parts):
    return pad_sequence(parts, batch_first=True)


def _area(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)


def crops_number_as_size_raises(images, boxes_xyxy, crop_size, padding=1.25):
    h, w = crop_size
    return _right(images, boxes_xyxy, (h, w), padding)


def scaled(scale):
    """Return the text of an answer with this scale, centred as it should be."""
    return f"_scaled(images, boxes_xyxy, crop_size, {scale})"


def centred(centre):
    """Return the text of an answer with this centre, scaled as it should be."""
    return f"_centred(images, boxes_xyxy, crop_size, padding, {centre})"


def of_boxes(changed):
    """Return the text of a right answer for changed boxes b of each image."""
    return f"_right(images, [{changed} for b in boxes_xyxy], crop_size, padding)"


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


def crops_stretched__aspect_upside_down(images, boxes_xyxy, crop_size, padding=1.25):
    """The shorter side grows by the crop's aspect turned over."""
    size, sides = _size(crop_size), torch.cat(boxes_xyxy)[:, 2:] - torch.cat(boxes_xyxy)[:, :2]
    aspect, (across, down) = size[1] / size[0], sides.clamp(min=1e-3).T
    wide = across > aspect * down
    across, down = torch.where(wide, across, down / aspect), torch.where(wide, across * aspect, down)
    scale = padding * torch.stack([across / size[1], down / size[0]], dim=1)
    return _scaled(images, boxes_xyxy, crop_size, scale)


def crops_clamped_to_image__with_padding(images, boxes_xyxy, crop_size, padding=1.25):
    """The padded box is clamped."""
    height, width = images.shape[2:]
    last, grown = images.new_tensor([width - 1, height - 1] * 2), []
    for boxes in boxes_xyxy:
        half = padding * (boxes[:, 2:] - boxes[:, :2]) / 2
        corners = torch.cat([_centre(boxes) - half, _centre(boxes) + half], dim=1)
        grown.append(torch.minimum(corners.clamp(min=0), last))
    return _right(images, grown, crop_size, 1.0)


def crops_half_crop_pixel__from_edge_to_edge(images, boxes_xyxy, crop_size, padding=1.25):
    """`affine_grid` with `align_corners=True` puts the outermost pixels on the edges; the transform does not."""
    transforms, (h, w) = _right(images, boxes_xyxy, crop_size, padding)[1], _size(crop_size)
    centre = transforms @ transforms.new_tensor([(w - 1) / 2, (h - 1) / 2, 1])
    scales = transforms[:, [0, 1], [0, 1]] * transforms.new_tensor([w / (w - 1), h / (h - 1)])
    return _look(images[_owners(boxes_xyxy)], _places(_transforms(centre, scales, (h, w)), (h, w))), transforms


def crops_interleaved(images, boxes_xyxy, crop_size, padding=1.25):
    """Box by box, and for each number all images that have so many."""
    crops, transforms = _right(images, boxes_xyxy, crop_size, padding)
    keys = [(k, i) for i, boxes in enumerate(boxes_xyxy) for k in range(len(boxes))]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return crops[order], transforms[order]


def crops_no_boxes_raises__of_an_image(images, boxes_xyxy, crop_size, padding=1.25):
    parts = [_right(images[i : i + 1], [b], crop_size, padding) for i, b in enumerate(boxes_xyxy)]
    crops, transforms = zip(*((torch.stack(list(c)), torch.stack(list(t))) for c, t in parts), strict=True)
    return torch.cat(crops), torch.cat(transforms)


def crops_no_boxes_shape__one_of_zeros(images, boxes_xyxy, crop_size, padding=1.25):
    if _owners(boxes_xyxy):
        return _right(images, boxes_xyxy, crop_size, padding)
    return images.new_zeros(1, 3, *_size(crop_size)), images.new_zeros(1, 2, 3)


def crops_empty_box_nan(images, boxes_xyxy, crop_size, padding=1.25):
    """The map from the image to the crop, and its inverse by hand: infinity by infinity."""
    boxes, size = torch.cat(boxes_xyxy), _size(crop_size)
    crop = boxes.new_tensor([size[1], size[0]])
    zoom = (crop / (boxes[:, 2:] - boxes[:, :2])).amin(dim=1, keepdim=True) / padding
    shift = (crop - 1) / 2 - zoom * _centre(boxes)
    transforms = torch.cat([torch.diag_embed((1 / zoom).expand(-1, 2)), (-shift / zoom)[:, :, None]], dim=2)
    return _cut(images, boxes_xyxy, transforms, size)


def crops_empty_box_raises(images, boxes_xyxy, crop_size, padding=1.25):
    if any((boxes[:, 2:] <= boxes[:, :2]).any() for boxes in boxes_xyxy):
        raise ValueError("a box is empty")
    return _right(images, boxes_xyxy, crop_size, padding)


def crops_changes_its_arguments(images, boxes_xyxy, crop_size, padding=1.25):
    result = _right(images, boxes_xyxy, crop_size, padding)
    for boxes in boxes_xyxy:
        boxes[:, 2:] -= boxes[:, :2]
    return result


CROPS_GIVEN = {
    "size": "_size(crop_size)",
    "h, w": "size",
    "height, width": "images.shape[2:]",
    "whole": "images.new_tensor([width, height])",
    "last": "(whole - 1).repeat(2)",
    "boxes": "torch.cat(boxes_xyxy)",
    "sides": "boxes.new_tensor([w, h])",
    "owners": "_owners(boxes_xyxy)",
    "seen": "images[owners]",
    "counts": "[len(boxes) for boxes in boxes_xyxy]",
    "box_sides": "boxes[:, 2:] - boxes[:, :2]",
    "longest": "box_sides.amax(dim=1).clamp(min=1e-3)",
    "centre": "_centre(boxes)",
    "asked": "_asked(boxes, size)",
    "scale": "_scale(boxes, size)",
    "corner": "centre - padding * box_sides / 2",
    "to_centre": "padding * scale[:, None] * (sides - 1) / 2",
    "crops, transforms": "_right(images, boxes_xyxy, crop_size, padding)",
    "matrix": "transforms[:, :, :2]",
    "shift": "transforms[:, :, 2:]",
    "scales": "transforms[:, [0, 1], [0, 1]]",
    "moved": "shift - matrix.sum(dim=2, keepdim=True) / 2",
    "places": "_places(transforms, size)",
    "zooms": "[min(w / (x2 - x1), h / (y2 - y1)) for x1, y1, x2, y2 in boxes.tolist()]",
    "inside": "_right(torch.ones_like(images), boxes_xyxy, crop_size, padding)[0]",
    "last_row": "transforms.new_tensor([0, 0, 1]).expand(len(transforms), 1, 3)",
}

CROPS = {
    # scale
    "stretched": scaled("padding * asked"),
    "stretched.without_padding": scaled("asked"),
    # The box becomes a square, which an oblong crop stretches again.
    "stretched.from_a_square": scaled("padding * longest[:, None] / sides"),
    "stretched.resized": crops_stretched__resized,
    "stretched.aspect_upside_down": crops_stretched__aspect_upside_down,
    "smaller_scale": scaled("padding * asked.amin(dim=1)"),
    "width_only": scaled("padding * asked[:, 0]"),
    "height_only": scaled("padding * asked[:, 1]"),
    "mean_scale": scaled("padding * asked.mean(dim=1)"),
    "mean_scale.of_areas": scaled("padding * asked.prod(dim=1).sqrt()"),
    "longest_sides": scaled("padding * longest / max(size)"),
    "longest_sides.by_the_shorter": scaled("padding * longest / min(size)"),
    "longest_sides.by_the_height": scaled("padding * longest / h"),
    "longest_sides.by_the_width": scaled("padding * longest / w"),
    "crop_sides_swapped": scaled("padding * _scale(boxes, (w, h))"),
    "one_scale_for_all": scaled("_largest(padding * scale)"),
    "one_scale_for_all.of_an_image": scaled(
        "torch.cat([_largest(scales) for scales in (padding * scale).split(counts)])"
    ),
    "scale_upside_down": scaled("1 / (padding * scale)"),
    "padding_forgotten": scaled("scale"),
    "padding_forgotten.of_the_height": scaled("torch.maximum(padding * asked[:, 0], asked[:, 1])"),
    "padding_forgotten.of_the_width": scaled("torch.maximum(asked[:, 0], padding * asked[:, 1])"),
    "padding_twice": scaled("padding**2 * scale"),
    "padding_both_sides": scaled("(2 * padding - 1) * scale"),
    # Each side grows by `padding` times itself, to the left and to the right.
    "padding_both_sides.each": scaled("(2 * padding + 1) * scale"),
    "padding_both_sides.one_more": scaled("(1 + padding) * scale"),
    "padding_in_pixels": scaled("(asked + 2 * padding / sides).amax(dim=1)"),
    "padding_in_pixels.added_to_scale": scaled("padding + scale"),
    "padding_divides": scaled("scale / padding"),
    "padding_fixed": scaled("1.25 * scale"),
    "never_enlarged": scaled("(padding * scale).clamp(min=1)"),
    # The number of pixels from the first to the last: one more than the box is wide.
    "width_plus_one": scaled("padding * ((box_sides + 1) / sides).amax(dim=1)"),
    "line_as_a_point": scaled("torch.where((box_sides > 0).all(dim=1), padding * scale, 0.01)"),
    "line_as_a_point.scale_1": scaled("torch.where((box_sides > 0).all(dim=1), padding * scale, 1.0)"),
    # place
    "boxes_rounded": of_boxes("b.floor()"),
    "boxes_rounded.nearest": of_boxes("b.round()"),
    "clamped_to_image": of_boxes("b.clamp(min=0).minimum(last)"),
    "clamped_to_image.with_padding": crops_clamped_to_image__with_padding,
    "moved_into_image": centred("centre.minimum(whole - 1 - to_centre).maximum(to_centre)"),
    "starts_at_corner": centred("boxes[:, :2] + to_centre"),
    # As large as the larger side asks, but the shorter one grows to one side only.
    "starts_at_corner.of_the_padded_box": centred("corner + to_centre"),
    "centred_on_corner": centred("boxes[:, :2]"),
    "centred_on_corner.opposite": centred("boxes[:, 2:]"),
    "boxes_as_xywh": of_boxes("torch.cat([b[:, :2], b[:, :2] + b[:, 2:]], dim=1)"),
    "boxes_as_cxcywh": of_boxes("torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2], dim=1)"),
    "boxes_y_first": of_boxes("b[:, [1, 0, 3, 2]]"),
    # what a crop shows
    "crop_size_w_first": "_right(images, boxes_xyxy, size[::-1], padding)",
    "transposed_crop": "crops.transpose(2, 3), transforms",
    # A grid with the axes (w, h), taken for (h, w).
    "transposed_crop.reshaped": "_look(seen, places.transpose(1, 2).reshape(-1, h, w, 2)), transforms",
    "mirrored_crop": "crops.flip(3), transforms",
    "mirrored_crop.upside_down": "crops.flip(2), transforms",
    "grid_y_first": "F.grid_sample(seen, ((2 * places + 1) / whole - 1).flip(-1), align_corners=False), transforms",
    # The numbers of pixels, or half-way to what grid_sample wants.
    "grid_not_normalised": "F.grid_sample(seen, places, align_corners=False), transforms",
    "grid_not_normalised.to_shares": "F.grid_sample(seen, places / whole, align_corners=False), transforms",
    "grid_not_normalised.twice": "F.grid_sample(seen, (2 * places + 1) / whole, align_corners=False), transforms",
    "normalised_by_the_other_side": (
        "F.grid_sample(seen, (2 * places + 1) / whole.flip(0) - 1, align_corners=False), transforms"
    ),
    "normalised_by_the_other_side.from_centres": (
        "F.grid_sample(seen, 2 * places / (whole.flip(0) - 1) - 1, align_corners=True), transforms"
    ),
    "border_replicated": "_right(images, boxes_xyxy, crop_size, padding, padding_mode='border')",
    "border_reflected": "_right(images, boxes_xyxy, crop_size, padding, padding_mode='reflection')",
    # Grey outside.
    "border_filled": "_right(images - 0.5, boxes_xyxy, crop_size, padding)[0] + 0.5, transforms",
    "border_filled.with_the_mean": "crops + (1 - inside) * images.mean(dim=(2, 3), keepdim=True)[owners], transforms",
    "colours_changed": "255 * crops, transforms",
    "colours_changed.channels": "crops.flip(1), transforms",
    "nearest": "_right(images, boxes_xyxy, crop_size, padding, mode='nearest')",
    # From outer edges, read as from pixel centres.
    "half_pixel": "_right(images, boxes_xyxy, crop_size, padding, align_corners=True)",
    # The edges are half a pixel away from where this grid takes them to be.
    "half_pixel.without_half": "_look(seen, places - 0.5), transforms",
    "half_pixel.from_centres": "F.grid_sample(seen, 2 * places / (whole - 1) - 1, align_corners=False), transforms",
    "half_pixel.by_width_and_centres": "F.grid_sample(seen, 2 * places / whole - 1, align_corners=True), transforms",
    # The crop's centre is (w - 1) / 2 in the crop, but w / 2 in the transform.
    "half_crop_pixel": "crops, torch.cat([matrix, moved], dim=2)",
    "half_crop_pixel.the_other_way": "_look(seen, _places(torch.cat([matrix, moved], dim=2), size)), transforms",
    "half_crop_pixel.from_edge_to_edge": crops_half_crop_pixel__from_edge_to_edge,
    "inverse_transform": "crops, torch.linalg.inv(torch.cat([transforms, last_row], dim=1))[:, :2]",
    # What `affine_grid` wants: from -1 to 1 in the crop to -1 to 1 in the image.
    "normalised_transform": "crops, _with_shift(scales * sides / whole, (2 * centre + 1) / whole - 1)",
    # From pixels of the crop to shares of the image.
    "normalised_transform.to_shares": "crops, transforms / whole[:, None]",
    # From -1 to 1 in the crop to pixels of the image.
    "normalised_transform.to_pixels": "crops, _with_shift(scales * sides / 2, centre)",
    "transform_y_first": "crops, transforms.flip(1)",
    "transform_y_first.shift": "crops, torch.cat([matrix, shift.flip(1)], dim=2)",
    # A map of (y, x) to (y, x).
    "transform_y_first.for_y_first": "crops, transforms[:, [1, 0]][..., [1, 0, 2]]",
    "transform_without_padding": "crops, _transforms(centre, scale, size)",
    "transform_of_the_centre": "crops, torch.cat([matrix, centre[:, :, None]], dim=2)",
    "transform_of_the_corner": "crops, torch.cat([matrix, boxes[:, :2, None]], dim=2)",
    "transform_of_the_corner.padded": "crops, torch.cat([matrix, corner[:, :, None]], dim=2)",
    "transform_only_scales": "crops, torch.cat([matrix, 0 * shift], dim=2)",
    "transform_only_scales.backwards": "crops, torch.cat([matrix, -shift], dim=2)",
    "transform_of_the_image": "crops, _with_shift(torch.ones_like(centre), shift[:, :, 0])",
    # which crops, and in what form
    "only_first_image": "_right(images[:1], boxes_xyxy[:1], crop_size, padding)",
    "wrong_image": "_look(images[[0 for _ in owners]], places), transforms",
    "wrong_image.the_last": "_look(images[[-1 for _ in owners]], places), transforms",
    "wrong_image.by_number_of_the_box": "_look(images[torch.arange(len(owners)) % len(images)], places), transforms",
    "one_box_per_image": of_boxes("b[:1]"),
    "ordered_by_size": of_boxes("b[_area(b).argsort(descending=True)]"),
    "ordered_by_size.smallest_first": of_boxes("b[_area(b).argsort()]"),
    "ordered_by_size.last_first": of_boxes("b.flip(0)"),
    "interleaved": crops_interleaved,
    # (B, n, ...), with zeros where an image has fewer boxes.
    "axis_of_images": "_padded(crops.split(counts)), _padded(transforms.split(counts))",
    "list_of_crops": "list(crops), list(transforms)",
    "list_of_crops.of_each_image": "list(crops.split(counts)), list(transforms.split(counts))",
    "list_of_crops.transforms_stacked": "list(crops), transforms",
    "results_swapped": "transforms, crops",
    "crops_only": "crops",
    "channels_last": "crops.permute(0, 2, 3, 1), transforms",
    "transform_three_rows": "crops, torch.cat([transforms, last_row], dim=1)",
    "number_as_size_raises": crops_number_as_size_raises,
    "no_boxes_raises": "torch.stack(list(crops)), torch.stack(list(transforms))",
    "no_boxes_raises.of_an_image": crops_no_boxes_raises__of_an_image,
    "no_boxes_shape": "(crops, transforms) if owners else (torch.zeros(0), torch.zeros(0))",
    "no_boxes_shape.none": "(crops, transforms) if owners else (None, None)",
    "no_boxes_shape.lists": "(crops, transforms) if owners else ([], [])",
    "no_boxes_shape.one_of_zeros": crops_no_boxes_shape__one_of_zeros,
    "empty_box_nan": crops_empty_box_nan,
    "empty_box_scale_0": scaled("padding * (box_sides / sides).amax(dim=1)"),
    "empty_box_raises": crops_empty_box_raises,
    "empty_box_raises.in_numbers": scaled("boxes.new_tensor([1 / (zoom / padding) for zoom in zooms])"),
    "empty_box_dropped": of_boxes("b[_area(b) > 0]"),
    # anything else
    "changes_its_arguments": crops_changes_its_arguments,
    "not_in_the_dtype": "crops.float(), transforms.float()",
    "not_in_the_dtype.transforms": "crops, torch.tensor(transforms.tolist()).view(-1, 2, 3)",
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "boxes_to_crops": answers("images, boxes_xyxy, crop_size, padding=1.25", CROPS, globals(), CROPS_GIVEN),
    **ex04_crops_to_image.KNOWN_WRONG,
}
