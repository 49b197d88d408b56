import dataclasses

import pytest
import torch

import helpers
from helpers.data import rendered
from helpers.data.batches import batches
from helpers.data.load import load_people
from helpers.data.people import PeopleSet, box_areas
from helpers.data.rendered import SEEDS, rendered_crowds
from helpers.data.skeletons import COCO, LSP
from helpers.people import SceneSettings, render_scene

SMALL = SceneSettings(size=(48, 64), people=(1, 3), scale=(0.5, 0.8))
COUNTS = [2, 0, 3, 1, 2]
ROWS = ("keypoints", "visibility", "boxes_xyxy", "areas", "present", "ignored", "crowd")


def made_up() -> PeopleSet:
    """Five random images of 37 x 23 of up to three people; the second person of the third image shows no keypoint."""
    generator = torch.Generator().manual_seed(0)
    present = torch.arange(3) < torch.tensor(COUNTS)[:, None]
    visibility = torch.randint(3, (5, 3, 17), generator=generator).to(torch.uint8) * present[..., None]
    visibility[2, 1] = 0
    corners = torch.rand(5, 3, 2, generator=generator) * 10
    boxes = torch.cat([corners, corners + 5 + 8 * torch.rand(5, 3, 2, generator=generator)], -1) * present[..., None]
    keypoints = torch.rand(5, 3, 17, 2, generator=generator) * 23 * present[..., None, None]
    images = torch.randint(256, (5, 3, 37, 23), generator=generator).to(torch.uint8)
    return PeopleSet(images, keypoints, visibility, boxes, box_areas(boxes), present, COCO, "people")


@pytest.fixture
def people():
    return made_up()


def test_a_set_says_what_it_is(people):
    assert len(people) == 5 and people.image_size == (37, 23) and people.present.sum(dim=1).tolist() == COUNTS
    assert repr(people) == "PeopleSet 'people': 5 images of 37 x 23 with 8 people, COCO keypoints"


def test_hidden_counts_as_visible_and_outside_does_not(people):
    assert torch.equal(people.visible, people.visibility != 0) and (people.visibility == 1).any()


def test_by_default_people_without_visible_keypoints_are_ignored_and_nobody_is_a_crowd(people):
    assert people.ignored.nonzero().tolist() == [[2, 1]] and not people.crowd.any()


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        (2, [2]),
        (-1, [4]),
        (slice(1, 3), [1, 2]),
        ([4, 0], [4, 0]),
        (torch.tensor([3, 3]), [3, 3]),
        (torch.arange(5) % 2 == 1, [1, 3]),
    ],
    ids=["number", "last", "slice", "list", "tensor", "mask"],
)
def test_indexing_gives_a_set(people, index, chosen):
    part = people.with_targets(numbers=torch.arange(5))[index]
    assert isinstance(part, PeopleSet) and part.name == "people" and part.targets["numbers"].tolist() == chosen
    assert all(torch.equal(getattr(part, name), getattr(people, name)[chosen]) for name in ("images", *ROWS))


def test_an_image_that_is_not_there_is_an_index_error(people):
    with pytest.raises(IndexError, match="image 5 of 'people' .* has 5 images"):
        people[5]
    assert len(list(people)) == 5  # iteration ends


