import numpy as np
import pytest
import torch

from helpers import mask_pictures
from helpers.data.masks import SegmentationSet
from helpers.people import SceneSettings, render_scene
from helpers.pictures.colours import BLUE, OF_CLASS, VERMILION, VOID_GREY
from helpers.pictures.masks import YES_NO
from helpers.tests.test_pictures import near, pixels


def stripes(count=5, size=(30, 40), names=("sea", "sand", "sky")):
    """White images; the mask is class 1 on the left half, void in the last column, else class 0."""
    masks = torch.zeros(count, *size, dtype=torch.uint8)
    masks[:, :, : size[1] // 2] = 1
    masks[:, :, -1] = 255
    return SegmentationSet(torch.full((count, 3, *size), 255, dtype=torch.uint8), masks, names, "stripes")


def drawn(axis) -> np.ndarray:
    """The colours of the mask on an axis, uint8 (H, W, 3)."""
    return (255 * np.asarray(axis.images[0].get_array())).round().astype(int)


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_a_mask_has_the_colours_of_its_classes_and_void_is_grey():
    _, axis = mask_pictures.mask_grid(stripes(1)).figure.axes
    mask = drawn(axis)
    assert mask[5, 3].tolist() == rgb(OF_CLASS[1]) and mask[5, 30].tolist() == rgb(OF_CLASS[0])
    assert mask[5, 39].tolist() == rgb(VOID_GREY)


def test_rows_are_image_truth_and_prediction():
    data = stripes(1)
    picture = mask_pictures.mask_grid(data, torch.full((1, 30, 40), 2), title="Test")
    image, truth, prediction = picture.figure.axes
    assert [axis.texts[0].get_text() for axis in (image, truth, prediction)] == ["image", "truth", "prediction"]
    assert image.images[0].get_array().shape == (30, 40, 3) and (image.images[0].get_array() == 255).all()
    assert (drawn(prediction) == rgb(OF_CLASS[2])).all() and not (drawn(truth) == rgb(OF_CLASS[2])).all(-1).any()
    assert picture.alt == (
        "Test: 1 image of stripes: image, true masks, predicted masks; the classes are sea, sand, sky, void"
    )


def test_more_images_than_columns_go_on_below():
    """Five images in two columns: three blocks of four rows, in the last of which one column is empty."""
    data = stripes(5)
    named = {"A": torch.zeros(5, 30, 40, dtype=torch.uint8), "B": torch.ones(5, 30, 40, dtype=torch.int64)}
    named["B"][4] = 2
    picture = mask_pictures.mask_grid(data, named, titles=list("abcde"), columns=2)
    axes = np.array(picture.figure.axes).reshape(3, 4, 2)
    assert [axis.get_visible() for axis in axes[2].flat] == [True, False] * 4
    assert [axes[block, 0, column].get_title() for block in range(3) for column in range(2)] == [*"abcde", ""]
    assert (drawn(axes[0, 2, 0]) == rgb(OF_CLASS[0])).all() and (drawn(axes[1, 3, 1]) == rgb(OF_CLASS[1])).all()
    assert (drawn(axes[2, 3, 0]) == rgb(OF_CLASS[2])).all()
    assert "masks of A, masks of B" in picture.alt
    assert [text.get_text() for text in picture.figure.legends[0].texts] == ["sea", "sand", "sky", "void"]


def test_the_legend_names_void_only_where_there_is_some():
    data = stripes(1)
    whole = SegmentationSet(data.images, torch.zeros_like(data.masks), data.class_names)
    picture = mask_pictures.mask_grid(whole)
    assert [text.get_text() for text in picture.figure.legends[0].texts] == ["sea", "sand", "sky"]
    assert "void" not in picture.alt


@pytest.mark.parametrize("count", [1, 11])
def test_no_legend_is_cut_off(count):
    """Each patch of the legend lies inside the picture, also where the picture is narrow."""
    names = tuple(f"a rather long name {number}" for number in range(11))
    figure = mask_pictures.mask_grid(stripes(count, names=names), columns=3).figure
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y0 >= 0
    assert all(axis.get_window_extent().y0 >= box.y1 for axis in figure.axes)


def simulated(colour: str) -> list[np.ndarray]:
    """CIELAB of a colour as most people see it, and as those do who lack red, green or blue cones.

    Source of the matrices: Machado, Oliveira and Fernandes 2009, severity 1.
    """
    cones = [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
    ]
    values = np.array(rgb(colour)) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    seen = [to_xyz @ np.clip(np.array(cone) @ linear, 0, 1) / (0.9505, 1, 1.089) for cone in cones]
    roots = [np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116) for xyz in seen]
    return [np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]) for f in roots]


def test_all_colours_stay_apart_for_colour_blind_readers():
    """A difference of 2.3 can just be seen; ours are 16 and more, void's grey included."""
    seen = [simulated(colour) for colour in (*OF_CLASS, VOID_GREY)]
    apart = [
        np.linalg.norm(a - b)
        for i, first in enumerate(seen)
        for second in seen[:i]
        for a, b in zip(first, second, strict=True)
    ]
    assert len(set(OF_CLASS)) == 11 and min(apart) > 16


