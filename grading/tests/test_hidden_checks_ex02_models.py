"""The promise of exercise 2's checks of networks: right work passes in any style, wrong work fails by its name."""

import pytest
import torch
from local_submission import LocalSubmission, marks, said
from right_variants_ex02_models import REFERENCE, RIGHT_MODELS, softargmax
from torch import nn

from grading.course import held_out
from grading.hidden_checks import test_ex02_softargmax as hidden
from grading.known_wrong.ex02_softargmax_models import KNOWN_WRONG, WRONG_MODELS
from helpers import save_weights
from helpers.checks import ex02_softargmax as check
from helpers.checks.engine.question import Wrong, case_rng, read_hints
from helpers.checks.networks.score_ties import explain
from helpers.checks.networks.softargmax import SOFTARGMAX_POSE
from helpers.checks.networks.trained import REGRESSION_MODEL, SOFTARGMAX_MODEL

EXERCISE, POSE = "ex02_softargmax", "SoftargmaxPose"
HINTS = read_hints(EXERCISE)

pytestmark = pytest.mark.usefixtures("one_thread")


def hidden_marks(answer, seed=0):
    return marks(hidden, LocalSubmission(EXERCISE, {POSE: answer}, {}, seed), POSE)


@pytest.mark.parametrize("answer", RIGHT_MODELS.values(), ids=RIGHT_MODELS.keys())
def test_right_networks_in_any_style_score_full(answer, capsys):
    assert hidden_marks(answer) == (6, 6, [])
    assert said(check, POSE, answer, capsys).startswith(SOFTARGMAX_POSE.sentence)


@pytest.mark.parametrize(
    ("mistake", "answer"),
    [pytest.param(name.partition(".")[0], answer, id=name) for name, answer in KNOWN_WRONG[POSE].items()],
)
def test_known_wrong_networks_lose_points_and_are_named(mistake, answer, capsys):
    points, maximum, named = hidden_marks(answer)
    assert points < maximum and named[0] == mistake
    assert HINTS[POSE][mistake] in said(check, POSE, answer, capsys)


def test_every_hint_has_its_mistake_and_every_mistake_its_hint():
    mistakes = {name.partition(".")[0] for name in KNOWN_WRONG[POSE]}
    assert mistakes == set(HINTS[POSE])
    for question in (POSE, "model"):
        for mistake, hint in HINTS[question].items():
            assert hint.endswith(("?", ".", "!")) and "  " not in hint, mistake


