import dataclasses

import numpy as np
import pytest
import torch

import helpers
from helpers.data import rendered
from helpers.data.batches import batches
from helpers.data.masks import SegmentationSet, semantic_mask, three_masks
from helpers.data.rendered import (
    SEEDS,
    crowd_settings,
    rendered_crowds,
    rendered_instances,
    rendered_people,
    rendered_scene,
    rendered_segmentation,
)
from helpers.people import CLOTHES, Scene, SceneSettings, render_scene

SMALL = SceneSettings(size=(48, 32))


@pytest.fixture(scope="module")
def squares():
    """Five random images of 37 x 23 in three classes; class 2 is in no mask, each first row is void."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (5, 3, 37, 23), generator=generator).to(torch.uint8)
    masks = torch.randint(2, (5, 37, 23), generator=generator).to(torch.uint8)
    masks[:, 0] = 255
    return SegmentationSet(images, masks, ("wall", "door", "roof"), "squares")


def test_a_set_says_what_it_is(squares):
    assert len(squares) == 5 and squares.image_size == (37, 23) and squares.num_classes == 3
    assert repr(squares) == "SegmentationSet 'squares': 5 images of 37 x 23, 3 classes"


@pytest.mark.parametrize(
    ("index", "rows"),
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
def test_indexing_gives_a_set(squares, index, rows):
    part = squares[index]
    assert isinstance(part, SegmentationSet) and part.class_names == squares.class_names
    assert torch.equal(part.images, squares.images[rows]) and torch.equal(part.masks, squares.masks[rows])


def test_an_image_that_is_not_there_is_an_index_error(squares):
    with pytest.raises(IndexError, match="image 5 of 'squares' .* has 5 images"):
        squares[5]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": torch.zeros(5, 3, 37, 23)}, TypeError, "images has dtype float32; expected uint8"),
        ({"masks": torch.zeros(5, 37, 23, dtype=torch.int64)}, TypeError, "masks has dtype int64; expected uint8"),
        ({"masks": torch.zeros(5, 23, 37, dtype=torch.uint8)}, ValueError, "masks has shape"),
        ({"masks": torch.full((5, 37, 23), 3, dtype=torch.uint8)}, ValueError, "masks hold 3; expected 0 to 2, or 255"),
        ({"class_names": ()}, ValueError, "class_names has 0 names"),
    ],
    ids=["float", "int64", "turned", "label", "no-classes"],
)
def test_a_wrong_part_is_refused(squares, change, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(squares, **change)


def test_shares_are_of_the_pixels_that_count():
    """Four pixels: one void, two of class 0, one of class 2: 2/3, 0 and 1/3."""
    mask = torch.tensor([[[0, 0], [2, 255]]], dtype=torch.uint8)
    data = SegmentationSet(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), mask, ("a", "b", "c"))
    assert data.class_shares() == pytest.approx({"a": 2 / 3, "b": 0, "c": 1 / 3})
    nothing = dataclasses.replace(data, masks=torch.full_like(mask, 255))
    assert nothing.class_shares() == {"a": 0, "b": 0, "c": 0}


def test_batches_hold_images_and_masks(squares):
    parts = list(batches(squares, 3))
    assert torch.equal(torch.cat([part["images"] for part in parts]), squares.images.float() / 255)
    assert torch.equal(torch.cat([part["masks"] for part in parts]), squares.masks.long())
    assert {k: (v.dtype, v.shape) for k, v in parts[1].items()} == {
        "images": (torch.float32, (2, 3, 37, 23)),
        "masks": (torch.int64, (2, 37, 23)),
    }


def test_a_batch_is_a_copy(squares):
    before = squares.masks.clone()
    next(batches(squares))["masks"].zero_()
    assert torch.equal(squares.masks, before)


def test_it_trains_evaluates_and_predicts(squares):
    """A 1 x 1 convolution learns which class is more frequent; its accuracy is measured on all pixels at once."""
    model = torch.nn.Conv2d(3, 3, 1)

    def loss(logits, batch):
        return torch.nn.functional.cross_entropy(logits, batch["masks"], ignore_index=255)

    def accuracy(logits, batch):
        assert logits.shape == (5, 3, 37, 23) and batch["masks"].shape == (5, 37, 23)
        counted = batch["masks"] != 255
        return (logits.argmax(1) == batch["masks"])[counted].float().mean()

    history = helpers.fit(
        model,
        squares,
        squares,
        loss=loss,
        metrics={"accuracy": accuracy},
        epochs=8,
        mode="max",
        batch_size=2,
        lr=0.1,
        augment=helpers.augment.segmentation(),
        progress=False,
    )
    assert history.loss[-1] < history.loss[0] and history.best > 0.45
    assert helpers.evaluate(model, squares, {"accuracy": accuracy})["accuracy"] == pytest.approx(history.best)
    assert helpers.predict(model, squares).shape == (5, 3, 37, 23)


def scene_of(clothes: list[list[int]]) -> Scene:
    """A scene that shows these clothes on one person, and is otherwise empty."""
    worn = np.array(clothes, np.uint8)
    zeros, person = np.zeros_like(worn), (worn > 0).astype(np.uint8)
    return Scene(
        image=np.stack([zeros] * 3, 2),
        keypoints=np.zeros((1, 17, 2), np.float32),
        visibility=np.zeros((1, 17), np.uint8),
        boxes_xyxy=np.zeros((1, 4), np.float32),
        instances=person,
        parts=zeros,
        clothes=worn,
        depth=zeros.astype(np.float32),
        poses=("standing",),
    )


def test_background_that_touches_a_person_is_void():
    """One pixel of skin: the four beside it are void, the four at its corners are background."""
    mask = semantic_mask(scene_of([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]))
    assert mask.tolist() == [[0, 0, 255, 0], [0, 255, 1, 255], [0, 0, 255, 0]]


def test_a_person_at_the_border_makes_no_void_on_the_other_side():
    assert semantic_mask(scene_of([[1, 0, 0, 0]])).tolist() == [[1, 255, 0, 0]]


def test_hats_are_hair_and_skirts_are_trousers():
    worn = [CLOTHES.index(name) for name in ("skin", "hair", "hat", "top", "trousers", "skirt", "shoes")]
    assert semantic_mask(scene_of([worn])).tolist() == [[1, 2, 2, 3, 4, 4, 5]]


def test_three_masks_of_one_scene_agree():
    scene = render_scene(0, 1, SceneSettings(size=(96, 64), people=(3, 3)))
    masks = three_masks(scene)
    assert list(masks) == ["binary", "semantic", "instance"]
    assert {(mask.dtype, tuple(mask.shape)) for mask in masks.values()} == {(torch.uint8, (96, 64))}
    person = masks["binary"] == 1
    assert torch.equal(person, masks["instance"] > 0) and int(masks["instance"].max()) > 1
    classes = masks["semantic"]
    assert torch.equal(person, (classes > 0) & (classes != 255))


def test_rendered_masks_fit_the_renderers_scenes(tmp_path):
    data = rendered_segmentation("val", 3, settings=SMALL, cache=tmp_path, progress=False)
    scene = rendered_scene("val", 2, SMALL)
    assert scene.poses == render_scene(SEEDS["val"], 2, SMALL).poses
    assert data.image_size == (48, 32)
    assert data.class_names == ("background", "skin", "hair", "top", "trousers", "shoes")
    assert (data.images[2].permute(1, 2, 0).numpy() == scene.image).all()
    assert ((data.masks[2] % 255 > 0).numpy() == (scene.clothes > 0)).all()
    people = rendered_people("val", 3, settings=SMALL, cache=tmp_path, progress=False)
    assert torch.equal(people.images, data.images) and len(list(tmp_path.iterdir())) == 2


def test_by_default_a_quarter_of_the_pixels_shows_people():
    data = rendered_segmentation("val", 12, cache=False, progress=False)
    scene = rendered_scene("val", 11)
    assert data.image_size == (128, 128) and (data.images[11].permute(1, 2, 0).numpy() == scene.image).all()
    assert 0.65 < data.class_shares()["background"] < 0.85


def test_the_second_call_reads_the_file(tmp_path, monkeypatch):
    first = rendered_segmentation("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    monkeypatch.setattr(rendered, "scenes", None)  # would fail if called
    again = rendered_segmentation("val", 2, settings=SMALL, cache=tmp_path, progress=False)
    assert torch.equal(first.masks, again.masks)
    with pytest.raises(TypeError):  # another knob is another file
        rendered_segmentation("val", 2, settings=dataclasses.replace(SMALL, people=(2, 2)), cache=tmp_path)


def test_more_than_one_person_may_be_asked_for():
    settings = dataclasses.replace(SMALL, people=(4, 4), occlusion=0.0)
    many = rendered_segmentation("val", 2, settings=settings, cache=False, progress=False)
    one = rendered_segmentation(
        "val", 2, settings=dataclasses.replace(settings, people=(1, 1)), cache=False, progress=False
    )
    assert many.class_shares()["background"] < one.class_shares()["background"]


def test_instances_number_the_people_of_the_crowds():
    data = rendered_instances("val", 3, cache=False, progress=False)
    crowds = rendered_crowds("val", 3, cache=False, progress=False)
    assert torch.equal(data.images, crowds.images)
    assert data.class_names == ("nobody", "person 1", "person 2", "person 3", "person 4")
    scene = render_scene(SEEDS["val"], 2, crowd_settings())
    assert (data.masks[2].numpy() == scene.instances).all()
    assert [int(mask.max()) for mask in data.masks] == crowds.present.sum(dim=1).tolist()
    many = rendered_instances("val", 1, settings=crowd_settings(people=(6, 6)), cache=False, progress=False)
    assert many.num_classes == 7
