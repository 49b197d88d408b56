import io

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import History, pictures
from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO, LSP
from helpers.people import SceneSettings, render_scene
from helpers.pictures.colours import LEFT, MIDDLE, RIGHT
from helpers.pictures.figure import Picture
from helpers.tests.stick_people import stick_people

STICKS = stick_people(5, (37, 23))


def pixels(picture: Picture) -> np.ndarray:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB")).astype(int)


def near(image: np.ndarray, colour: str) -> int:
    """Number of pixels close to a colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((abs(image - wanted).max(-1) < 12).sum())


def one_pose(keypoints, visibility, skeleton=COCO) -> PoseSet:
    """A black image of 64 x 64 pixels with this pose."""
    black, box = torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.tensor([[0.0, 0, 63, 63]])
    return PoseSet(black, keypoints[None], visibility[None], box, skeleton)


def history(epochs=4, train=True):
    h = History("MPJPE")
    for epoch in range(epochs):
        h.add(100 / (epoch + 1), 0.1, 1.0, {"MPJPE": [9.0, 5.0, 4.0, 6.0][epoch]}, {"MPJPE": 3.0} if train else {})
    return h


def test_a_picture_is_an_image_with_a_text(tmp_path):
    picture = pictures.bars({"a": 1, "b <c>": 2}, title="Error", ylabel="pixels")
    assert picture.html().startswith('<img style="max-width:100%" alt="Error: bars of pixels: a 1, b &lt;c&gt; 2"')
    assert "base64,iVBOR" in picture.html()  # how a PNG begins
    picture.save(tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as image:
        assert image.size > (100, 100)


def test_left_and_right_have_colours_of_their_own():
    """Only the left arm is visible: the left colour is drawn, the right one is not."""
    keypoints, visibility = torch.zeros(17, 2), torch.zeros(17, dtype=torch.uint8)
    for k, name in enumerate(("left_shoulder", "left_elbow", "left_wrist")):
        keypoints[COCO.index(name)] = torch.tensor([20.0 + 10 * k, 30])
        visibility[COCO.index(name)] = 2
    left = pixels(pictures.pose_grid(one_pose(keypoints, visibility)))
    assert near(left, LEFT) > 50 and near(left, RIGHT) == 0
    order = list(COCO.flip_order)
    right = pixels(pictures.pose_grid(one_pose(keypoints[order], visibility[order])))
    assert near(right, LEFT) == 0 and near(right, RIGHT) > 50


def test_hidden_is_hollow_and_outside_is_not_drawn():
    keypoints = torch.full((17, 2), torch.nan)
    keypoints[:3] = 32
    visibility = torch.tensor([2, 1, 0] + [0] * 14, dtype=torch.uint8)
    (axis,) = pictures.pose_grid(one_pose(keypoints, visibility)).figure.axes
    faces = [line.get_markerfacecolor() for line in axis.lines if line.get_marker() == "o"]
    assert faces == ["none", MIDDLE]  # what is seen lies on top


def test_a_predicted_keypoint_without_a_place_is_not_drawn():
    data = one_pose(torch.full((17, 2), 32.0), torch.full((17,), 2, dtype=torch.uint8))
    pred = data.keypoints.clone()
    pred[:, 3:] = torch.nan
    (axis,) = pictures.pose_grid(data, pred).figure.axes
    assert sum(line.get_marker() == "o" for line in axis.lines) == 3


def test_the_truth_is_drawn_in_white_below_a_prediction():
    truth = torch.rand(14, 2) * 50
    data = one_pose(truth, torch.full((14,), 2, dtype=torch.uint8), LSP)
    alone = pixels(pictures.pose_grid(one_pose(truth + 9, data.visibility[0], LSP)))
    both = pictures.pose_grid(data, truth[None] + 9)
    inner = (slice(20, -20), slice(20, -20))
    assert near(pixels(both)[inner], "#FFFFFF") > near(alone[inner], "#FFFFFF") and "true ones in white" in both.alt


@pytest.mark.parametrize("count", [1, 3, 5])
def test_a_grid_shows_each_image(count):
    picture = pictures.pose_grid(STICKS[:count], STICKS.keypoints[:count] + 2, titles=list("abcde"[:count]), columns=2)
    visible = [axis for axis in picture.figure.axes if axis.get_visible()]
    assert len(visible) == count and [axis.get_title() for axis in visible] == list("abcde"[:count])
    assert f"{count} image{'s' * (count > 1)} of stick people, with predicted poses" in picture.alt


def test_curves_hold_the_numbers_and_mark_the_best():
    picture = pictures.curves(history(), ["train MPJPE", "MPJPE"], title="Training", ylabel="pixels")
    (axis,) = picture.figure.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines["MPJPE"] == [9, 5, 4, 6] and lines["train MPJPE"] == [3] * 4
    circle = next(line for line in axis.lines if list(line.get_xdata()) == [3])
    assert list(circle.get_ydata()) == [4] and "best MPJPE 4 in epoch 3 of 4" in picture.alt


def test_curves_draw_loss_and_metric_and_compare_histories():
    assert len(pictures.curves(history(train=False)).figure.axes) == 2
    left, right = pictures.curves({"a": history(), "b": history(2)}).figure.axes
    assert [line.get_label() for line in left.lines] == ["a loss", "b loss"]
    assert {"a MPJPE", "b train MPJPE"} <= {line.get_label() for line in right.lines}
    pictures.curves(History("MPJPE"))  # in grading: no epochs


@pytest.mark.parametrize("metric", ["MPJPE", "loss"])
def test_the_two_panels_of_a_training_have_titles_of_their_own(metric):
    picture = pictures.curves(History(metric, loss=[2, 1], val={metric: [4, 3]}))
    titles = [axis.get_title() for axis in picture.figure.axes]
    assert titles == ["loss while training", f"{metric} after each epoch"]


def test_bars_of_several_series_stand_side_by_side():
    (axis,) = pictures.bars({"seen": {"nose": 1, "wrist": 2}, "hidden": {"wrist": 5}}).figure.axes
    heights = [bar.get_height() for bar in axis.patches]
    assert heights[:2] == [1, 2] and np.isnan(heights[2]) and heights[3] == 5
    assert axis.patches[1].get_x() < axis.patches[3].get_x() < axis.patches[1].get_x() + 1


def test_scenes_show_their_labels():
    scene = render_scene(0, 0, SceneSettings(size=(48, 64), people=(2, 2)))
    picture = pictures.scene(scene, title="Two")
    assert len(picture.figure.axes) == 6 and picture.alt.startswith("Two: a scene of 2 people")
    assert "3 rendered scenes with 6 people" in pictures.scene_grid([scene] * 3).alt


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pictures.pose_grid(STICKS[:0]), ValueError, "0 images; a grid takes 1 to 64"),
        (lambda: pictures.pose_grid(STICKS, STICKS.keypoints[:2]), ValueError, r"expected \(N=5, K=17, 2\)"),
        (lambda: pictures.pose_grid(STICKS, titles=["a"]), ValueError, "1 titles for 5 images"),
        (lambda: pictures.curves([1, 2]), TypeError, "curves takes a History"),
        (lambda: pictures.curves(history(), ["PCK"]), ValueError, "has no 'PCK'"),
        (lambda: pictures.bars({}), ValueError, "values is empty"),
        (lambda: pictures.scene_grid([]), ValueError, "scenes is empty"),
    ],
    ids=["empty", "predictions", "titles", "no-history", "no-series", "bars", "scenes"],
)
def test_what_cannot_be_drawn_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_title_longer_than_the_figure_goes_on_in_a_second_line():
    title = "One map, and above it more words than there is room for in a line of the width of one map"
    figure = pictures.map_grid(torch.rand(1, 8, 8), title=title).figure
    figure.draw_without_rendering()
    extent = figure._suptitle.get_window_extent()
    assert 0 <= extent.x0 and extent.x1 <= figure.bbox.width and extent.y1 <= figure.bbox.height
    assert extent.y0 >= figure.axes[0].get_window_extent().y1  # and above the map
