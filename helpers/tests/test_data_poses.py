import dataclasses
import pickle
import time

import pytest
import torch

from helpers.data import rendered
from helpers.data.batches import batches
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_people, scenes
from helpers.data.skeletons import COCO, LSP
from helpers.people import SceneSettings, render_scene
from helpers.tests.stick_people import stick_people


@pytest.fixture(scope="module")
def sticks():
    return stick_people(7, (37, 23))


def test_a_set_says_what_it_is(sticks):
    assert len(sticks) == 7 and sticks.image_size == (37, 23)
    assert repr(sticks) == "PoseSet 'stick people': 7 images of 37 x 23, COCO keypoints"


def test_hidden_counts_as_visible_and_outside_does_not(sticks):
    assert torch.equal(sticks.visible, sticks.visibility != 0) and (sticks.visibility == 1).any()


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (2, [2]),
        (-1, [6]),
        (slice(1, 3), [1, 2]),
        ([4, 0], [4, 0]),
        (torch.tensor([5, 5]), [5, 5]),
        (torch.arange(7) % 2 == 1, [1, 3, 5]),
    ],
    ids=["number", "last", "slice", "list", "tensor", "mask"],
)
def test_indexing_gives_a_set(sticks, index, rows):
    part = sticks[index]
    assert isinstance(part, PoseSet) and torch.equal(part.images, sticks.images[rows])
    assert torch.equal(part.keypoints, sticks.keypoints[rows]) and torch.equal(part.boxes_xyxy, sticks.boxes_xyxy[rows])


def test_an_image_that_is_not_there_is_an_index_error(sticks):
    with pytest.raises(IndexError, match="image 7 .* has 7 images"):
        sticks[7]
    assert len(list(sticks)) == 7  # iteration ends


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": torch.zeros(7, 37, 23, 3, dtype=torch.uint8)}, ValueError, r"images has shape .* \(N, 3, H, W\)"),
        ({"images": torch.zeros(7, 3, 37, 23)}, TypeError, "images has dtype float32; expected uint8"),
        ({"keypoints": torch.zeros(7, 17, 3)}, ValueError, "keypoints has shape"),
        ({"visibility": torch.ones(7, 17, dtype=torch.bool)}, TypeError, "visibility has dtype bool"),
        ({"visibility": torch.full((7, 17), 3, dtype=torch.uint8)}, ValueError, "visibility holds 3"),
        ({"boxes_xyxy": torch.zeros(6, 4)}, ValueError, r"expected \(N=7, 4\)"),
        ({"skeleton": LSP}, ValueError, "K=14"),
        ({"keypoints": torch.full((7, 17, 2), torch.nan)}, ValueError, "NaN or infinity"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_a_wrong_part_is_refused(sticks, change, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(sticks, **change)


def test_mean_pose_is_the_mean_of_the_visible():
    """Keypoint 0 is visible at x = 2 and 4: mean 3. Keypoint 1 never: the centre of a 5 x 9 image, (4, 2)."""
    keypoints = torch.zeros(3, 17, 2)
    keypoints[:, 0, 0] = torch.tensor([2.0, 4.0, 999.0])
    keypoints[:, 1] = torch.nan
    visibility = torch.full((3, 17), 2, dtype=torch.uint8)
    visibility[2, 0] = 0
    visibility[:, 1] = 0
    sets = PoseSet(torch.zeros(3, 3, 5, 9, dtype=torch.uint8), keypoints, visibility, torch.zeros(3, 4), COCO)
    assert sets.mean_pose()[:2].tolist() == [[3, 0], [4, 2]]


def test_batches_hold_every_image_once_and_the_last_may_be_short(sticks):
    parts = list(batches(sticks, batch_size=3))
    assert [len(part["images"]) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat([part["images"] for part in parts]), sticks.images.float() / 255)
    assert {k: (v.dtype, v.shape[1:]) for k, v in parts[0].items()} == {
        "images": (torch.float32, (3, 37, 23)),
        "keypoints": (torch.float32, (17, 2)),
        "visible": (torch.bool, (17,)),
        "visibility": (torch.uint8, (17,)),
    }


def test_shuffling_follows_the_generator(sticks):
    def order(seed):
        parts = batches(sticks, 3, shuffle=True, generator=torch.Generator().manual_seed(seed))
        return torch.cat([part["keypoints"] for part in parts])

    assert torch.equal(order(0), order(0)) and not torch.equal(order(0), order(1))
    assert torch.equal(order(0).flatten(1).sum(1).sort()[0], sticks.keypoints.flatten(1).sum(1).sort()[0])


def test_a_batch_is_a_copy(sticks):
    before = sticks.keypoints.clone()
    next(batches(sticks))["keypoints"].zero_()
    assert torch.equal(sticks.keypoints, before)


def test_a_set_can_be_pickled_and_changed_in_one_field(sticks):
    again = pickle.loads(pickle.dumps(sticks))
    assert torch.equal(again.keypoints, sticks.keypoints) and repr(again) == repr(sticks)
    assert dataclasses.replace(sticks, name="others").name == "others"
    assert [field.name for field in dataclasses.fields(sticks)][-2:] == ["skeleton", "name"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        sticks.name = "others"


def test_batch_size_zero_is_refused(sticks):
    with pytest.raises(ValueError, match="batch_size is 0"):
        next(batches(sticks, 0))


SMALL = SceneSettings(size=(48, 32))


def test_rendered_people_are_the_renderers_scenes(tmp_path):
    people = rendered_people("val", 3, settings=SMALL, cache=tmp_path, progress=False)
    scene = render_scene(rendered.SEEDS["val"], 2, SMALL)
    assert people.image_size == (48, 32) and people.skeleton is COCO
    assert (people.images[2].permute(1, 2, 0).numpy() == scene.image).all()
    assert (people.keypoints[2].numpy() == scene.keypoints[0]).all()
    assert (people.visibility[2].numpy() == scene.visibility[0]).all()


def test_the_second_call_reads_the_file(tmp_path, monkeypatch):
    first = rendered_people("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    monkeypatch.setattr(rendered, "scenes", None)  # would fail if called
    again = rendered_people("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    assert torch.equal(first.images, again.images) and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(TypeError):  # another count, seed or knob is another file
        rendered_people("val", 2, settings=SMALL, seed=1, cache=tmp_path, progress=False)


def test_splits_differ_and_fewer_are_the_first_ones():
    def images(split, count):
        return rendered_people(split, count, settings=SMALL, cache=False, progress=False).images

    train = images("train", 2)
    assert torch.equal(images("train", 1), train[:1])
    assert not torch.equal(images("val", 1), train[:1]) and not torch.equal(images("test", 1), images("val", 1))


def test_an_interrupt_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.data.rendered.render_scene", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rendered_people("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_rendering_sends_few_messages(capfd, monkeypatch):
    """A bar that speaks with every image would fill the queue of a kernel whose reader waits for the cell's end."""
    monkeypatch.setattr("helpers.data.rendered.render_scene", lambda seed, index, settings: time.sleep(0.01))
    assert len(list(scenes(0, 60, SMALL, "rendering"))) == 60
    assert 1 <= capfd.readouterr().err.count("\r") <= 4
