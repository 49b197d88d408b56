"""Body and poses: what an angle means, limits, mirror images, the file's own words for what is wrong in it."""

import numpy as np
import pytest

from helpers.data import rendered_people
from helpers.data.skeletons import COCO
from helpers.people import PARTS, body, poses
from helpers.people.body import load_body
from helpers.people.dice import Dice
from helpers.people.poses import ANGLES, load_poses, mirrored, read_book

JOINT = {name: i for i, name in enumerate(COCO.keypoint_names)}


def posed(**angles):
    """Return the keypoints (17, 3) of the middle body with these angles, for example left_elbow__flex=90."""
    person = load_body()
    values = np.zeros(len(ANGLES))
    for name, value in angles.items():
        values[ANGLES.index(name.replace("__", "."))] = value
    _, joints, keypoints = person.shaped(np.zeros(6))
    return person.posed_keypoints(person.transforms(values, joints), keypoints)


def direction(keypoints, start, end):
    d = keypoints[JOINT[end]] - keypoints[JOINT[start]]
    return d / np.linalg.norm(d)


def test_names_agree_with_the_skeleton_of_the_course():
    assert load_body().keypoint_names == tuple(COCO.keypoint_names)
    assert load_body().part_names == PARTS


def test_neutral_stance_stands_straight_facing_front():
    k = posed()
    for side in ("left", "right"):
        assert direction(k, f"{side}_shoulder", f"{side}_wrist")[2] < -0.97
        assert direction(k, f"{side}_hip", f"{side}_ankle")[2] < -0.97
    assert k[JOINT["nose"], 1] < k[JOINT["left_ear"], 1]  # the face looks along -y
    assert k[JOINT["left_hip"], 0] > 0 > k[JOINT["right_hip"], 0]
    assert 1.5 < k[JOINT["nose"], 2] - k[JOINT["left_ankle"], 2] + 0.2 < 2.0  # metres


@pytest.mark.parametrize(
    ("angles", "limb", "towards"),
    [
        pytest.param({"left_shoulder__flex": 90}, ("left_shoulder", "left_elbow"), (0, -1, 0), id="arm ahead"),
        pytest.param(
            {"left_shoulder__abduct": 90}, ("left_shoulder", "left_elbow"), (1, 0, 0), id="left arm to the left"
        ),
        pytest.param({"right_shoulder__abduct": 90}, ("right_shoulder", "right_elbow"), (-1, 0, 0), id="right arm out"),
        pytest.param({"left_shoulder__flex": 180}, ("left_shoulder", "left_elbow"), (0, 0, 1), id="arm overhead"),
        pytest.param({"right_elbow__flex": 90}, ("right_elbow", "right_wrist"), (0, -1, 0), id="forearm ahead"),
        pytest.param({"left_hip__flex": 90}, ("left_hip", "left_knee"), (0, -1, 0), id="thigh ahead"),
        pytest.param({"left_knee__flex": 90}, ("left_knee", "left_ankle"), (0, 1, 0), id="shin behind"),
        pytest.param({"root__bend": 90}, ("left_hip", "left_shoulder"), (0, -1, 0), id="on the belly"),
        pytest.param({"root__lean": 90}, ("right_hip", "right_shoulder"), (1, 0, 0), id="tipped to the left"),
        pytest.param({"root__turn": 90, "left_hip__flex": 90}, ("left_hip", "left_knee"), (1, 0, 0), id="turned"),
    ],
)
def test_angles_mean_what_the_file_says(angles, limb, towards):
    # Within 21 degrees: keypoints lie a little off the bones.
    assert direction(posed(**angles), *limb) @ np.array(towards) > 0.93


def test_limbs_keep_their_length_in_every_pose():
    straight = posed()
    book = load_poses()
    body_ = load_body()
    _, joints, keypoints = body_.shaped(np.zeros(6))
    for i in range(40):
        k = body_.posed_keypoints(body_.transforms(book.draw(Dice(5, i)).angles, joints), keypoints)
        for a, b in (("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_elbow", "left_wrist")):
            length, before = (np.linalg.norm(p[JOINT[a]] - p[JOINT[b]]) for p in (k, straight))
            assert length == pytest.approx(before, rel=0.12)


