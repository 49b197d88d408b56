import numpy as np
import pytest
import torch

from helpers import crowd_pictures
from helpers.data.people import PeopleSet, box_areas
from helpers.data.skeletons import COCO, LSP
from helpers.pictures.colours import BLUE, LEFT, MIDDLE, OF_PERSON, RIGHT, VERMILION, VOID_GREY, WHITE, YELLOW
from helpers.tests.stick_people import stick_people
from helpers.tests.test_pictures import near, pixels
from helpers.tests.test_pictures_masks import rgb, simulated

BLACK_IMAGE = torch.zeros(3, 32, 48, dtype=torch.uint8)


def crowd(count=3, size=(32, 48)) -> PeopleSet:
    """Black images; image i has i % 2 + 1 people, of whom every keypoint is seen but for one hidden left wrist."""
    sticks = stick_people(2 * count, size)
    keypoints = sticks.keypoints.view(count, 2, 17, 2)
    present = torch.arange(2) < (torch.arange(count) % 2 + 1)[:, None]
    visibility = torch.full((count, 2, 17), 2, dtype=torch.uint8)
    visibility[..., COCO.index("left_wrist")] = 1
    boxes = torch.cat([keypoints.amin(2), keypoints.amax(2)], -1) * present[..., None]
    return PeopleSet(
        torch.zeros(count, 3, *size, dtype=torch.uint8),
        keypoints * present[..., None, None],
        visibility * present[..., None],
        boxes,
        box_areas(boxes),
        present,
        COCO,
        "sticks",
    )


def dots(axis) -> list[tuple[str, str]]:
    """Face and edge of each keypoint that is drawn."""
    return [(line.get_markerfacecolor(), line.get_markeredgecolor()) for line in axis.lines if line.get_marker() == "o"]


def strokes(axis) -> list[str]:
    """The colour of each limb that is drawn."""
    return [line.get_color() for line in axis.lines if line.get_marker() == "None" and len(line.get_xdata()) == 2]


def test_each_person_has_a_colour_and_a_hidden_keypoint_is_hollow():
    picture = crowd_pictures.people_grid(crowd(), title="Test")
    first, second, _ = picture.figure.axes
    assert set(strokes(first)) == {OF_PERSON[0]} and set(strokes(second)) == set(OF_PERSON[:2])
    assert len(strokes(second)) == 2 * len(COCO.limbs)
    assert len(dots(second)) == 34 and [face for face, _ in dots(second)].count("none") == 2
    assert ("none", OF_PERSON[1]) in dots(second)
    assert picture.alt == "Test: 3 images of sticks with 4 true people"


def test_people_found_are_drawn_without_what_is_missing():
    """Without the right knee three limbs are gone with it: to hip and ankle; a person of nothing draws nothing."""
    data = crowd(1)
    person = torch.cat([data.keypoints[0, :1], torch.full((1, 17, 1), 0.3)], -1)
    person[0, COCO.index("right_knee")] = 0
    picture = crowd_pictures.people_grid(data, [torch.cat([person, torch.zeros(1, 17, 3)])])
    (axis,) = picture.figure.axes
    assert len(dots(axis)) == 16 and len(strokes(axis)) == len(COCO.limbs) - 2
    assert picture.alt == "1 image of sticks with 1 estimated people"
    assert crowd_pictures.people_grid(data, [torch.zeros(0, 17, 3)]).alt.endswith("with 0 estimated people")


def test_boxes_have_the_colours_of_their_people_and_are_white_beside_the_truth():
    data = crowd(2)
    boxes = [torch.tensor([[1.0, 2, 11, 22]]), torch.tensor([[3.0, 4, 5, 6], [7, 8, 9, 10]])]
    people = [torch.cat([data.keypoints[i][data.present[i]], torch.ones(i + 1, 17, 1)], -1) for i in range(2)]

    def drawn(axis):
        return [
            (line.get_color(), list(line.get_xdata()), list(line.get_ydata()))
            for line in axis.lines
            if len(line.get_xdata()) == 5
        ]

    one, two = crowd_pictures.people_grid(data, people, boxes=boxes).figure.axes
    assert drawn(one) == [(OF_PERSON[0], [1, 11, 11, 1, 1], [2, 2, 22, 22, 2])]
    assert [colour for colour, _, _ in drawn(two)] == list(OF_PERSON[:2])
    picture = crowd_pictures.people_grid(data, boxes=boxes)
    assert [colour for colour, _, _ in drawn(picture.figure.axes[1])] == [WHITE] * 2
    assert picture.alt.endswith("3 true people and 3 boxes")
    nobody = [torch.zeros(len(of_image), 17, 3) for of_image in boxes]  # boxes alone
    picture = crowd_pictures.people_grid(data, nobody, boxes=boxes)
    assert picture.alt.endswith("0 estimated people and 3 boxes")


