import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as tv

from helpers import set_seed
from helpers.data import augment
from helpers.data.augment import mirror, mirror_masks, random_affine, recolour, warp, warp_masks
from helpers.data.skeletons import COCO
from helpers.tests.stick_people import stick_people

SIZES = [(37, 23), (32, 48)]


def dots(size, count=3, seed=0):
    """A batch of black images with a soft white dot on keypoint 0, so that image and keypoint can be compared."""
    height, width = size
    generator = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(count, 17, 2, generator=generator) * torch.tensor([width / 3, height / 3])
    keypoints += torch.tensor([width / 3, height / 3])
    ys, xs = torch.arange(height).view(-1, 1), torch.arange(width)
    square = (xs - keypoints[:, 0, 0].view(-1, 1, 1)) ** 2 + (ys - keypoints[:, 0, 1].view(-1, 1, 1)) ** 2
    visible = torch.ones(count, 17, dtype=torch.bool)
    return {
        "images": torch.exp(-square / 4)[:, None].repeat(1, 3, 1, 1),
        "keypoints": keypoints,
        "visible": visible,
        "visibility": visible.to(torch.uint8) * 2,
    }


def centre_of_mass(images):
    weights = images.mean(1) / images.mean(1).sum((1, 2), keepdim=True)
    x = (weights.sum(1) * torch.arange(images.shape[-1])).sum(1)
    y = (weights.sum(2) * torch.arange(images.shape[-2])).sum(1)
    return torch.stack([x, y], 1)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_keypoints_move_with_what_they_mark(size, seed):
    set_seed(seed)
    batch = dots(size, seed=seed)
    moved = augment.pose(COCO, rotation=30, scale=(0.9, 1.1), translation=0.05, warped=1, flip=0, colour=0)(batch)
    assert torch.allclose(centre_of_mass(moved["images"]), moved["keypoints"][:, 0], atol=0.1)
    assert not torch.allclose(moved["keypoints"], batch["keypoints"], atol=1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_warp_agrees_with_torchvision(size):
    """Independent reference: torchvision's affine, one image at a time, about the same centre of the image."""
    height, width = size
    batch = stick_people(3, size).batch()
    for image in range(3):
        angle, scale, shift = (17.0, -30.0, 5.0)[image], (1.2, 0.8, 1.0)[image], ([2, -1], [0, 0], [3, 4])[image]
        radians = torch.deg2rad(torch.tensor(angle))
        turn = scale * torch.tensor([[radians.cos(), -radians.sin()], [radians.sin(), radians.cos()]])
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
        matrix = torch.cat([turn, (centre + torch.tensor(shift) - turn @ centre)[:, None]], 1)[None]
        ours = warp({k: v[image : image + 1] for k, v in batch.items()}, matrix)
        arguments = {"angle": angle, "translate": shift, "scale": scale, "shear": [0.0, 0.0]}
        theirs = tv.affine(batch["images"][image], **arguments, interpolation=tv.InterpolationMode.BILINEAR)
        assert (ours["images"][0] - theirs).abs().mean() < 0.01
        points = tv_tensors.KeyPoints(batch["keypoints"][image] + 0.5, canvas_size=size)  # theirs count from the edge
        assert torch.allclose(
            ours["keypoints"][0] + 0.5, tv.affine(points, **arguments).as_subclass(torch.Tensor), atol=1e-3
        )


def test_recolour_agrees_with_torchvision():
    images = 0.3 + 0.3 * torch.rand(3, 3, 7, 5)  # nothing is cut off at 0 or 1 on the way
    factors = torch.tensor([[1.2, 0.8, 1.0], [0.9, 1.3, 1.0], [0.7, 1.25, 1.0]])
    ours = recolour(images, *factors)
    for image, (brightness, contrast, saturation) in enumerate(factors.T.tolist()):
        theirs = tv.adjust_contrast(tv.adjust_saturation(images[image], saturation), contrast)
        assert torch.allclose(ours[image], tv.adjust_brightness(theirs, brightness), atol=1e-3)
    assert torch.allclose(ours[2], images[2], atol=1e-6)


def test_a_mirrored_person_has_their_sides_swapped():
    """In an image 10 wide a left wrist at (0, 7) becomes a right wrist at (9, 7)."""
    batch = {
        "images": torch.rand(1, 3, 12, 10),
        "keypoints": torch.zeros(1, 17, 2),
        "visible": torch.ones(1, 17, dtype=torch.bool),
        "visibility": torch.full((1, 17), 2, dtype=torch.uint8),
    }
    left, right = COCO.index("left_wrist"), COCO.index("right_wrist")
    batch["keypoints"][0, left] = torch.tensor([0.0, 7.0])
    batch["visible"][0, right], batch["visibility"][0, right] = False, 0
    other = mirror(batch, COCO, torch.ones(len(batch["images"]), dtype=torch.bool))
    assert other["keypoints"][0, right].tolist() == [9, 7] and not other["visible"][0, left]
    assert other["visibility"][0, left] == 0 and torch.equal(other["images"], batch["images"].flip(-1))
    again = mirror(other, COCO, torch.ones(len(other["images"]), dtype=torch.bool))
    assert all(torch.equal(again[name], batch[name]) for name in batch)


def test_only_those_asked_for_are_mirrored():
    batch = stick_people(3, (37, 23)).batch()
    some, all_of_them = (
        mirror(batch, COCO, torch.tensor([True, False, True])),
        mirror(batch, COCO, torch.ones(len(batch["images"]), dtype=torch.bool)),
    )
    for name in batch:
        assert torch.equal(some[name][1], batch[name][1]) and torch.equal(some[name][::2], all_of_them[name][::2])


def test_certain_flip_alone_is_mirror():
    batch = stick_people(3, (37, 23)).batch()
    ours = augment.pose(COCO, rotation=0, scale=(1, 1), translation=0, flip=1, colour=0)(batch)
    right = mirror(batch, COCO, torch.ones(len(batch["images"]), dtype=torch.bool))
    assert torch.allclose(ours["images"], right["images"], atol=1e-5)
    assert torch.allclose(ours["keypoints"], right["keypoints"], atol=1e-4)


def test_no_change_asked_for_is_no_change():
    batch = stick_people(2, (37, 23)).batch()
    same = augment.pose(COCO, rotation=0, scale=(1, 1), translation=0, flip=0, colour=0)(batch)
    assert torch.allclose(same["images"], batch["images"], atol=1e-5)
    assert torch.allclose(same["keypoints"], batch["keypoints"], atol=1e-4)


def test_its_argument_stays_as_it_was():
    batch = stick_people(9, (37, 23)).batch()
    copy = {name: tensor.clone() for name, tensor in batch.items()}
    augment.pose(COCO)(batch)
    assert all(torch.equal(batch[name], copy[name]) for name in copy)


def test_what_leaves_the_image_is_no_longer_visible():
    batch = stick_people(2, (37, 23)).batch()
    batch["keypoints"][0, 0] = torch.nan  # an invisible keypoint may hold anything
    batch["visible"][0, 0] = False
    batch["visibility"][0, 0] = 0
    shift = torch.tensor([[1.0, 0, 1000], [0, 1, 0]]).expand(2, 2, 3)
    gone = warp(batch, shift)
    assert not gone["visible"].any() and not gone["visibility"].any() and gone["images"].sum() == 0
    kept = warp(batch, torch.eye(3)[:2].expand(2, 2, 3))
    assert torch.equal(kept["visible"], kept["visibility"] > 0) and kept["visible"].any()


def test_every_image_gets_a_transform_and_colours_of_its_own():
    set_seed(0)
    one = stick_people(1, (37, 23)).batch()
    sixteen = {name: tensor.repeat(16, *[1] * (tensor.ndim - 1)) for name, tensor in one.items()}
    changed = augment.pose(COCO, warped=1)(sixteen)
    assert len({tuple(k) for k in changed["keypoints"][:, 5].tolist()}) == 16
    assert len({tuple(c) for c in changed["images"].mean((2, 3)).tolist()}) == 16
    assert changed["images"].min() >= 0 and changed["images"].max() <= 1


def test_the_same_seed_gives_the_same_batch():
    batch, change = stick_people(4, (37, 23)).batch(), augment.pose(COCO)
    set_seed(5)
    first = change(batch)
    set_seed(5)
    assert torch.equal(change(batch)["images"], first["images"])


def test_random_transforms_keep_to_their_limits():
    set_seed(0)
    matrices = random_affine(500, (40, 60), 20, (0.8, 1.25), 0.1)
    scale = matrices[:, :, 0].norm(dim=1)
    angle = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0]).rad2deg()
    centre = matrices @ torch.tensor([29.5, 19.5, 1]) - torch.tensor([29.5, 19.5])
    assert scale.min() >= 0.799 and scale.max() <= 1.251 and angle.abs().max() <= 20.01
    assert centre[:, 0].abs().max() <= 6.01 and centre[:, 1].abs().max() <= 4.01
    assert scale.std() > 0.1 and angle.std() > 8 and centre.std(0).min() > 1.5


