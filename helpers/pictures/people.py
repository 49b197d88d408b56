"""Pictures of several people: their poses and boxes, and what joins keypoints to people on the way there.

As in `helpers.pictures`: every function shows its picture in the notebook, with a text for who cannot see it, and
returns a `Picture`; `show=False` only returns it. Estimated people of one image are float (M, K, 3): x, y and score in
pixels of the image, (0, 0, 0) where a keypoint is missing. Peaks and fields are in pixels of a map, whose pixels are
`stride` image pixels wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO, Skeleton
from helpers.models.scoremaps import to_image
from helpers.pictures.figure import Picture, alt_text, image_axes, plot_axes, shows_itself
from helpers.pictures.poses import (
    BLACK,
    BLUE,
    GREEN,
    LEFT,
    MIDDLE,
    ORANGE,
    PURPLE,
    RIGHT,
    SERIES,
    SKY,
    VERMILION,
    YELLOW,
    draw_image,
    headline,
)
from helpers.shapes import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WHITE = "#FFFFFF"
OF_PERSON = (ORANGE, SKY, YELLOW, PURPLE, VERMILION, GREEN, WHITE, BLUE)  # from the ninth person on they come again
SHAPES = "osD^vP*X<>hpd"  # one for each kind of keypoint, such as wrists
CLEAR = 0.1  # a vector of a field that is shorter is not drawn
NUMBERS = 30  # more candidates than this have colours only


@shows_itself
def people_grid(
    data: PeopleSet,
    people: Sequence[Tensor] | None = None,
    *,
    boxes: Sequence[Tensor] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> Picture:
    """Return images in a grid with their people, a colour each. What is missing is not drawn, nor are limbs to it.

    Args:
        data: a few images, such as `test[:8]`.
        people: one (M, K, 3) per image, estimated; None: the true ones, hollow dots where a keypoint is hidden.
        boxes: one (M, 4) per image, pixels: those of `people`, in their colours; beside the truth, white.
        titles: one per image.
    """
    if not isinstance(data, PeopleSet):
        raise TypeError(f"data is a {type(data).__name__}; expected a PeopleSet, such as test[:8].")
    count, keypoints = len(data), data.skeleton.num_keypoints
    if not 1 <= count <= 64:
        raise ValueError(f"data has {count} images; a grid takes 1 to 64, such as test[:8].")
    for name, values in (("people", people), ("boxes", boxes), ("titles", titles)):
        if values is not None and len(values) != count:
            raise ValueError(f"There are {len(values)} entries in {name} for {count} images; expected one for each.")
    height, width = data.image_size
    columns = min(columns, count)
    figure, axes = image_axes(-(-count // columns), columns, 2.7 if columns < 5 else 1.9, height / width)
    drawn = 0
    for index, axis in enumerate(axes):
        if index >= count:
            axis.set_visible(False)
            continue
        draw_image(axis, data.images[index])
        here = data.present[index]
        shown = [(data.keypoints[index, p], data.visibility[index, p]) for p in here.nonzero().flatten().tolist()]
        if people is not None:
            sizes = require(f"people[{index}]", people[index], f"M {keypoints} 3")
            shown = [(one[:, :2], 2 * (one[:, 2] > 0)) for one in people[index].detach().cpu()]
        if boxes is not None:
            known = sizes if people is not None else None
            require(f"boxes[{index}]", boxes[index], "M 4", known=known)
            for number, box in enumerate(boxes[index].tolist()):
                _draw_box(axis, box, WHITE if people is None else person_colour(number))
        for number, (points, seen) in enumerate(shown):
            _draw_person(axis, points, seen, data.skeleton, person_colour(number))
        drawn += len(shown)
        axis.set_title(titles[index] if titles else "", fontsize=9)
    headline(figure, title)
    what = f"{count} images of {data.name} with {drawn} {'true' if people is None else 'estimated'} people"
    return Picture(figure, alt_text(title, what + (" and boxes" if boxes is not None else "")))


@shows_itself
def field(field: Tensor, image: Tensor | None = None, *, stride: float = 4, title: str = "") -> Picture:
    """Return one part affinity field as arrows, each where it is clearly not zero, over the image in grey.

    Args:
        field: float (2, h, w), x then y.
        image: uint8 or float (3, H, W); None: a dot for each pixel of the field.
        stride: width of a pixel of the field, in pixels of the image.
    """
    require("field", field, "2 h w")
    figure, axes = image_axes(1, 1, 5.0, field.shape[1] / field.shape[2])
    arrows = _draw_field(axes[0], field, image, stride)
    headline(figure, title)
    where = "" if image is None else " over its image"
    return Picture(
        figure,
        alt_text(
            title, f"a field of {field.shape[1]} x {field.shape[2]} pixels{where}, {arrows} of them with an arrow"
        ),
    )


@shows_itself
def field_grid(
    fields: Tensor,
    titles: Sequence[str] | None = None,
    image: Tensor | None = None,
    *,
    stride: float = 4,
    columns: int = 2,
    title: str = "",
) -> Picture:
    """Return part affinity fields in a grid, as `field` draws one.

    Args:
        fields: float (L, 2, h, w), at most 64, such as `fields[0][:4]`.
        titles: one per field, such as "left elbow to left wrist".
        image: uint8 or float (3, H, W), below each of them.
    """
    require("fields", fields, "L 2 h w")
    count = len(fields)
    if not 1 <= count <= 64:
        raise ValueError(f"There are {count} fields; a grid takes 1 to 64, such as fields[0][:4].")
    if titles is not None and len(titles) != count:
        raise ValueError(f"{len(titles)} titles for {count} fields.")
    columns = min(columns, count)
    figure, axes = image_axes(
        -(-count // columns), columns, max(2.6, min(5.0, 10.0 / columns)), fields.shape[2] / fields.shape[3]
    )
    for index, axis in enumerate(axes):
        if index >= count:
            axis.set_visible(False)
            continue
        _draw_field(axis, fields[index], image, stride)
        axis.set_title(titles[index] if titles else "", fontsize=9)
    headline(figure, title)
    names = f": {', '.join(titles)}" if titles else ""
    return Picture(figure, alt_text(title, f"{count} fields of {fields.shape[2]} x {fields.shape[3]} as arrows{names}"))


@shows_itself
def candidates(
    image: Tensor,
    starts: Tensor,
    ends: Tensor,
    scores: Tensor,
    kept: Iterable[tuple[int, int]] | Tensor | None = None,
    *,
    stride: float = 4,
    title: str = "",
) -> Picture:
    """Return all limbs that could be, from every start to every end, in the colours of their scores.

    A start is a circle, an end a square. Red is a high score, blue a low one; up to 30 candidates have numbers.

    Args:
        image: uint8 or float (3, H, W), drawn in grey.
        starts, ends: float (n, 2 or 3) and (m, 2 or 3): x, y and perhaps a score, pixels of the map.
        scores: float (n, m).
        kept: pairs (i, j) that were matched, drawn thick.
        stride: width of a pixel of the map, in pixels of the image; 1 for places in the image itself.
    """
    for name, places in (("starts", starts), ("ends", ends)):
        require(name, places, f"N {3 if isinstance(places, Tensor) and places.shape[-1:] == (3,) else 2}")
    require("scores", scores, "n m", known={"n": len(starts), "m": len(ends)})
    pairs = [] if kept is None else [(int(i), int(j)) for i, j in kept]
    for i, j in pairs:
        if not (0 <= i < len(starts) and 0 <= j < len(ends)):
            raise ValueError(f"kept has the pair ({i}, {j}); there are {len(starts)} starts and {len(ends)} ends.")
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure, (axis,) = image_axes(1, 1, 7.0, image.shape[-2] / image.shape[-1])
    figure.set_figwidth(8.2)  # the scale of colours stands beside the image
    _draw_grey(axis, image)
    first, second = (to_image(places[:, :2].detach().cpu().float(), stride) for places in (starts, ends))
    values = scores.detach().cpu().float()
    colour = ScalarMappable(Normalize(-1, 1), _blue_to_red())
    taken = [*first.tolist(), *second.tolist()]
    for place in sorted(range(values.numel()), key=lambda k: values.flatten()[k].nan_to_num(-9).item()):  # best on top
        i, j = divmod(place, len(second))
        line, value = torch.stack([first[i], second[j]]), float(values[i, j])
        wide = (i, j) in pairs
        axis.plot(
            *line.T.tolist(),
            color=colour.to_rgba(value),
            lw=5 if wide else 1.5,
            solid_capstyle="round",
            path_effects=_outline(7 if wide else 2.7),
            zorder=4 if wide else 3,
        )
        if values.numel() <= NUMBERS:
            taken.append(_place_by(line, taken, image.shape[-1] / 15))
            axis.text(
                *taken[-1],
                f"{value:z.2f}",
                ha="center",
                va="center",
                fontsize=9,
                fontweight="bold" if wide else "normal",
                zorder=6,
                clip_on=True,
                bbox={"boxstyle": "round,pad=0.15", "fc": WHITE, "ec": colour.to_rgba(value), "lw": 1.5},
            )
    for places, shape in ((first, "o"), (second, "s")):
        axis.plot(*places.T.tolist(), shape, color=YELLOW, ms=9, mec=BLACK, mew=1, ls="none", zorder=5)
    figure.colorbar(colour, ax=axis, shrink=0.8, aspect=20, label="score")
    headline(figure, title)
    text = f"{len(first)} starts and {len(second)} ends, joined by {values.numel()} candidates"
    span = f" with scores from {float(values.min()):.2f} to {float(values.max()):.2f}" if values.numel() else ""
    return Picture(figure, alt_text(title, text + span + (f"; {len(pairs)} kept" if kept is not None else "")))


@shows_itself
def peaks(
    image: Tensor, peaks: Sequence[Tensor], skeleton: Skeleton = COCO, *, stride: float = 4, title: str = ""
) -> Picture:
    """Return all peaks of one image: a shape for each kind of keypoint, blue left, orange right, larger where surer.

    Args:
        image: uint8 or float (3, H, W), drawn in grey.
        peaks: K tensors (N_k, 3): x, y, score, pixels of the map; the highest score has the largest mark.
        stride: width of a pixel of the map, in pixels of the image.
    """
    if isinstance(peaks, Tensor) or len(peaks) != skeleton.num_keypoints:
        raise ValueError(
            f"peaks holds {len(peaks)} entries; expected {skeleton.num_keypoints} tensors, one for each "
            f"keypoint of {skeleton.name}."
        )
    for k, found in enumerate(peaks):
        require(f"peaks[{k}]", found, "N 3")
    figure, (axis,) = image_axes(1, 1, 7.0, image.shape[-2] / image.shape[-1])
    _draw_grey(axis, image)
    highest = max((float(found[:, 2].max()) for found in peaks if len(found)), default=1.0) or 1.0
    kinds = list(dict.fromkeys(_without_side(name) for name in skeleton.keypoint_names))
    for k, (name, found) in enumerate(zip(skeleton.keypoint_names, peaks, strict=True)):
        found = found.detach().cpu().float()
        x, y = to_image(found[:, :2], stride).T.tolist()
        area = 14 + 100 * (found[:, 2] / highest).clamp(0, 1)
        axis.scatter(
            x,
            y,
            area.tolist(),
            color=_side_colour(skeleton, k),
            edgecolors=BLACK,
            linewidths=0.8,
            zorder=4,
            marker=SHAPES[kinds.index(_without_side(name)) % len(SHAPES)],
        )
    _legend_of_kinds(figure, kinds)
    headline(figure, title)
    counts = ", ".join(
        f"{name.replace('_', ' ')} {len(found)}" for name, found in zip(skeleton.keypoint_names, peaks, strict=True)
    )
    return Picture(figure, alt_text(title, f"{sum(map(len, peaks))} peaks over their image: {counts}"))


@shows_itself
def crops_row(
    crops: Tensor,
    keypoints: Tensor | None = None,
    *,
    visible: Tensor | None = None,
    skeleton: Skeleton = COCO,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    title: str = "",
) -> Picture:
    """Return crops side by side, as many in a row as `columns`, with a pose in each.

    Args:
        crops: uint8 or float (N, 3, h, w), at most 64.
        keypoints: (N, K, 2), or (N, K, 3) with scores, of which 0 is not drawn; pixels of the crops.
        visible: bool (N, K), or visibility 0, 1, 2; None draws all.
        titles: one per crop.
    """
    sizes = require("crops", crops, "N 3 h w")
    count = len(crops)
    if not 1 <= count <= 64:
        raise ValueError(f"There are {count} crops; a row takes 1 to 64, such as crops[:8].")
    if titles is not None and len(titles) != count:
        raise ValueError(f"{len(titles)} titles for {count} crops.")
    shown = None
    if keypoints is not None:
        values = 3 if isinstance(keypoints, Tensor) and keypoints.shape[-1:] == (3,) else 2
        require("keypoints", keypoints, f"N {skeleton.num_keypoints} {values}", known=sizes)
        shown = torch.full((count, skeleton.num_keypoints), 2)
        if visible is not None:
            require("visible", visible, f"N {skeleton.num_keypoints}", known=sizes)
            shown = visible.cpu() * (2 if visible.dtype == torch.bool else 1)
        if values == 3:
            shown = shown * (keypoints[..., 2].detach().cpu() > 0)
    columns = min(columns, count)
    figure, axes = image_axes(-(-count // columns), columns, min(2.4, 11 / columns), sizes["h"] / sizes["w"])
    for index, axis in enumerate(axes):
        if index >= count:
            axis.set_visible(False)
            continue
        draw_image(axis, crops[index])
        if shown is not None:
            _draw_person(axis, keypoints[index, :, :2].detach().cpu(), shown[index], skeleton, None)
        axis.set_title(titles[index] if titles else "", fontsize=9)
    headline(figure, title)
    poses = "" if keypoints is None else " with a pose each"
    return Picture(figure, alt_text(title, f"{count} crops of {sizes['h']} x {sizes['w']} pixels{poses}"))


@shows_itself
def run_times(times: Mapping[str, Mapping[str, Sequence[float]]], people: Sequence[int], *, title: str = "") -> Picture:
    """Return run times against the number of people, the parts of each method stacked on each other.

    Args:
        times: method -> part, in the order of the work -> milliseconds, one for each of `people`.
        people: the numbers of people, rising.
    """
    if not times or not all(times.values()):
        raise ValueError("times is empty; expected {method: {part: [milliseconds, ...]}}.")
    for method, parts in times.items():
        for part, values in parts.items():
            if len(values) != len(people):
                raise ValueError(f"{method}, {part} has {len(values)} times for {len(people)} numbers of people.")
    names = list(dict.fromkeys(part for parts in times.values() for part in parts))
    figure, axes = plot_axes(len(times), width=4.2 * len(times) + 0.8)
    tops = [[sum(values) for values in zip(*parts.values(), strict=True)] for parts in times.values()]
    for axis, (method, parts), top in zip(axes, times.items(), tops, strict=True):
        colours = [SERIES[names.index(part) % len(SERIES)] for part in parts]
        axis.stackplot(people, *parts.values(), colors=colours, labels=parts, edgecolor=WHITE, linewidth=0.8)
        axis.plot(people, top, color=BLACK, marker="o", ms=4, lw=1.2)
        axis.set(title=method, xlabel="people in the image", ylim=(0, 1.08 * max(map(max, tops))), xticks=list(people))
        handles, labels = axis.get_legend_handles_labels()
        axis.legend(handles[::-1], labels[::-1], fontsize=8, loc="upper left", framealpha=0.85)  # in the stack's order
    axes[0].set_ylabel("milliseconds per image")
    headline(figure, title)
    text = "; ".join(
        f"{method} takes {top[0]:.3g} ms with {people[0]} people and {top[-1]:.3g} ms with {people[-1]}"
        for method, top in zip(times, tops, strict=True)
    )
    return Picture(figure, alt_text(title, f"run time against the number of people: {text}"))


@shows_itself
def lines(
    x: Sequence[float], values: Mapping[str, Sequence[float]], *, xlabel: str = "", ylabel: str = "", title: str = ""
) -> Picture:
    """Return one curve per method, such as average precision against the number of people.

    Args:
        x: numbers, rising.
        values: name -> one number for each of `x`; NaN leaves a gap.
    """
    if not values:
        raise ValueError("values is empty; expected {name: [number, ...]}.")
    figure, (axis,) = plot_axes(1, width=5.5)
    for index, (name, numbers) in enumerate(values.items()):
        if len(numbers) != len(x):
            raise ValueError(f"{name} has {len(numbers)} values for {len(x)} places on the x axis.")
        axis.plot(x, numbers, color=SERIES[index % len(SERIES)], marker="os^Dv"[index % 5], label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel, xticks=list(x))
    axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    axis.legend(fontsize=9, frameon=False)
    headline(figure, title)
    said = "; ".join(f"{name}: {', '.join(f'{float(v):.3g}' for v in numbers)}" for name, numbers in values.items())
    return Picture(figure, alt_text(title, f"{ylabel} against {xlabel} {', '.join(f'{v:g}' for v in x)}: {said}"))


@shows_itself
def masks_and_boxes(
    image: Tensor,
    boxes: Tensor,
    scores: Tensor,
    masks: Tensor | None = None,
    keypoints: Tensor | None = None,
    *,
    skeleton: Skeleton = COCO,
    title: str = "",
) -> Picture:
    """Return one image with what a detector found in it: boxes with their scores, masks and poses, a colour per person.

    Args:
        image: uint8 or float (3, H, W).
        boxes: (M, 4), pixels.
        scores: (M,).
        masks: bool (M, H, W).
        keypoints: (M, K, 3): x, y and score, of which 0 is not drawn.
    """
    sizes = require("boxes", boxes, "M 4")
    require("scores", scores, "M", known=sizes)
    if masks is not None:
        require("masks", masks, f"M {image.shape[-2]} {image.shape[-1]}", torch.bool, known=sizes)
    if keypoints is not None:
        require("keypoints", keypoints, f"M {skeleton.num_keypoints} 3", known=sizes)
    figure, (axis,) = image_axes(1, 1, 6.0, image.shape[-2] / image.shape[-1])
    draw_image(axis, image)
    for number in scores.argsort().tolist():  # the surest on top
        colour = person_colour(number)
        if masks is not None:
            _draw_mask(axis, masks[number].detach().cpu(), colour)
        box = boxes[number].tolist()
        _draw_box(axis, box, colour)
        axis.text(
            max(box[0], 0),
            max(box[1], 0),
            f"{float(scores[number]):.2f}",
            color=BLACK,
            fontsize=8,
            va="top",
            bbox={"boxstyle": "square,pad=0.1", "fc": colour, "ec": "none"},
            zorder=6,
            clip_on=True,
        )
        if keypoints is not None:
            points = keypoints[number].detach().cpu()
            _draw_person(axis, points[:, :2], 2 * (points[:, 2] > 0), skeleton, colour)
    headline(figure, title)
    besides = [name for name, values in (("masks", masks), ("poses", keypoints)) if values is not None]
    surest = f", the surest {float(scores.max()):.2f}" if len(scores) else ""
    found = " and ".join([", ".join(["boxes", *besides[:-1]]), *besides[-1:]])
    return Picture(figure, alt_text(title, f"an image with {found} of {len(boxes)} people{surest}"))


def person_colour(number: int) -> str:
    """Return the colour of the person of this number in an image."""
    return OF_PERSON[number % len(OF_PERSON)]


def _draw_person(axis: Axes, points: Tensor, seen: Tensor, skeleton: Skeleton, colour: str | None) -> None:
    """Draw limbs and keypoints of one person where `seen` (K,) is 2, with hollow dots where it is 1, nothing at 0.

    A colour of None is that of the side: left blue, right orange.
    """
    points = points.float()
    shown = seen.cpu().long() * torch.isfinite(points).all(-1)
    for a, b in skeleton.limbs:
        if shown[a] and shown[b]:
            side = _side_colour(skeleton, a) if _side_colour(skeleton, a) == _side_colour(skeleton, b) else MIDDLE
            axis.plot(
                *points[[a, b]].T.tolist(),
                color=colour or side,
                lw=2,
                path_effects=_outline(3.6),
                solid_capstyle="round",
                zorder=3,
            )
    for k in shown.nonzero().flatten().tolist():
        dot, hollow = colour or _side_colour(skeleton, k), shown[k] == 1
        axis.plot(
            *points[k].tolist(),
            "o",
            ms=4.5 if hollow else 3.5,
            mfc="none" if hollow else dot,
            mec=dot if hollow else BLACK,
            mew=1.2 if hollow else 0.6,
            zorder=4,
        )


def _draw_box(axis: Axes, box: Sequence[float], colour: str) -> None:
    x0, y0, x1, y1 = box
    axis.plot(
        [x0, x1, x1, x0, x0],
        [y0, y0, y1, y1, y0],
        color=colour,
        lw=1.3,
        path_effects=_outline(2.8),
        zorder=2,
        solid_joinstyle="miter",
    )


def _draw_mask(axis: Axes, mask: Tensor, colour: str) -> None:
    """Lay a transparent colour over the mask, bool (H, W), with its outline."""
    from matplotlib.colors import to_rgba

    layer = torch.tensor(to_rgba(colour, 0.4)) * mask[:, :, None]  # (H, W, 4), clear outside
    axis.imshow(layer.numpy(), interpolation="nearest", zorder=1)
    if mask.any() and not mask.all():
        axis.contour(mask.float().numpy(), levels=[0.5], colors=[colour], linewidths=1.2, zorder=2)


def _draw_grey(axis: Axes, image: Tensor) -> None:
    """Draw an image without its colours and paler, so that what lies over it stands out."""
    require("image", image, "3 H W")
    pixels = image.detach().cpu().float() / (1 if image.is_floating_point() else 255)
    grey = 0.25 + 0.6 * pixels.clamp(0, 1).mean(0, keepdim=True).expand(3, -1, -1)
    draw_image(axis, grey)


def _draw_field(axis: Axes, field: Tensor, image: Tensor | None, stride: float) -> int:
    """Draw a field (2, h, w) as arrows and return how many there are."""
    values = field.detach().cpu().float()
    height, width = values.shape[1:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    clear = values.norm(dim=0) > CLEAR
    places = torch.stack([x, y], -1).float()
    if image is None:
        stride = 1
        axis.set_facecolor(WHITE)
        axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal")
        axis.plot(x.flatten(), y.flatten(), ".", color="#AAAAAA", ms=2)
    else:
        require("image", image, "3 H W")
        wanted = tuple(-(-side // stride) for side in image.shape[1:])
        if (height, width) != wanted:
            raise ValueError(
                f"The field has {height} x {width} pixels; expected {wanted[0]:g} x {wanted[1]:g} for an "
                f"image of {image.shape[1]} x {image.shape[2]} at stride {stride:g}."
            )
        _draw_grey(axis, image)
        places = to_image(places, stride)
    (px, py), (dx, dy) = places[clear].T.numpy(), values[:, clear].numpy()
    # a vector of length 1 is as long as a pixel of the field is wide, so arrows do not reach into each other
    axis.quiver(
        px,
        py,
        dx,
        dy,
        angles="xy",
        scale_units="xy",
        scale=1 / stride,
        units="xy",
        width=0.2 * stride,
        headwidth=3,
        headlength=2.8,
        headaxislength=2.6,
        pivot="mid",
        edgecolor=BLACK,
        zorder=3,
        color=VERMILION if image is None else YELLOW,
        linewidth=0 if image is None else 0.25,
    )
    return int(clear.sum())


def _place_by(line: Tensor, taken: Sequence[Sequence[float]], apart: float) -> list[float]:
    """Return a place for a number at the line (2, 2): near its middle, but off the places that are `taken`.

    Args:
        apart: how wide a number is; it is half as high.
    """
    way = line[1] - line[0]
    across = torch.stack([-way[1], way[0]]) / way.norm().clamp(min=1e-6)
    shares = torch.tensor([0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8])
    beside = apart * torch.tensor([0.0, 0.7, -0.7])  # first of all on the line itself
    places = (line[0] + shares[:, None] * way + (beside[:, None] * across)[:, None]).flatten(0, 1)  # (21, 2)
    shape = torch.tensor([1.0, 2.0])
    nearest = torch.cdist(places * shape, torch.tensor(taken) * shape).min(dim=1).values
    free = (nearest >= apart).nonzero().flatten()
    return places[free[0] if len(free) else nearest.argmax()].tolist()


def _legend_of_kinds(figure, kinds: Sequence[str]) -> None:
    """Put a legend below the image, a shape for each kind of keypoint and the colours of the sides."""
    from matplotlib.lines import Line2D

    def entry(shape: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], marker=shape, color=colour, mec=BLACK, mew=0.8, ms=8, ls="none", label=label)

    entries = [entry(SHAPES[i % len(SHAPES)], "#BBBBBB", kind.replace("_", " ")) for i, kind in enumerate(kinds)]
    entries += [entry("o", LEFT, "left"), entry("o", RIGHT, "right"), entry("o", MIDDLE, "middle")]
    figure.legend(handles=entries, loc="outside lower center", ncols=6, fontsize=8, frameon=False)


def _without_side(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _side_colour(skeleton: Skeleton, k: int) -> str:
    side = skeleton.keypoint_names[k].partition("_")[0]
    return {"left": LEFT, "right": RIGHT}.get(side, MIDDLE)


def _blue_to_red():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blue to red", [BLUE, WHITE, VERMILION], N=255)


def _outline(width: float) -> list:
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground="#00000090"), Normal()]