def changed(name, place, value):
    """The tensor of this name with another value at a place."""
    tensor = getattr(made_up(), name).clone()
    tensor[place] = value
    return {name: tensor}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": torch.zeros(5, 3, 37, 23)}, TypeError, "images has dtype float32; expected uint8"),
        ({"keypoints": torch.zeros(5, 17, 2)}, ValueError, r"keypoints has shape .* \(N=5, P=3, K=17, 2\)"),
        ({"visibility": torch.ones(5, 3, 17, dtype=torch.bool)}, TypeError, "visibility has dtype bool"),
        (changed("visibility", (0, 0, 0), 3), ValueError, "visibility holds 3; expected 0"),
        ({"boxes_xyxy": torch.zeros(5, 2, 4)}, ValueError, "boxes_xyxy has shape"),
        ({"areas": torch.zeros(5, 3, 1)}, ValueError, r"areas has shape .* \(N=5, P=3\)"),
        ({"present": torch.ones(5, 3)}, TypeError, "present has dtype float32; expected bool"),
        (
            {"present": torch.ones(5, 3, dtype=torch.bool).index_fill(1, torch.tensor(0), False)},
            ValueError,
            "present is False in front of a person",
        ),
        ({"ignored": torch.zeros(5, dtype=torch.bool)}, ValueError, "ignored has shape"),
        ({"crowd": torch.zeros(5, 3)}, TypeError, "crowd has dtype float32"),
        ({"skeleton": LSP}, ValueError, "K=14"),
        (changed("keypoints", (0, 0), torch.nan), ValueError, "NaN or infinity; set their visibility to 0"),
        (changed("keypoints", (1, 2, 4, 0), 7), ValueError, "keypoints holds something in a row that is not present"),
        (changed("areas", (1, 0), 7), ValueError, "areas holds something in a row that is not present"),
        (changed("ignored", (1, 0), True), ValueError, "ignored holds something in a row that is not present"),
        (changed("boxes_xyxy", (0, 0, 2), -1), ValueError, "boxes_xyxy holds a box that is no box"),
        (changed("boxes_xyxy", (0, 0, 2), torch.nan), ValueError, "boxes_xyxy holds a box that is no box"),
        (changed("areas", (0, 0), -1), ValueError, "areas holds NaN, infinity or a negative area"),
        (changed("areas", (0, 0), torch.inf), ValueError, "areas holds NaN, infinity or a negative area"),
        (changed("ignored", (2, 1), False), ValueError, "ignored is False for a person without any visible keypoint"),
        (changed("crowd", (0, 0), True), ValueError, "ignored is False where crowd is True"),
        ({"targets": {"maps": torch.zeros(4, 2)}}, ValueError, r"'maps' has shape \(4, 2\); expected \(5, ...\)"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_a_wrong_part_is_refused(people, change, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(people, **change)


def test_keypoints_that_are_not_visible_may_be_anything(people):
    keypoints = torch.where(people.visible[..., None], people.keypoints, torch.nan)
    keypoints[~people.present] = 0
    assert len(dataclasses.replace(people, keypoints=keypoints)) == 5


def test_batches_hold_all_there_is(people):
    parts = list(batches(people.with_targets(maps=torch.ones(5, 17, 4, 3)), 3))
    assert torch.equal(torch.cat([part["images"] for part in parts]), people.images.float() / 255)
    for name in (*ROWS, "visible"):
        assert torch.equal(torch.cat([part[name] for part in parts]), getattr(people, name))
    assert {name: (x.dtype, tuple(x.shape)) for name, x in parts[1].items()} == {
        "images": (torch.float32, (2, 3, 37, 23)),
        "keypoints": (torch.float32, (2, 3, 17, 2)),
        "visibility": (torch.uint8, (2, 3, 17)),
        "visible": (torch.bool, (2, 3, 17)),
        "boxes_xyxy": (torch.float32, (2, 3, 4)),
        "areas": (torch.float32, (2, 3)),
        "present": (torch.bool, (2, 3)),
        "ignored": (torch.bool, (2, 3)),
        "crowd": (torch.bool, (2, 3)),
        "maps": (torch.float32, (2, 17, 4, 3)),
    }


def test_a_batch_is_a_copy(people):
    data = people.with_targets(half=torch.rand(5, 2), whole=torch.arange(5))
    data = dataclasses.replace(data, targets={**data.targets, "single": torch.ones(5)})
    for part in data.batch().values():
        part.zero_()
    assert torch.equal(data.keypoints, people.keypoints) and data.present.any() and data.images.any()
    assert all(target.any() for target in data.targets.values())


def test_targets_are_kept_in_half_the_memory_and_come_back_as_float32(people):
    """1 / 3 in float16 has 11 binary digits: off by less than 2^-13."""
    data = people.with_targets(maps=torch.full((5, 2), 1 / 3), numbers=torch.arange(5))
    assert data.targets["maps"].dtype == torch.float16 and people.targets == {}
    part = data.with_targets(more=torch.zeros(5)).batch([4, 1])
    assert part["maps"].dtype == torch.float32 and 0 < (part["maps"] - 1 / 3).abs().max() < 2**-13
    assert part["numbers"].tolist() == [4, 1] and part["numbers"].dtype == torch.int64 and "more" in part


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ({"present": torch.zeros(5)}, ValueError, "a target is called 'present'"),
        ({"visible": torch.zeros(5)}, ValueError, "a target is called 'visible'"),
        ({"maps": [1, 2, 3, 4, 5]}, TypeError, "target 'maps' is a list; expected a tensor"),
        ({"maps": torch.tensor(1.0)}, ValueError, r"target 'maps' has shape \(\)"),
        ({"maps": torch.full((5,), 70000.0)}, ValueError, "target 'maps' holds 70000; float16"),
    ],
    ids=["name", "property", "list", "number", "large"],
)
def test_a_wrong_target_is_refused(people, targets, error, message):
    with pytest.raises(error, match=message):
        people.with_targets(**targets)