def test_only_the_share_asked_for_is_warped():
    batch = stick_people(5, (37, 23)).batch()
    changed = augment.pose(COCO, warped=0.4, flip=0, colour=0)(batch)
    same = [torch.equal(a, b) for a, b in zip(changed["keypoints"], batch["keypoints"], strict=True)]
    assert same == [False, False, True, True, True] and torch.equal(changed["images"][2:], batch["images"][2:])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": (1.2, 0.8)}, "smallest"),
        ({"flip": 2}, "flip is 2"),
        ({"warped": -1}, "warped -1"),
        ({"rotation": -1}, "rotation is -1"),
        ({"colour": 1}, "colour below 1"),
    ],
    ids=str,
)
def test_impossible_knobs_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        augment.pose(COCO, **wrong)


def labelled(size=(37, 23), count=3, seed=0):
    """A batch whose masks hold labels from 0 to 9 and void, and whose images show label / 20 as grey."""
    generator = torch.Generator().manual_seed(seed)
    masks = torch.randint(0, 11, (count, *size), generator=generator)
    images = (masks / 20)[:, None].repeat(1, 3, 1, 1)
    return {"images": images, "masks": torch.where(masks == 10, 255, masks)}


def shown(images):
    """The labels that the images of `labelled` show."""
    labels = (20 * images[:, 0]).round().long()
    return torch.where(labels == 10, 255, labels)