def test_zoom_shows_the_square_around_a_place():
    data = stripes(1)
    picture = mask_pictures.zoom(data, (20, 12), 10, {"A": torch.ones(1, 30, 40, dtype=torch.int64)})
    image, square, truth, prediction = picture.figure.axes
    for axis in (square, truth, prediction):
        assert axis.get_xlim() == (14.5, 24.5) and axis.get_ylim() == (16.5, 6.5)
    assert image.get_xlim() == (-0.5, 39.5) and list(image.lines[0].get_xdata()) == [14.5, 24.5, 24.5, 14.5, 14.5]
    assert square.images[0].get_interpolation() == truth.images[0].get_interpolation() == "nearest"
    assert [axis.get_title() for axis in picture.figure.axes] == ["image", "10 x 10 pixels", "truth", "A"]
    assert picture.alt.startswith("pixels x 15 to 24, y 7 to 16 of one image of stripes")


@pytest.mark.parametrize(("centre", "corner"), [((0, 0), (0, 0)), ((39, 29), (30, 20)), ((-50, 500), (0, 20))], ids=str)
def test_at_the_border_the_square_moves_inside(centre, corner):
    axis = mask_pictures.zoom(stripes(1), centre, 10).figure.axes[1]
    assert (axis.get_xlim()[0] + 0.5, axis.get_ylim()[1] + 0.5) == corner


def test_three_kinds_of_masks_stand_side_by_side():
    scene = render_scene(0, 1, SceneSettings(size=(96, 64), people=(3, 3)))
    picture = mask_pictures.three_kinds(scene, title="Kinds")
    image, binary, semantic, instance = picture.figure.axes
    assert [axis.get_title() for axis in picture.figure.axes] == ["image", "binary", "semantic", "instance"]
    assert (image.images[0].get_array() == scene.image).all()
    person = scene.instances > 0
    assert (drawn(binary)[person] == rgb(YES_NO[1])).all() and (drawn(binary)[~person] == 0).all()
    colours = {tuple(colour) for colour in drawn(instance)[person].tolist()}
    assert len(colours) == len(np.unique(scene.instances[person])) > 1
    assert (drawn(semantic)[scene.clothes == 1] == rgb(OF_CLASS[1])).all()
    assert picture.alt.startswith("Kinds: a scene of 3 people: image, binary masks, semantic masks, instance masks; ")


def test_a_matrix_is_white_where_it_is_zero_and_signed_elsewhere():
    C = torch.tensor([[3.0, 0.0, 0.0], [0.0, -3.0, 1.5]])
    picture = mask_pictures.matrix(C, title="C")
    axis = picture.figure.axes[0]
    colours = axis.images[0].to_rgba(axis.images[0].get_array())
    assert (255 * colours[0, 1, :3]).round().tolist() == [255, 255, 255]
    assert (255 * colours[0, 0, :3]).round().tolist() == rgb(VERMILION)
    assert (255 * colours[1, 1, :3]).round().tolist() == rgb(BLUE)
    assert [text.get_text() for text in axis.texts] == ["3", "-3", "1.5"]
    assert picture.alt == "C: a matrix of 2 x 3, 50% of it not 0, from -3 to 3"


def test_lines_part_the_rows_of_pixels_and_a_large_matrix_has_no_numbers():
    picture = mask_pictures.matrix(torch.eye(24)[:12], input_size=(4, 6))
    axis = picture.figure.axes[0]
    assert [line.get_xdata()[0] for line in axis.lines] == [5.5, 11.5, 17.5] and len(axis.texts) == 12
    assert axis.get_xlabel() == "pixels of the input (4 x 6, row after row)"
    assert not mask_pictures.matrix(torch.ones(30, 30)).figure.axes[0].texts


def test_a_matrix_of_zeros_is_white():
    assert near(pixels(mask_pictures.matrix(torch.zeros(4, 5)))[60:100, 100:150], "#FFFFFF") > 1900


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda data: mask_pictures.mask_grid(data[:0]), ValueError, "0 images; a grid takes 1 to 64"),
        (
            lambda data: mask_pictures.mask_grid(data, data.masks[:1]),
            ValueError,
            r"prediction has shape .* \(N=2, H=30",
        ),
        (lambda data: mask_pictures.mask_grid(data, {"A": data.masks}), ValueError, "A holds 255; expected .* 0 to 2"),
        (lambda data: mask_pictures.mask_grid(data, torch.zeros(2, 30, 40)), TypeError, "prediction has dtype float32"),
        (lambda data: mask_pictures.mask_grid(data, titles=["a"]), ValueError, "1 titles for 2 images"),
        (lambda data: mask_pictures.mask_grid(data.images), TypeError, "data is a Tensor; expected a SegmentationSet"),
        (lambda data: mask_pictures.zoom(data, (3, 3)), ValueError, r"data has 2 images; zoom takes one"),
        (lambda data: mask_pictures.zoom(data[0], (3, 3), 31), ValueError, "side is 31; expected 1 to 30"),
        (lambda data: mask_pictures.matrix(torch.zeros(3)), ValueError, "C has shape"),
        (lambda data: mask_pictures.matrix(torch.zeros(3, 4), input_size=(2, 3)), ValueError, "6 pixels; C has 4"),
        (lambda data: mask_pictures.matrix(torch.zeros(0, 4)), ValueError, "nothing to draw"),
    ],
    ids=["empty", "count", "void", "float", "titles", "tensor", "two", "side", "vector", "size", "nothing"],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(stripes(2))