def test_it_trains_and_its_metric_sees_the_whole_set(people):
    """A 1 x 1 convolution learns a constant map; a metric gets everything but the images at once."""
    data = people.with_targets(maps=torch.full((5, 1, 37, 23), 0.5))

    def loss(maps, batch):
        return (maps - batch["maps"]).square().mean()

    def error(maps, batch):
        assert batch["present"].shape == (5, 3) and batch["maps"].shape == maps.shape == (5, 1, 37, 23)
        return (maps - batch["maps"]).abs().mean()

    history = helpers.fit(
        torch.nn.Conv2d(3, 1, 1),
        data,
        data,
        loss=loss,
        metrics={"error": error},
        epochs=4,
        batch_size=2,
        lr=0.1,
        progress=False,
    )
    assert history.loss[-1] < history.loss[0]


def test_rendered_crowds_are_the_renderers_scenes(tmp_path):
    data = rendered_crowds("val", 4, settings=SMALL, cache=tmp_path, progress=False)
    scenes = [render_scene(SEEDS["val"], index, SMALL) for index in range(4)]
    assert data.image_size == (48, 64) and data.skeleton is COCO and data.present.shape == (4, 3)
    assert data.present.sum(dim=1).tolist() == [len(scene.keypoints) for scene in scenes]
    assert len(set(data.present.sum(dim=1).tolist())) > 1  # so there are empty rows
    for n, scene in enumerate(scenes):
        assert (data.images[n].permute(1, 2, 0).numpy() == scene.image).all()
        for name in ("keypoints", "visibility", "boxes_xyxy"):
            assert (getattr(data, name)[n][data.present[n]].numpy() == getattr(scene, name)).all()


def test_the_area_is_a_share_of_the_whole_box():
    """0.53 of 10 x 20."""
    assert float(box_areas(torch.tensor([5.0, 7, 15, 27]))) == pytest.approx(106)
    data = rendered_crowds("val", 2, settings=SMALL, cache=False, progress=False)
    sides = data.boxes_xyxy[..., 2:] - data.boxes_xyxy[..., :2]
    assert torch.allclose(data.areas, 0.53 * sides[..., 0] * sides[..., 1])


def test_people_of_whom_nothing_is_seen_are_ignored(monkeypatch):
    scene = render_scene(0, 0, dataclasses.replace(SMALL, people=(3, 3)))
    visibility = scene.visibility.copy()
    visibility[0], visibility[1], visibility[2] = 1, 0, 1
    visibility[2, 5] = 2
    monkeypatch.setattr(
        "helpers.data.rendered.render_scene", lambda *_: dataclasses.replace(scene, visibility=visibility)
    )
    data = rendered_crowds("val", 1, settings=SMALL, cache=False, progress=False)
    assert data.present.tolist() == [[True] * 3] and data.ignored.tolist() == [[True, True, False]]


def test_the_second_call_reads_the_file(tmp_path, monkeypatch):
    first = rendered_crowds("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    monkeypatch.setattr(rendered, "scenes", None)  # would fail if called
    again = rendered_crowds("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    assert all(torch.equal(getattr(first, name), getattr(again, name)) for name in ("images", *ROWS))
    with pytest.raises(TypeError):  # another knob is another file
        rendered_crowds("val", 2, settings=dataclasses.replace(SMALL, crowding=1), cache=tmp_path, progress=False)


def test_splits_differ_and_fewer_are_the_first_ones():
    def images(split, count):
        return rendered_crowds(split, count, settings=SMALL, cache=False, progress=False).images

    train = images("train", 2)
    assert torch.equal(images("train", 1), train[:1])
    assert not torch.equal(images("val", 1), train[:1]) and not torch.equal(images("test", 1), images("val", 1))


def test_by_default_there_are_two_to_four_people_in_an_oblong_image():
    data = rendered_crowds("test", 12, cache=False, progress=False)
    assert data.image_size == (96, 128) and data.present.shape == (12, 4) and data.name == "rendered crowds, test"
    assert {2, 4} <= set(data.present.sum(dim=1).tolist()) <= {2, 3, 4}
    smaller = rendered_crowds("test", 1, (64, 80), cache=False, progress=False)
    assert smaller.image_size == (64, 80) and smaller.present.sum(dim=1)[0] == data.present.sum(dim=1)[0]


def test_people_are_loaded_by_a_name(tmp_path):
    data = load_people("rendered_crowds", "val", count=1, settings=SMALL, cache=tmp_path, progress=False)
    assert len(data) == 1 and data.image_size == (48, 64)