def test_rotations_are_rotations():
    vectors = np.random.default_rng(0).normal(size=(24, 2, 3))
    turns = body.rotations(vectors)
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.tile(np.eye(3), (24, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-12)


def test_quarter_turn_about_x_by_hand():
    turn = body.rotations(np.array([[[np.pi / 2, 0, 0], [0, 0, 0]]]))[0]
    np.testing.assert_allclose(turn @ [0, 0, 1], [0, -1, 0], atol=1e-12)


def test_traits_change_the_body_as_named():
    person = load_body()

    def height(**change):
        traits = np.array([change.get(name, 0.0) for name in person.trait_names])
        v = person.shaped(traits)[0][person.vertex_layer == 0]
        return np.ptp(v[:, 2])

    assert height(height=0.15) > height() + 0.05
    assert height(gender=-0.5) > height(gender=0.5)  # 0 is the masculine end
    assert 1.7 < height() < 1.95


def test_book_holds_many_poses_within_limits():
    book = load_poses()
    assert len(book.poses) >= 30
    for i in range(300):
        pose = book.draw(Dice(1, i))
        assert (pose.angles >= book.limits[:, 0]).all()
        assert (pose.angles <= book.limits[:, 1]).all()
    assert len({book.draw(Dice(2, i)).name for i in range(800)}) == len(book.poses)


def test_mirror_image_swaps_sides_and_is_its_own_inverse():
    angles = np.random.default_rng(1).normal(size=len(ANGLES))
    once = mirrored(angles)
    assert once[ANGLES.index("left_knee.flex")] == angles[ANGLES.index("right_knee.flex")]
    assert once[ANGLES.index("spine.turn")] == -angles[ANGLES.index("spine.turn")]
    np.testing.assert_array_equal(mirrored(once), angles)


def test_mirrored_angles_give_the_mirrored_body():
    angles = load_poses().draw(Dice(3, 3)).angles
    person = load_body()
    _, joints, keypoints = person.shaped(np.zeros(6))
    one, other = (person.posed_keypoints(person.transforms(a, joints), keypoints) for a in (angles, mirrored(angles)))
    swap = list(range(17))
    for a, b in COCO.swaps:
        swap[a], swap[b] = b, a
    np.testing.assert_allclose(other[swap] * [-1, 1, 1], one, atol=0.012)  # the body itself is a few mm off symmetric


def test_streams_of_different_names_differ():
    names = [(1, 2), (1, 2, 0), (1, 2, 0, 0), (2, 1), (1 + 2**32, 2), (1, 1, 2), (2**64 - 1, 2)]
    assert len({Dice(*name).uniform() for name in names}) == len(names)


def test_dice_stay_in_their_ranges():
    dice = Dice(0)
    assert {dice.integer(2, 4) for _ in range(100)} == {2, 3, 4}
    assert abs(dice.bell(20000).mean()) < 0.03
    assert abs(dice.bell(20000).std() - 1) < 0.03


def minimal_limits():
    table = {}
    for name in ANGLES:
        joint, angle = name.removeprefix("left_").removeprefix("right_").split(".")
        table.setdefault(joint, {})[angle] = [-90, 90, 5]
    return table


def test_both_sets_left_and_right():
    book = read_book({"limits": minimal_limits(), "pose": {"x": {"kind": "a", "both_knee": {"flex": 40}}}})
    assert [book.poses[0].angles[ANGLES.index(f"{s}_knee.flex")] for s in ("left", "right")] == [40, 40]


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        pytest.param(
            {"kind": "a", "left_elbow": {"bend": 9}}, r"sets left_elbow.bend; no such angle", id="unknown angle"
        ),
        pytest.param(
            {"kind": "a", "left_elbow": {"flex": 99}},
            r"left_elbow.flex to 99; expected a number in \[-90, 90\]",
            id="over the limit",
        ),
        pytest.param({"left_elbow": {"flex": 9}}, r"pose 'x' has no kind", id="no kind"),
    ],
)
def test_faults_of_a_pose_are_named(pose, message):
    with pytest.raises(ValueError, match=message):
        read_book({"limits": minimal_limits(), "pose": {"x": pose}})


def test_missing_limit_is_named():
    limits = minimal_limits()
    del limits["knee"]
    with pytest.raises(ValueError, match=r"limits.knee.flex is missing"):
        read_book({"limits": limits, "pose": {}})


@pytest.mark.parametrize(
    ("module", "name", "load"),
    [
        pytest.param(body, "BODY_FILE", body.load_body, id="body"),
        pytest.param(poses, "POSE_FILE", load_poses, id="poses"),
    ],
)
def test_missing_and_damaged_files_say_how_to_restore_them(module, name, load, tmp_path, monkeypatch):
    file = tmp_path / getattr(module, name).name
    monkeypatch.setattr(module, name, file)
    with pytest.raises(FileNotFoundError, match="unpack its bundle again"):
        load.__wrapped__()
    for content in (b"[[ not what it should be", b"", b"\xff\xfe"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"{file.name} is damaged .*unpack its bundle again"):
            load.__wrapped__()


@pytest.mark.parametrize("kept", [0, 1, 100, 0.1, 0.5, 0.9, -200, -1])
def test_a_body_that_was_cut_is_damaged(kept, tmp_path, monkeypatch):
    content, file = body.BODY_FILE.read_bytes(), tmp_path / "body.npz"
    file.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    monkeypatch.setattr(body, "BODY_FILE", file)
    with pytest.raises(ValueError, match="body.npz is damaged .*unpack its bundle again"):
        body.load_body.__wrapped__()


def test_a_body_with_a_byte_that_flipped_is_damaged(tmp_path, monkeypatch):
    content, file = bytearray(body.BODY_FILE.read_bytes()), tmp_path / "body.npz"
    monkeypatch.setattr(body, "BODY_FILE", file)
    for place in range(100, len(content), len(content) // 20):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with pytest.raises(ValueError, match="body.npz is damaged"):
            body.load_body.__wrapped__()


def test_sets_whose_body_is_missing_say_so(tmp_path, monkeypatch):
    """The name of a cached set hangs on the body: it is read before anything is rendered."""
    monkeypatch.setattr(body, "BODY_FILE", tmp_path / "body.npz")
    body.load_body.cache_clear()
    with pytest.raises(FileNotFoundError, match="body.npz is missing; it is a part of the course"):
        rendered_people("val", 1, cache=tmp_path)


def test_unknown_pose_lists_the_known_ones():
    with pytest.raises(KeyError, match="standing"):
        load_poses().named("flying")