def test_more_images_than_columns_go_on_below():
    picture = crowd_pictures.people_grid(crowd(5), titles=list("abcde"), columns=2)
    axes = picture.figure.axes
    assert [axis.get_visible() for axis in axes] == [True] * 5 + [False]
    assert [axis.get_title() for axis in axes[:5]] == list("abcde")


def test_the_first_six_people_stay_apart_for_colour_blind_readers():
    """A difference of 2.3 can just be seen."""
    seen = [simulated(colour) for colour in OF_PERSON[:6]]
    apart = [
        np.linalg.norm(a - b)
        for i, first in enumerate(seen)
        for second in seen[:i]
        for a, b in zip(first, second, strict=True)
    ]
    assert len(set(OF_PERSON)) == len(OF_PERSON) == 8 and min(apart) > 9 and VOID_GREY not in OF_PERSON


def arrows(axis):
    (quiver,) = [one for one in axis.collections if type(one).__name__ == "Quiver"]
    return quiver.XY.tolist(), list(zip(quiver.U.tolist(), quiver.V.tolist(), strict=True))


def test_a_field_has_arrows_where_it_is_not_zero():
    """At stride 4 the pixel (2, 1) of the field has its centre at (9.5, 5.5) of the image."""
    values = torch.zeros(2, 8, 12)
    values[:, 1, 2] = torch.tensor([0.6, -0.8])
    values[:, 5, 5] = 0.05
    picture = crowd_pictures.field(values, BLACK_IMAGE, title="Arm")
    places, vectors = arrows(picture.figure.axes[0])
    assert places == [[9.5, 5.5]] and np.allclose(vectors, [[0.6, -0.8]])
    assert picture.alt == "Arm: a field of 8 x 12 pixels over its image, 1 of them with an arrow"


def test_arrows_point_down_where_y_grows():
    """Drawn, an arrow (0, 1) comes to a point below and is as wide as its shaft above."""
    values = torch.zeros(2, 1, 1)
    values[1] = 1
    image = pixels(crowd_pictures.field(values, BLACK_IMAGE[:, :4, :4]))
    coloured = (abs(image - rgb(YELLOW)).max(-1) < 12).sum(1)
    rows = coloured.nonzero()[0]
    assert len(rows) > 50 and coloured[rows[1]] > 50 and coloured[rows[-2]] < 10


def test_a_field_of_zeros_has_no_arrows():
    for value in (0, torch.nan):
        picture = crowd_pictures.field(torch.full((2, 8, 12), value), BLACK_IMAGE)
        assert picture.alt.endswith("0 of them with an arrow")


def test_fields_stand_in_a_grid():
    fields = torch.zeros(3, 2, 4, 6)
    fields[1, 0, 2, 3] = 1
    picture = crowd_pictures.field_grid(fields, ["a", "b", "c"], torch.zeros(3, 31, 47), stride=8, title="Fields")
    axes = picture.figure.axes
    assert [axis.get_title() for axis in axes[:3]] == ["a", "b", "c"] and not axes[3].get_visible()
    assert arrows(axes[1])[0] == [[27.5, 19.5]] and arrows(axes[0])[0] == []
    assert picture.alt == "Fields: 3 fields of 4 x 6 as arrows: a, b, c"


STARTS, ENDS = torch.tensor([[2.0, 1, 0.9], [8, 1, 0.8]]), torch.tensor([[2.0, 6], [8, 6], [5, 3]])
SCORES = torch.tensor([[0.9, -0.4, 0.1], [0.2, 0.75, -0.004]])