def test_a_mask_is_mirrored_with_its_image():
    """In a row 1 2 3 label 1 goes to the right."""
    masks = torch.tensor([[[1, 2, 3]], [[1, 2, 3]]])
    batch = {"images": (masks / 10)[:, None].repeat(1, 3, 1, 1), "masks": masks}
    other = mirror_masks(batch, torch.tensor([True, False]))
    assert other["masks"].tolist() == [[[3, 2, 1]], [[1, 2, 3]]]
    assert torch.equal(other["images"], (other["masks"] / 10)[:, None].expand(2, 3, 1, 3))


def test_certain_flip_mirrors_all_images_and_masks():
    batch = labelled()
    other = augment.segmentation(flip=1, colour=0)(batch)
    assert torch.equal(other["masks"], batch["masks"].flip(-1)) and torch.equal(shown(other["images"]), other["masks"])
    assert torch.equal(augment.segmentation(flip=0, colour=0)(batch)["masks"], batch["masks"])


def test_recolouring_leaves_masks_alone():
    set_seed(0)
    batch = labelled()
    other = augment.segmentation(flip=0, colour=0.5)(batch)
    assert torch.equal(other["masks"], batch["masks"]) and not torch.allclose(other["images"], batch["images"])
    assert other["images"].min() >= 0 and other["images"].max() <= 1


def test_a_shifted_mask_is_void_where_it_was_not():
    """Two to the right and one down: the first row and the first two columns come from outside."""
    batch = labelled()
    moved = warp_masks(batch, torch.tensor([[1.0, 0, 2], [0, 1, 1]]).expand(3, 2, 3))
    assert torch.equal(moved["masks"][:, 1:, 2:], batch["masks"][:, :-1, :-2])
    assert (moved["masks"][:, 0] == 255).all() and (moved["masks"][:, :, :2] == 255).all()
    assert moved["images"][:, :, 0].max() < 1e-5 and moved["masks"].dtype == torch.int64


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_warped_mask_agrees_with_torchvision(size):
    """Independent reference: torchvision's affine with nearest sampling; at a tie either neighbour is right."""
    height, width = size
    batch = labelled(size, 1)
    for angle, scale, shift in ((17.0, 1.2, [2, -1]), (-30.0, 0.8, [0, 0])):
        radians = torch.deg2rad(torch.tensor(angle))
        turn = scale * torch.tensor([[radians.cos(), -radians.sin()], [radians.sin(), radians.cos()]])
        centre = torch.tensor([(width - 1) / 2, (height - 1) / 2])
        matrix = torch.cat([turn, (centre + torch.tensor(shift) - turn @ centre)[:, None]], 1)[None]
        theirs = tv.affine(batch["masks"], angle=angle, translate=shift, scale=scale, shear=[0.0, 0.0], fill=255)
        assert (warp_masks(batch, matrix)["masks"] != theirs).float().mean() < 0.01


def test_a_warped_mask_moves_with_its_image_and_mixes_no_labels():
    """Large blocks of labels 0 and 9: between them the image has greys, the mask still has 0, 9 and void only."""
    set_seed(1)
    masks = torch.zeros(4, 40, 60, dtype=torch.int64)
    masks[:, 10:30, 15:45] = 9
    batch = {"images": (masks / 20)[:, None].repeat(1, 3, 1, 1), "masks": masks}
    moved = augment.segmentation(flip=0, colour=0, warped=1)(batch)
    assert set(moved["masks"].unique().tolist()) == {0, 9, 255} and not torch.equal(moved["masks"], masks)
    clear = (moved["images"][:, 0] == 0) | (moved["images"][:, 0] > 0.449)
    inside = moved["masks"] != 255
    assert torch.equal(shown(moved["images"])[clear & inside], moved["masks"][clear & inside])
    assert clear.float().mean() > 0.85


def test_only_the_share_of_masks_asked_for_is_warped_and_the_batch_stays():
    set_seed(0)
    batch = labelled(count=5)
    copy = {name: tensor.clone() for name, tensor in batch.items()}
    moved = augment.segmentation(flip=0, colour=0, warped=0.4)(batch)
    same = [torch.equal(a, b) for a, b in zip(moved["masks"], batch["masks"], strict=True)]
    assert same == [False, False, True, True, True]
    augment.segmentation(flip=1, warped=1)(batch)
    assert all(torch.equal(batch[name], copy[name]) for name in copy)


def test_impossible_knobs_are_refused_for_masks_too():
    with pytest.raises(ValueError, match="flip is 2"):
        augment.segmentation(flip=2)
    with pytest.raises(TypeError, match="masks has dtype uint8; expected int64"):
        mirror_masks(labelled() | {"masks": torch.zeros(3, 37, 23, dtype=torch.uint8)}, torch.ones(3, dtype=torch.bool))