class Zeros(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.backbone, self.num_keypoints = backbone, num_keypoints

    def forward(self, images):
        return torch.zeros(len(images), self.num_keypoints, 2), torch.zeros(len(images), self.num_keypoints, 4, 6)


class Middle(Zeros):
    """Random maps, keypoints in the middle of them."""

    def forward(self, images):
        scores = torch.rand(len(images), self.num_keypoints, 4, 6)
        return softargmax(0 * scores), scores


def stub(*_):
    raise NotImplementedError


@pytest.mark.parametrize(
    "answer",
    [
        stub, lambda *_: None, Zeros, Middle, lambda backbone, *_: nn.Identity(), lambda backbone, *_: backbone,
    ],
    ids=["stub", "nothing", "zeros", "middle", "identity", "backbone"],
)  # fmt: skip
def test_worthless_networks_score_nothing(answer):
    assert hidden_marks(answer)[:2] == (0, 6)


def test_the_stub_is_called_unwritten():
    assert set(hidden_marks(stub)[2]) == {"not_written"}


# What ties keypoints to scores.


def scores_of(peaks, rows, columns):
    """Return maps (1, K, rows, columns) of 0 with one high score each."""
    scores = torch.zeros(1, len(peaks), rows, columns)
    for keypoint, (x, y) in enumerate(peaks):
        scores[0, keypoint, y, x] = 6.0 + keypoint
    return scores


PEAKS = [(0, 0), (5, 0), (2, 3), (4, 1), (1, 2), (3, 3)]


@pytest.mark.parametrize("beta", [0.2, 1.0, 7.0])
def test_the_places_of_any_inverse_temperature_are_explained(beta):
    scores = scores_of(PEAKS, 4, 6)
    keypoints = (softargmax(scores, beta) + 0.5) * 8 - 0.5
    assert explain(keypoints, scores, (32, 48), 8) is None


@pytest.mark.parametrize(
    ("shift", "mistake"), [(0.0, None), (7.9, None), (-7.9, None), (8.1, "offset"), (-8.1, "offset")]
)
def test_the_mapping_may_be_off_by_a_stride_and_no_more(shift, mistake):
    scores = scores_of(PEAKS, 4, 6)
    assert explain((softargmax(scores) + 0.5) * 8 - 0.5 + shift, scores, (32, 48), 8) == mistake


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_keypoints_that_do_not_follow_from_the_scores_are_noticed(noise):
    """Half a pixel of noise, where peaks are 8 pixels apart, is no soft argmax of these maps."""
    scores = scores_of(PEAKS, 4, 6)
    wobble = noise * torch.tensor([[[1.0, -1], [-1, 1], [1, 1], [-1, -1], [1, -1], [-1, 1]]])
    keypoints = (softargmax(scores) + 0.5) * 8 - 0.5 + wobble
    assert explain(keypoints, scores, (32, 48), 8) == ("other_maps" if noise else None)


def test_a_start_that_is_poor_is_no_mistake():
    """A network whose scores are so large that each softmax starts at a single pixel learns all the same."""

    class LoudestStart(REFERENCE):
        def __init__(self, backbone, num_keypoints, image_size):
            super().__init__(backbone, num_keypoints, image_size)
            nn.init.normal_(self.head.weight, std=3.0)

    assert hidden_marks(LoudestStart) == (6, 6, [])


# The model question.


@pytest.fixture(scope="module")
def people(own_secret):
    """The held-out people of a course secret of our own."""
    return held_out.held_out_people()


class Recall(nn.Module):
    """Knows all held-out poses by heart, but for an offset: a model of exactly known error."""

    def __init__(self, people, offset):
        super().__init__()
        self.register_buffer("keys", people.images.double().flatten(1).std(dim=1))
        self.register_buffer("poses", people.keypoints + torch.tensor([0.6, 0.8]) * offset)

    def forward(self, images):
        keys = (images * 255).round().double().flatten(1).std(dim=1)
        keypoints = self.poses[(keys[:, None] - self.keys).abs().argmin(dim=1)]
        return keypoints, keypoints.new_zeros(len(images), 17, 16, 16)


class RecallKeypoints(Recall):
    def forward(self, images):
        return super().forward(images)[0]


def model_points(build, tmp_path, monkeypatch):
    """Return the points that hidden checks give for a model whose weights lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    submission, points, last = LocalSubmission(EXERCISE, {"model": build}, {}), 0, None
    for threshold, worth in SOFTARGMAX_MODEL.steps:
        try:
            hidden.test_model_on_held_out_scenes(submission, threshold)
            points += worth
        except Wrong as wrong:
            last = wrong
    return points, last


@pytest.mark.parametrize("network", [Recall, RecallKeypoints])
@pytest.mark.parametrize("share", [0.99, 1.01])
def test_a_model_earns_the_points_of_its_error(people, tmp_path, monkeypatch, share, network):
    for threshold, points in SOFTARGMAX_MODEL.thresholds:
        save_weights(network(people, share * threshold), tmp_path / hidden.WEIGHTS)
        earned, _ = model_points(lambda: network(people, 0.0), tmp_path, monkeypatch)
        assert earned == SOFTARGMAX_MODEL.points_at(share * threshold)
        assert (earned >= points) == (share < 1)


@pytest.mark.parametrize(("mistake", "build"), WRONG_MODELS.items(), ids=WRONG_MODELS.keys())
def test_wrong_models_earn_nothing_and_are_named(people, tmp_path, monkeypatch, mistake, build):
    network = build()
    save_weights(network if isinstance(network, nn.Module) else nn.Linear(2, 2), tmp_path / hidden.WEIGHTS)
    points, wrong = model_points(build, tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, mistake)


def test_a_model_without_weights_or_with_others_earns_nothing_and_a_sentence(people, tmp_path, monkeypatch):
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "no_weights")
    save_weights(nn.Linear(2, 2), tmp_path / hidden.WEIGHTS)
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "other_weights")


def test_the_error_is_kept_for_each_weights_file(people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    submission = LocalSubmission(EXERCISE, {"model": lambda: Recall(people, 0.0)}, {})
    for name, offset in (("a.safetensors", 3.0), ("b.safetensors", 5.0)):
        save_weights(Recall(people, offset), tmp_path / name)
        assert held_out.mpjpe_of(submission, name) == pytest.approx(offset, abs=1e-3)
    save_weights(Recall(people, 9.0), tmp_path / "a.safetensors")
    assert held_out.mpjpe_of(submission, "a.safetensors") == pytest.approx(3.0, abs=1e-3)


def test_the_visible_check_tells_error_and_points(tmp_path, capsys):
    network = WRONG_MODELS["too_far"]()
    check.model(WRONG_MODELS["too_far"], str(save_weights(network, tmp_path / "weights.safetensors")))
    threshold, points = SOFTARGMAX_MODEL.thresholds[-1]
    told = capsys.readouterr().out
    assert "0 points there" in told and f"{points} up to {threshold:g} px" in told


def test_points_in_the_hidden_module_add_up():
    worth = [
        m.args[1] for t in vars(hidden).values() for m in getattr(t, "pytestmark", [])
        if m.name == "points" and m.args[0] == POSE
    ]  # fmt: skip
    assert sum(worth) == 6
    for model in (REGRESSION_MODEL, SOFTARGMAX_MODEL):
        assert sum(added for _, added in model.steps) == model.thresholds[-1][1] == 6
        assert [model.points_at(t) for t, _ in model.thresholds] == [points for _, points in model.thresholds]


# Maps of many pixels.


@pytest.mark.parametrize("size", [(117, 196), (7, 23_000)])
def test_maps_much_finer_than_the_image_are_refused(size):
    """What ties keypoints to 64 MB of scores took many minutes to find out."""
    pair = [torch.zeros(6, 14, 2), torch.rand(6, 14, 7 * size[0] // 6, size[1])]
    replies = {"build": {"module": True, "lazy": False}, "predict": pair, "stir": {}, "sharpen": {}}
    with pytest.raises(Wrong, match="at most 6 pixels for each of 48 x 80") as caught:
        SOFTARGMAX_POSE.cases["consistent"](lambda step, **_: replies[step], case_rng(0, POSE, "consistent"), None)
    assert caught.value.mistake == "too_many"


def test_a_few_images_of_large_maps_tell_enough():
    scores = torch.randn(6, 14, 48, 80, generator=torch.Generator().manual_seed(0))
    keypoints, beyond = softargmax(scores), scores.clone()
    beyond[2:] = float("nan")
    assert explain(keypoints, beyond, (48, 80), 8) is None
    assert explain(keypoints[..., [1, 0]], beyond, (48, 80), 8) == "x_y_swapped"
    assert explain(keypoints[:, :3], beyond[:, :3].nan_to_num(), (48, 80), 8) == "other_maps", "as 3 are few"