def test_candidates_show_every_pair_and_the_kept_ones_thick():
    picture = crowd_pictures.candidates(BLACK_IMAGE, STARTS, ENDS, SCORES, torch.tensor([[0, 0], [1, 1]]), title="Limb")
    axis = picture.figure.axes[0]
    limbs = [line for line in axis.lines if len(line.get_xdata()) == 2 and line.get_marker() == "None"]
    assert len(limbs) == 6
    thick = [(list(line.get_xdata()), list(line.get_ydata())) for line in limbs if line.get_linewidth() > 3]
    assert sorted(thick) == [([9.5, 9.5], [5.5, 25.5]), ([33.5, 33.5], [5.5, 25.5])]
    assert sorted(text.get_text() for text in axis.texts) == sorted(["0.90", "-0.40", "0.10", "0.20", "0.75", "0.00"])
    assert picture.alt == ("Limb: 2 starts and 3 ends, joined by 6 candidates with scores from -0.40 to 0.90; 2 kept")


def test_a_high_score_is_red_and_a_low_one_blue():
    for score, colour in ((1.0, VERMILION), (-1.0, BLUE)):
        axis = crowd_pictures.candidates(BLACK_IMAGE, STARTS[:1], ENDS[:1], torch.tensor([[score]])).figure.axes[0]
        assert (255 * np.array(axis.lines[0].get_color()[:3])).round().tolist() == rgb(colour)


def test_numbers_of_candidates_keep_apart():
    axis = crowd_pictures.candidates(BLACK_IMAGE, STARTS, ENDS, SCORES).figure.axes[0]
    places = torch.tensor([text.get_position() for text in axis.texts]) * torch.tensor([1, 2])
    assert torch.pdist(places).min() > 48 / 15


def test_many_candidates_have_no_numbers_and_none_is_no_error():
    many = torch.rand(6, 2) * 8
    assert not crowd_pictures.candidates(BLACK_IMAGE, many, many, torch.rand(6, 6)).figure.axes[0].texts
    empty = crowd_pictures.candidates(BLACK_IMAGE, many[:0], many, torch.zeros(0, 6), [])
    assert empty.alt == "0 starts and 6 ends, joined by 0 candidates; 0 kept"
    assert "nan" in crowd_pictures.candidates(BLACK_IMAGE, many[:1], many[:1], torch.tensor([[torch.nan]])).alt


def test_peaks_have_a_shape_for_their_kind_and_a_colour_for_their_side():
    found = [torch.zeros(0, 3) for _ in range(17)]
    found[COCO.index("left_wrist")] = torch.tensor([[1.0, 2, 0.5], [3, 4, 1.0]])
    found[COCO.index("right_wrist")] = torch.tensor([[5.0, 6, 0.25]])
    found[COCO.index("nose")] = torch.tensor([[7.0, 1, 1.0]])
    picture = crowd_pictures.peaks(BLACK_IMAGE, found, title="Peaks")
    drawn = {COCO.keypoint_names[k]: one for k, one in enumerate(picture.figure.axes[0].collections)}
    left, right, nose = (drawn[name] for name in ("left_wrist", "right_wrist", "nose"))
    assert left.get_offsets().tolist() == [[5.5, 9.5], [13.5, 17.5]] and len(drawn["left_hip"].get_offsets()) == 0
    for one, colour in ((left, LEFT), (right, RIGHT), (nose, MIDDLE)):
        assert (255 * one.get_facecolor()[0, :3]).round().tolist() == rgb(colour)
    same, other = (np.array_equal(left.get_paths()[0].vertices, one.get_paths()[0].vertices) for one in (right, nose))
    assert same and not other
    assert left.get_sizes()[0] < left.get_sizes()[1] == nose.get_sizes()[0]
    labels = [text.get_text() for text in picture.figure.legends[0].texts]
    assert labels == [
        "nose",
        "eye",
        "ear",
        "shoulder",
        "elbow",
        "wrist",
        "hip",
        "knee",
        "ankle",
        "left",
        "right",
        "middle",
    ]
    assert picture.alt.startswith("Peaks: 4 peaks over their image: nose 1, left eye 0, ")
    assert "left wrist 2, right wrist 1" in picture.alt


def test_no_peaks_at_all_and_another_skeleton_are_no_error():
    assert "0 peaks" in crowd_pictures.peaks(BLACK_IMAGE, [torch.zeros(0, 3)] * 14, LSP).alt
    labels = crowd_pictures.peaks(BLACK_IMAGE, [torch.zeros(1, 3)] * 14, LSP).figure.legends[0].texts
    assert "head top" in [text.get_text() for text in labels]


def test_crops_stand_in_rows():
    sticks = stick_people(5, (37, 23))
    picture = crowd_pictures.crops_row(sticks.images.float() / 255, columns=3, title="Crops")
    axes = picture.figure.axes
    assert [axis.get_visible() for axis in axes] == [True] * 5 + [False]
    assert all(axis.images[0].get_array().shape == (37, 23, 3) for axis in axes[:5])
    assert picture.alt == "Crops: 5 crops of 37 x 23 pixels"


