import collections
import platform
import subprocess
import sys

import pytest
import torch
from torch import nn

from helpers import fit, pick_device
from helpers.tests.stick_people import stick_people
from helpers.training.speed import Precision, choose_precision, map_tensors
from helpers.training.threads import Threads

BATCH = stick_people(4, (16, 24)).batch()
PRECISIONS = [Precision(), Precision("float32", True), Precision("bfloat16", False), Precision("bfloat16", True)]


class Net(nn.Module):
    def __init__(self, viewed: bool = False):
        super().__init__()
        self.conv, self.viewed, self.calls = nn.Conv2d(3, 4, 3, padding=1), viewed, 0
        self.norm, self.head = nn.BatchNorm2d(4), nn.Linear(4 * 16 * 24, 34)

    def forward(self, images):
        self.calls += 1
        x = self.norm(self.conv(images))
        return self.head(x.view(len(x), -1) if self.viewed else x.flatten(1)).view(-1, 17, 2)


def loss(output, batch):
    return (output - batch["keypoints"]).square().mean()


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_every_precision_gives_the_same_output_in_float32(precision):
    torch.manual_seed(0)
    net = Net().eval()
    plain = net(BATCH["images"])
    precision.prepare(net)
    output = precision.forward(net, BATCH["images"])
    assert output.dtype == torch.float32 and torch.allclose(output, plain, atol=0.05)
    Precision().prepare(net)
    assert net.conv.weight.is_contiguous() and torch.equal(net(BATCH["images"]), plain)


def test_the_trial_leaves_model_and_random_numbers_alone():
    torch.manual_seed(0)
    net = Net().train()
    before, random = {k: v.clone() for k, v in net.state_dict().items()}, torch.get_rng_state()
    precision, words = choose_precision(net, loss, BATCH)
    assert precision in PRECISIONS and "ms" in words and str(precision) in words
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items()) and net.calls == 0
    assert torch.equal(torch.get_rng_state(), random) and all(p.grad is None for p in net.parameters())


def test_a_precision_in_which_the_model_fails_is_not_taken():
    """With `.view` a channels_last map cannot be flattened."""
    net, fast = Net(viewed=True), Precision("float32", True)
    with pytest.raises(RuntimeError, match="view"):
        fast.prepare(net)
        fast.forward(net, BATCH["images"])
    assert not choose_precision(Net(viewed=True), loss, BATCH)[0].channels_last


def test_a_model_that_fails_plainly_fails_aloud():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        choose_precision(nn.Linear(5, 5), loss, BATCH)


def test_map_tensors_reaches_into_trees():
    tree = {"a": torch.ones(1), "b": (torch.ones(2), ["text", 3])}
    doubled = map_tensors(lambda x: 2 * x, tree)
    pair = collections.namedtuple("pair", "x y")(torch.ones(1), 4)
    assert map_tensors(lambda x: 2 * x, pair) == (torch.tensor(2.0), 4) and type(map_tensors(id, pair)) is type(pair)
    assert doubled["a"].item() == 2 and doubled["b"][0].sum() == 4 and doubled["b"][1] == ["text", 3]


def test_a_device_that_is_asked_for_is_taken_or_refused():
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="'cuda:99' cannot be used here"):
        pick_device("cuda:99")


GPU_WORKS = torch.cuda.is_available() or torch.backends.mps.is_available()


@pytest.mark.skipif(GPU_WORKS, reason="there is a GPU that works")
def test_without_a_gpu_the_cpu_is_taken_without_a_word(capsys):
    pick_device.cache_clear()
    assert pick_device() == torch.device("cpu") and capsys.readouterr().out == ""


@pytest.mark.skipif(GPU_WORKS, reason="there is a GPU that works")
def test_a_gpu_that_runs_no_kernel_is_left_aside_with_a_sentence(monkeypatch, capsys):
    """torch says that there is one, as with a card too old for it, and the first kernel fails, here without a card."""
    pick_device.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device() == torch.device("cpu") == pick_device()
    said = capsys.readouterr().out
    assert said.startswith("The GPU of this machine cannot be used (") and said.count("\n") == 1
    pick_device.cache_clear()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU of NVIDIA's here")
def test_a_gpu_that_works_is_taken():
    pick_device.cache_clear()
    assert pick_device().type == "cuda"


class Softargmax(nn.Module):
    """The mean place of each map under a softmax, as a student may write it: with a product of matrices."""

    def __init__(self):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(30.0))

    def forward(self, scores):
        p = torch.softmax(scores.flatten(2), dim=-1).view_as(scores)
        xs, ys = (torch.arange(side, dtype=p.dtype, device=p.device) for side in (p.shape[3], p.shape[2]))
        return torch.stack([p.sum(2) @ xs, p.sum(3) @ ys], dim=-1)


