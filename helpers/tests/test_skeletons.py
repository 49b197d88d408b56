import pytest
import torch

from helpers.data.skeletons import COCO, LSP, Skeleton


@pytest.mark.parametrize("skeleton", [COCO, LSP], ids=["COCO", "LSP"])
def test_swaps_pair_left_with_right_and_nothing_else(skeleton):
    for left, right in skeleton.swaps:
        name = skeleton.keypoint_names[left]
        assert name.startswith("left_") and skeleton.keypoint_names[right] == name.replace("left_", "right_")
    sided = {k for k, name in enumerate(skeleton.keypoint_names) if name.startswith(("left_", "right_"))}
    assert {k for pair in skeleton.swaps for k in pair} == sided


@pytest.mark.parametrize("skeleton", [COCO, LSP], ids=["COCO", "LSP"])
def test_flipping_twice_changes_nothing(skeleton):
    once = skeleton.flip_order
    assert [once[k] for k in once] == list(range(skeleton.num_keypoints)) != list(once)


@pytest.mark.parametrize(("skeleton", "count"), [(COCO, 17), (LSP, 14)], ids=["COCO", "LSP"])
def test_limbs_join_all_keypoints_and_mirrored_limbs_are_limbs(skeleton, count):
    assert skeleton.num_keypoints == count
    assert {k for limb in skeleton.limbs for k in limb} == set(range(count))
    limbs, order = {frozenset(limb) for limb in skeleton.limbs}, skeleton.flip_order
    assert {frozenset((order[a], order[b])) for a, b in skeleton.limbs} == limbs


def coco_pose():
    """Shoulders (10, 0) and (0, 0), hips (6, 8) and (3, 4): diagonals |(7, -4)| = sqrt(65) and |(6, 8)| = 10."""
    keypoints, visible = torch.full((1, 17, 2), float("nan")), torch.zeros(1, 17, dtype=torch.bool)
    places = {"left_shoulder": (10, 0), "right_shoulder": (0, 0), "left_hip": (6, 8), "right_hip": (3, 4)}
    for name, place in places.items():
        keypoints[0, COCO.index(name)] = torch.tensor(place, dtype=torch.float32)
        visible[0, COCO.index(name)] = True
    return keypoints, visible


def test_torso_is_the_mean_of_both_diagonals():
    assert COCO.torso_length(*coco_pose()).item() == pytest.approx((65**0.5 + 10) / 2)


def test_torso_takes_the_diagonal_that_is_visible():
    keypoints, visible = coco_pose()
    visible[0, COCO.index("left_shoulder")] = False
    assert COCO.torso_length(keypoints, visible).item() == pytest.approx(10)


def test_torso_without_any_diagonal_is_nan():
    keypoints, visible = coco_pose()
    visible[0, COCO.index("left_shoulder")] = visible[0, COCO.index("left_hip")] = False
    lengths = COCO.torso_length(keypoints.expand(3, -1, -1), visible.expand(3, -1))
    assert lengths.shape == (3,) and lengths.isnan().all()


def test_torso_refuses_another_skeletons_keypoints():
    with pytest.raises(ValueError, match=r"expected \(B, 14, 2\)"):
        LSP.torso_length(*coco_pose())


def test_impossible_skeletons_are_refused():
    with pytest.raises(ValueError, match="not in 0 ... 1"):
        Skeleton("x", ("a", "b"), limbs=((0, 2),), swaps=())
    with pytest.raises(ValueError, match="twice"):
        Skeleton("x", ("a", "b", "c"), limbs=(), swaps=((0, 1), (1, 2)))
    with pytest.raises(ValueError, match="no keypoint 'tail'"):
        COCO.index("tail")