TIMES = {
    "top-down": {"detector": [8, 8, 8], "poses": [3, 6, 24]},
    "bottom-up": {"network": [20, 20, 20], "grouping": [1, 2, 6]},
}


def test_run_times_are_stacked_on_one_scale():
    picture = crowd_pictures.run_times(TIMES, [1, 2, 8], title="Time")
    left, right = picture.figure.axes
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[0] == 0 and left.get_ylim()[1] > 32
    assert left.lines[0].get_ydata().tolist() == [11, 14, 32] and right.lines[0].get_ydata().tolist() == [21, 22, 26]
    assert [len(axis.collections) for axis in (left, right)] == [2, 2]
    heights = left.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == 0 and heights.max() == 8  # the detector lies below the poses
    assert [text.get_text() for text in left.get_legend().texts] == ["poses", "detector"]
    faces = [tuple(one.get_facecolor()[0]) for axis in (left, right) for one in axis.collections]
    assert len(set(faces)) == 4
    assert picture.alt == (
        "Time: run time against the number of people: top-down takes 11 ms with 1 people and 32 ms "
        "with 8; bottom-up takes 21 ms with 1 people and 26 ms with 8"
    )


def test_a_part_of_both_methods_has_one_colour():
    left, right = crowd_pictures.run_times({"a": {"x": [1], "y": [2]}, "b": {"y": [2]}}, [3]).figure.axes
    assert (left.collections[1].get_facecolor() == right.collections[0].get_facecolor()).all()


def test_lines_hold_the_numbers():
    picture = crowd_pictures.lines(
        [1, 4, 9],
        {"a": [0.8, 0.7, 0.6], "b": [0.5, float("nan"), 0.4]},
        xlabel="people",
        ylabel="AP",
        title="Precision",
    )
    (axis,) = picture.figure.axes
    assert [line.get_ydata()[0] for line in axis.lines] == [0.8, 0.5] and axis.get_ylim()[0] == 0
    assert [line.get_xdata().tolist() for line in axis.lines] == [[1, 4, 9]] * 2
    assert axis.lines[0].get_color() != axis.lines[1].get_color()
    assert axis.lines[0].get_marker() != axis.lines[1].get_marker()
    assert picture.alt == "Precision: AP against people 1, 4, 9: a: 0.8, 0.7, 0.6; b: 0.5, nan, 0.4"


def found() -> dict[str, torch.Tensor]:
    masks = torch.zeros(2, 32, 48, dtype=torch.bool)
    masks[0, 5:15, 5:15], masks[1, 10:30, 20:40] = True, True
    keypoints = torch.rand(2, 17, 3) * 30
    keypoints[1, :, 2] = 0
    return {
        "boxes": torch.tensor([[4.0, 4, 16, 16], [19, 9, 41, 31]]),
        "scores": torch.tensor([0.9, 0.75]),
        "masks": masks,
        "keypoints": keypoints,
    }


def test_masks_boxes_and_scores_have_a_colour_for_each_person():
    picture = crowd_pictures.masks_and_boxes(BLACK_IMAGE, **found(), title="Found")
    (axis,) = picture.figure.axes
    boxes = {line.get_color(): list(line.get_xdata()) for line in axis.lines if len(line.get_xdata()) == 5}
    assert boxes == {OF_PERSON[0]: [4, 16, 16, 4, 4], OF_PERSON[1]: [19, 41, 41, 19, 19]}
    assert {text.get_text(): text.get_position() for text in axis.texts} == {"0.90": (4, 4), "0.75": (19, 9)}
    layers = [np.asarray(image.get_array()) for image in axis.images[1:]]  # the surest last
    assert layers[1][10, 10, 3] > 0 and layers[1][20, 30, 3] == 0 and layers[0][20, 30, 3] > 0
    assert (255 * layers[1][10, 10, :3]).round().tolist() == rgb(OF_PERSON[0])
    assert len(dots(axis)) == 17
    assert picture.alt == "Found: an image with boxes, masks and poses of 2 people, the surest 0.90"