class Places(nn.Module):
    """Maps and their mean places; layers are registered in one order and called in another."""

    def __init__(self, order):
        super().__init__()
        layers = {"body": nn.Conv2d(3, 8, 3, padding=1), "mix": nn.Conv2d(8, 8, 1), "head": nn.Conv2d(8, 2, 1)}
        for name in order:
            setattr(self, name, (layers | {"softargmax": Softargmax()})[name])
        self.place = nn.Parameter(torch.zeros(1, 3, 1, 1))  # weights of no layer

    def forward(self, images):
        features = self.body(images + self.place).relu()
        scores = self.softargmax.beta * self.head(features + self.mix(features))
        return self.softargmax(scores), scores


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "order",
    [
        ("body", "mix", "head", "softargmax"),
        ("softargmax", "head", "mix", "body"),
        ("head", "softargmax", "body", "mix"),
    ],
    ids=["in turn", "backwards", "one from the middle last"],
)
def test_places_are_exact_at_half_precision_whatever_the_operators(dtype, order):
    """They are those of the scoremaps beside them, computed in float64, to a thousandth of a pixel."""
    torch.manual_seed(0)
    net, images, precision = Places(order), torch.rand(2, 3, 64, 48), Precision(dtype)
    whole = precision.forward(net, images)[1]
    places, scores = precision.forward(net, images)
    assert 0 < (whole - scores).abs().max() < 0.1 * scores.std()  # the layers did run at half precision
    p = torch.softmax(scores.double().flatten(2), dim=-1).view_as(scores)
    right = torch.stack([p.sum(2) @ torch.arange(48.0).double(), p.sum(3) @ torch.arange(64.0).double()], dim=-1)
    assert places.dtype == scores.dtype == torch.float32 and (places - right).abs().max() < 1e-3
    with torch.autocast("cpu", getattr(torch, dtype)):  # what this is about
        assert (net(images)[0].double() - right).abs().max() > 1e-3
    assert not torch.is_autocast_enabled("cpu") and not any(layer._forward_hooks for layer in net.modules())


def test_a_layer_put_in_the_place_of_the_last_is_found():
    net, precision = Places(("body", "mix", "head", "softargmax")), Precision("bfloat16")
    precision.forward(net, torch.rand(2, 3, 64, 48))
    net.head = nn.Conv2d(8, 2, 1)
    for _ in range(2):
        places, scores = precision.forward(net, torch.rand(2, 3, 64, 48))
        assert places.dtype == scores.dtype == torch.float32
        assert (places - net.softargmax(scores)).abs().max() < 1e-3


def test_float16_scales_the_loss_and_learns():
    torch.manual_seed(0)
    history = fit(
        Net(), stick_people(32, (16, 24)), stick_people(8, (16, 24)), loss=loss, metrics={"loss": loss}, epochs=8,
        batch_size=8, lr=1e-2, precision=Precision("float16"), device="cpu", progress=False,
    )  # fmt: skip
    assert history.loss[-1] < 0.8 * history.loss[0]


def take_steps(threads, seconds_by_count, steps):
    """Let `threads` see steps that take as long as the number of threads says; return the numbers it chose."""
    chosen = []
    for _ in range(steps):
        chosen.append(threads.now)
        threads.step(seconds_by_count[threads.now])
    return chosen


def test_all_threads_are_taken_where_they_pay_off():
    with Threads(most=2) as threads:
        assert take_steps(threads, {1: 0.10, 2: 0.06}, 12) == [1] * 4 + [2] * 8
        assert torch.get_num_threads() == 2


def test_one_slow_step_is_enough_to_give_up_all_threads_but_one():
    with Threads(most=2) as threads:
        assert take_steps(threads, {1: 0.1, 2: 2.3}, 10) == [1] * 4 + [2] + [1] * 5
        assert torch.get_num_threads() == 1


def test_all_threads_are_tried_again_after_a_while():
    with Threads(most=2, patience_s=0.0) as threads:
        take_steps(threads, {1: 0.1, 2: 2.3}, 9)
        assert take_steps(threads, {1: 0.1, 2: 0.06}, 8)[-4:] == [2] * 4


def test_the_number_of_threads_comes_back():
    before = torch.get_num_threads()
    with Threads(most=2) as threads:
        take_steps(threads, {1: 0.1, 2: 0.06}, 5)
    assert torch.get_num_threads() == before


@pytest.mark.full
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's memory is looked after")
def test_freed_memory_is_kept_for_the_next_step():
    """Steps of a small network: their memory is fetched from the system once, not again and again."""
    counting = """
import resource, sys, torch, helpers
from helpers.training.threads import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
model, images = helpers.small_backbone(), torch.rand(32, 3, 128, 128)
def fetched():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for step in range(13):
    if step == 3:
        before = fetched()
    model(images).sum().backward()
print(fetched() - before)
"""
    fetched = {}
    for how in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", counting, how], capture_output=True, text=True, check=True)
        fetched[how] = int(done.stdout)
    assert fetched["keep"] < fetched["leave"] / 3, fetched