def test_a_mask_shines_through():
    """Over a white image the mask's colour is mixed with white, outside of it white stays."""
    white = torch.full((3, 32, 48), 255, dtype=torch.uint8)
    people = {name: found()[name][:1] for name in ("boxes", "scores", "masks")}
    image = pixels(crowd_pictures.masks_and_boxes(white, **people))
    mixed = "#" + "".join(f"{round(0.4 * c + 0.6 * 255):02X}" for c in rgb(OF_PERSON[0]))
    assert near(image, mixed) > 5000 and near(image, "#FFFFFF") > 50_000


def test_boxes_alone_and_nobody_found():
    people = {name: found()[name] for name in ("boxes", "scores")}
    assert crowd_pictures.masks_and_boxes(BLACK_IMAGE, **people).alt.startswith("an image with boxes of 2 people")
    nobody = {name: tensor[:0] for name, tensor in found().items()}
    assert crowd_pictures.masks_and_boxes(BLACK_IMAGE, **nobody).alt.endswith("boxes, masks and poses of 0 people")
    odd = {name: found()[name] for name in ("boxes", "scores")} | {"masks": torch.zeros(2, 32, 48, dtype=torch.bool)}
    odd["masks"][1] = True  # an empty mask and a full one have no outline
    crowd_pictures.masks_and_boxes(BLACK_IMAGE, **odd)


DATA, FIELDS = crowd(2), torch.zeros(2, 2, 8, 12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: crowd_pictures.people_grid(DATA[:0]), ValueError, "0 images; a grid takes 1 to 64"),
        (lambda: crowd_pictures.people_grid(DATA.images), TypeError, "data is a Tensor; expected a PeopleSet"),
        (
            lambda: crowd_pictures.people_grid(DATA, [torch.zeros(0, 17, 3)]),
            ValueError,
            "1 entries in people for 2 images",
        ),
        (lambda: crowd_pictures.people_grid(DATA, [torch.zeros(1, 14, 3)] * 2), ValueError, r"people\[0\] has shape"),
        (
            lambda: crowd_pictures.people_grid(DATA, [torch.zeros(1, 17, 3)] * 2, boxes=[torch.zeros(2, 4)] * 2),
            ValueError,
            r"boxes\[0\] has shape \(2, 4\); expected \(M=1, 4\)",
        ),
        (lambda: crowd_pictures.field(FIELDS, BLACK_IMAGE), ValueError, r"field has shape \(2, 2, 8, 12\)"),
        (
            lambda: crowd_pictures.field(FIELDS[0], BLACK_IMAGE, stride=8),
            ValueError,
            "expected 4 x 6 for an image of 32",
        ),
        (lambda: crowd_pictures.field_grid(FIELDS[:0], None, BLACK_IMAGE), ValueError, "There are 0 fields"),
        (lambda: crowd_pictures.field_grid(FIELDS, ["a"], BLACK_IMAGE), ValueError, "1 titles for 2 fields"),
        (lambda: crowd_pictures.candidates(BLACK_IMAGE, STARTS, ENDS, SCORES.T), ValueError, r"expected \(n=2, m=3\)"),
        (lambda: crowd_pictures.candidates(BLACK_IMAGE, STARTS, ENDS, SCORES, [(2, 0)]), ValueError, r"pair \(2, 0\)"),
        (lambda: crowd_pictures.peaks(BLACK_IMAGE, [torch.zeros(0, 3)] * 14), ValueError, "14 entries; expected 17"),
        (lambda: crowd_pictures.crops_row(torch.zeros(0, 3, 8, 8)), ValueError, "There are 0 crops"),
        (lambda: crowd_pictures.run_times({}, [1]), ValueError, "times is empty"),
        (lambda: crowd_pictures.run_times(TIMES, [1, 2]), ValueError, "top-down, detector has 3 times for 2 numbers"),
        (lambda: crowd_pictures.lines([1], {}), ValueError, "values is empty"),
        (lambda: crowd_pictures.lines([1, 2], {"a": [1.0]}), ValueError, "a has 1 values for 2 places"),
        (
            lambda: crowd_pictures.masks_and_boxes(BLACK_IMAGE, torch.zeros(1, 4), torch.zeros(2)),
            ValueError,
            "scores has",
        ),
        (
            lambda: crowd_pictures.masks_and_boxes(
                BLACK_IMAGE, torch.zeros(1, 4), torch.zeros(1), torch.zeros(1, 32, 48)
            ),
            TypeError,
            "masks has dtype float32; expected bool",
        ),
    ],
    ids=lambda value: None if callable(value) or isinstance(value, type) else value[:14],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
