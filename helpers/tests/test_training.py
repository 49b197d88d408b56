"""Training on a small network: what it learns, what it keeps, and how it stops."""

import contextlib
import dataclasses
import json
import math
import re
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import helpers
from helpers import evaluate, fit, predict, set_seed
from helpers.tests.full_disk import full_disk
from helpers.tests.stick_people import stick_people
from helpers.training import checkpoint
from helpers.training.checkpoint import Checkpoint
from helpers.training.loop import train_one_epoch
from helpers.training.schedule import Schedule
from helpers.training.speed import Precision
from helpers.training.weights import read_tensors

TRAIN, VAL = stick_people(40, (32, 24), seed=0), stick_people(10, (32, 24), seed=1)


class Net(nn.Module):
    """A convolution and a linear layer; keypoints (B, 17, 2) in pixels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8 * 8 * 6, 34)

    def forward(self, images):
        return 16 + 8 * self.head(self.conv(images).flatten(1)).view(-1, 17, 2)


def loss(output, batch):
    return (output - batch["keypoints"]).square().sum(-1)[batch["visible"]].mean()


def error(output, batch):
    return (output - batch["keypoints"]).norm(dim=-1)[batch["visible"]].mean()


METRICS = {"error": error}
QUIET = {"loss": loss, "metrics": METRICS, "progress": False, "batch_size": 16, "device": "cpu"}


@pytest.fixture
def net():
    set_seed(0)
    return Net()


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_it_learns_eight_images_by_heart(net):
    eight = TRAIN[:8]
    before = evaluate(net, eight, METRICS)["error"]
    history = fit(net, eight, eight, **QUIET | {"batch_size": 8}, epochs=150, lr=1e-2)
    assert evaluate(net, eight, METRICS)["error"] < 0.15 * before
    assert len(history) == 150 and history.stopped == "done"


def test_one_epoch_is_one_step_per_batch_and_lowers_the_loss(net):
    schedule = Schedule(1e-2, 2, None, 3)
    optimizer = torch.optim.AdamW(net.parameters())
    first = train_one_epoch(net, helpers.batches(TRAIN, 16), loss, optimizer, schedule)
    assert schedule.step == 3 and train_one_epoch(net, helpers.batches(TRAIN, 16), loss, optimizer, schedule) < first


def test_the_mean_loss_weighs_images_not_batches(net):
    """With a rate of almost zero the mean over batches of 16, 16 and 8 images is the loss of the whole set."""
    optimizer = torch.optim.SGD(net.parameters())
    mean = train_one_epoch(net, helpers.batches(TRAIN, 16), per_image, optimizer, Schedule(1e-30, 1, None, 3))
    net.train()
    alone = [per_image(net(b["images"]), b).item() for b in helpers.batches(TRAIN, 16)]
    assert mean == pytest.approx((16 * alone[0] + 16 * alone[1] + 8 * alone[2]) / 40, rel=1e-5)


def per_image(output, batch):
    return (output - batch["keypoints"]).abs().mean()


def test_history_has_one_number_per_epoch(net):
    history = fit(net, TRAIN, VAL, **QUIET, epochs=3)
    assert len(history.loss) == len(history.lr) == len(history.times) == 3
    assert history.val.keys() == history.train.keys() == {"error"} and len(history.val["error"]) == 3
    assert history.series("train error") == history.train["error"] and history.times == sorted(history.times)
    assert history.best == min(history.val["error"])
    with pytest.raises(ValueError, match="no 'MPJPE'; it has 'loss', 'lr', 'error', 'train error'"):
        history.series("MPJPE")


def test_the_best_weights_come_back_and_lie_in_the_file(net, tmp_path):
    values = iter([3.0, 1.0, 2.0, math.nan])
    seen = []

    def metric(output, batch):
        seen.append(state(net))
        return next(values)

    path = tmp_path / "net.safetensors"
    quiet = QUIET | {"metrics": {"error": metric}, "train_metrics": False}
    history = fit(net, TRAIN, VAL, **quiet, epochs=4, save_to=path)
    assert (history.best_epoch, history.best) == (2, 1.0)
    assert same(state(net), seen[1]) and same(load_file(path), seen[1]) and not same(seen[1], seen[3])
    assert read_tensors(path)[1].items() >= {"metric": "error", "value": "1.0", "epoch": "2"}.items()
    assert list(tmp_path.iterdir()) == [path] and not net.training


def test_a_disk_that_is_full_for_a_while_stops_no_training(net, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    path, write = tmp_path / "net.safetensors", Checkpoint.write

    def written(self):
        with full_disk() if len(self.history) == 1 else contextlib.nullcontext():
            write(self)

    monkeypatch.setattr(Checkpoint, "write", written)
    history = fit(net, TRAIN, VAL, **QUIET, epochs=2, save_to=path)
    said = capsys.readouterr().out
    assert len(history) == 2 and same(load_file(path), state(net))
    assert said.count("is the disk full? The training goes on.") == 1


def test_mode_max_keeps_the_highest(net):
    values = iter([1.0, 3.0, 2.0])
    history = fit(
        net,
        TRAIN,
        VAL,
        **QUIET | {"metrics": {"PCK": lambda o, b: next(values)}, "train_metrics": False},
        epochs=3,
        mode="max",
    )
    assert (history.best_epoch, history.best) == (2, 3.0)


def test_history_agrees_with_evaluate(net):
    history = fit(net, TRAIN, VAL, **QUIET, epochs=2)
    assert evaluate(net, VAL, METRICS)["error"] == pytest.approx(history.best, rel=1e-6)


def test_the_same_seed_trains_the_same_weights(net):
    other = Net()
    other.load_state_dict(net.state_dict())
    plain = Precision()
    for model in (net, other):
        set_seed(1)
        fit(model, TRAIN, VAL, **QUIET, epochs=2, precision=plain, augment=helpers.augment.pose(TRAIN.skeleton))
    assert same(state(net), state(other))


def test_the_data_stay_as_they_were(net):
    before = dataclasses.replace(TRAIN, images=TRAIN.images.clone(), keypoints=TRAIN.keypoints.clone())

    def greedy(batch):
        for tensor in batch.values():
            tensor.zero_()
        return batch | {"visible": batch["visible"] | True}

    fit(net, TRAIN, VAL, **QUIET, epochs=1, augment=greedy)
    assert torch.equal(TRAIN.images, before.images) and torch.equal(TRAIN.keypoints, before.keypoints)
    assert torch.equal(TRAIN.visibility, before.visibility)


@pytest.fixture(autouse=True)
def all_seconds(monkeypatch):
    """Give trainings of these tests all their seconds, whatever `make test` takes."""
    monkeypatch.delenv("DEEP_LEARNING_LAB_TIME_FACTOR", raising=False)


def test_a_factor_shortens_what_is_planned_in_seconds_alone(net, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_TIME_FACTOR", "0.125")
    assert Schedule(1.0, None, 100.0, 10).max_seconds == 12.5 and Schedule(1.0, 3, None, 10).max_seconds is None
    assert len(fit(net, TRAIN, VAL, **QUIET, epochs=3)) == 3
    assert fit(net, TRAIN, VAL, **QUIET, max_seconds=8.0).seconds < 8
    monkeypatch.setenv("DEEP_LEARNING_LAB_TIME_FACTOR", "")
    assert Schedule(1.0, None, 100.0, 10).max_seconds == 100


def test_a_budget_in_seconds_ends_the_training_with_a_low_rate(net):
    history = fit(net, TRAIN, VAL, **QUIET, max_seconds=1.0)
    assert 1.0 <= history.seconds and len(history) > 1 and history.lr[-1] < 0.02e-3 < max(history.lr)


def test_a_budget_shorter_than_a_step_still_takes_one(net):
    before = state(net)
    assert len(fit(net, TRAIN, VAL, **QUIET, max_seconds=1e-9)) == 1 and not same(state(net), before)


def test_the_least_steps_are_taken_however_short_the_time(net, capsys):
    """Three batches an epoch: 7 steps are two epochs and one step."""
    taken = []

    def counted(output, batch):
        taken.append(len(output))
        return loss(output, batch)

    history = fit(net, TRAIN, VAL, **QUIET | {"loss": counted}, max_seconds=1e-3, least_steps=7)
    assert len(taken) == 7 and len(history) == 3 and history.stopped == "done"
    assert history.lr[-1] == pytest.approx(0.01e-3) and "instead of" not in capsys.readouterr().out
    assert fit(net, TRAIN, VAL, **QUIET, max_seconds=0.5, least_steps=1).seconds >= 0.5  # nor are the seconds cut


def test_a_slow_training_says_how_long_it_takes(net, capsys):
    def slow(output, batch):
        time.sleep(0.01)
        return loss(output, batch)

    fit(net, TRAIN, VAL, **QUIET | {"loss": slow}, max_seconds=0.1, least_steps=30)
    said = re.findall(
        r"This machine needs about (\d+) s instead of 0 s: 30 steps are taken at least", capsys.readouterr().out
    )
    assert len(said) == 1


def test_least_steps_survive_an_interrupt(net, tmp_path):
    """Stopped in the eighth of 20 steps; what goes on counts from there, also from an earlier version's file."""
    path, taken = tmp_path / "net.safetensors", []

    def interrupted(output, batch):
        taken.append("step")
        if len(taken) == 8:
            raise KeyboardInterrupt
        return loss(output, batch)

    quiet = QUIET | {"loss": interrupted, "save_to": path, "max_seconds": 1e-3, "least_steps": 20}
    assert fit(net, TRAIN, VAL, **quiet).stopped == "interrupted"
    checkpoint = path.with_name("net.checkpoint.safetensors")
    tensors, notes = read_tensors(checkpoint)
    training = json.loads(notes["training"])
    assert training.pop("begun") > 0
    save_file(tensors, checkpoint, {"training": json.dumps(training)})
    history = fit(net, TRAIN, VAL, **quiet, resume=True)
    assert len(taken) == 7 + 1 + 13 and history.stopped == "done" and not checkpoint.exists()


@pytest.mark.parametrize(("share", "rate"), [(0, 0.1), (0.05, 0.55), (0.1, 1), (0.55, 0.505), (1, 0.01)])
def test_the_rate_rises_and_falls(share, rate):
    schedule = Schedule(1.0, 10, None, 100)
    schedule.step = round(1000 * share)
    assert schedule.rate() == pytest.approx(rate) and schedule.over() == (share == 1)


def test_seconds_spent_before_the_first_step_are_no_part_of_the_rise():
    """A trial took 30 of 100 seconds: the first step then had nearly the full rate, and spoilt the network."""
    schedule = Schedule(1.0, None, 100.0, 10)
    schedule.earlier = 30.0
    assert schedule.rate() == pytest.approx(0.1, abs=0.03)
    schedule.step, schedule.earlier = 200, 30 + 7  # a tenth of the other 70 seconds
    assert schedule.rate() == pytest.approx(1, abs=0.01)


def test_a_slow_machine_takes_steps_for_the_rise_too():
    schedule = Schedule(1.0, None, 100.0, 10)
    schedule.rate()
    schedule.step, schedule.earlier = 4, 20.0
    assert schedule.rate() == pytest.approx(0.1 + 0.9 * 5 / 50, abs=0.01)


def test_an_interrupt_keeps_the_best_and_resume_goes_on(net, tmp_path, capsys):
    path = tmp_path / "net.safetensors"
    epochs_seen = []

    def interrupted_loss(output, batch):
        if len(epochs_seen) == 4:
            epochs_seen.append("stop")
            raise KeyboardInterrupt
        return loss(output, batch)

    def metric(output, batch):
        epochs_seen.append("epoch")
        return error(output, batch)

    quiet = QUIET | {"metrics": {"error": metric}, "loss": interrupted_loss, "train_metrics": False}
    first = fit(net, TRAIN, VAL, **quiet, epochs=10, save_to=path)
    assert first.stopped == "interrupted" and len(first) == 4 and "resume=True" in capsys.readouterr().out
    assert evaluate(net, VAL, METRICS)["error"] == pytest.approx(first.best, rel=1e-6)
    assert {p.name for p in tmp_path.iterdir()} == {"net.safetensors", "net.checkpoint.safetensors"}
    other = Net()
    second = fit(other, TRAIN, VAL, **quiet, epochs=10, save_to=path, resume=True)
    assert len(second) == 10 and second.loss[:4] == first.loss and second.stopped == "done"
    assert "Resumed after 4 epochs" in capsys.readouterr().out and list(tmp_path.iterdir()) == [path]
    assert second.best <= first.best


def test_resumed_training_ends_where_an_unbroken_one_ends(net, tmp_path):
    """Stopped after the third epoch's steps and resumed: the same batches, rates and moments, so the same weights."""
    quiet = QUIET | {"precision": Precision(), "train_metrics": False, "epochs": 4}
    whole, resumed, path = Net(), Net(), tmp_path / "net.safetensors"
    whole.load_state_dict(state(net))
    falling = iter([4.0, 3.0, 2.0, 1.0])
    fit(whole, TRAIN, VAL, **quiet | {"metrics": {"error": lambda o, b: next(falling)}})

    def metric(output, batch):
        if (value := next(falling)) == 2:
            raise KeyboardInterrupt
        return value

    falling = iter([4.0, 3.0, 2.0, 1.0])
    assert len(fit(net, TRAIN, VAL, **quiet | {"metrics": {"error": metric}}, save_to=path)) == 2
    history = fit(resumed, TRAIN, VAL, **quiet | {"metrics": {"error": metric}}, save_to=path, resume=True)
    assert history.val["error"] == [4, 3, 1] and same(state(resumed), state(whole))


def test_resume_without_a_checkpoint_starts_anew_and_says_so(net, tmp_path, capsys):
    history = fit(net, TRAIN, VAL, **QUIET, epochs=1, save_to=tmp_path / "a.safetensors", resume=True)
    assert len(history) == 1 and "Nothing to resume" in capsys.readouterr().out
    with pytest.raises(ValueError, match="needs save_to"):
        fit(net, TRAIN, VAL, **QUIET, epochs=1, resume=True)


def test_another_models_checkpoint_is_refused(net, tmp_path):
    path = tmp_path / "a.safetensors"
    other = nn.Linear(2, 2)
    Checkpoint(
        path,
        other,
        torch.optim.AdamW(other.parameters()),
        torch.Generator(),
        helpers.History("error"),
        Schedule(1, 1, None, 1),
        torch.amp.GradScaler("cpu", enabled=False),
        {},
    ).write()
    with pytest.raises(ValueError, match="checkpoint of another model"):
        fit(net, TRAIN, VAL, **QUIET, epochs=1, save_to=path, resume=True)


def test_a_loss_that_is_not_finite_stops_with_the_place(net):
    def breaks(output, batch):
        breaks.calls += 1
        return loss(output, batch) * (math.nan if breaks.calls == 5 else 1)

    breaks.calls = 0
    before = state(net)
    with pytest.raises(FloatingPointError, match="The loss is nan in epoch 2, step 2, at learning rate"):
        fit(net, TRAIN, VAL, **QUIET | {"loss": breaks}, epochs=3)
    assert all(torch.isfinite(tensor).all() for tensor in state(net).values()) and not same(state(net), before)


def test_in_grading_the_file_is_loaded_and_nothing_trained(net, tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    helpers.save_weights(net, path)
    other = Net()
    monkeypatch.setenv("DEEP_LEARNING_LAB_GRADING", "1")

    def never(*_):
        raise AssertionError("trained in grading")

    history = fit(other, TRAIN, VAL, loss=never, metrics={"error": never}, epochs=3, save_to=path)
    assert len(history) == 0 and history.stopped == "not trained" and same(state(other), state(net))
    nowhere = tmp_path / "no.safetensors"
    assert len(fit(other, TRAIN, VAL, loss=never, metrics={"error": never}, epochs=3, save_to=nowhere)) == 0


def test_evaluate_calls_a_metric_once_on_the_whole_set(net):
    calls = []

    def metric(output, batch):
        calls.append({name: tensor.shape for name, tensor in batch.items()} | {"output": output.shape})
        return torch.tensor(1.5)

    assert evaluate(net, VAL, {"a": metric}, batch_size=4) == {"a": 1.5}
    assert calls == [{"keypoints": (10, 17, 2), "visible": (10, 17), "visibility": (10, 17), "output": (10, 17, 2)}]


def test_predict_is_the_model_in_eval_mode_whatever_the_batches(net):
    net.conv[1].eval()  # a part that the student froze stays frozen
    out = predict(net, VAL, batch_size=3)
    assert net.training and not net.conv[1].training and not out.requires_grad
    with torch.no_grad():
        net.eval()
        assert torch.allclose(out, net(VAL.batch()["images"]), atol=1e-5)


def test_predict_joins_outputs_of_several_tensors():
    class Two(nn.Module):
        def forward(self, images):
            return images.mean((2, 3)), {"size": torch.ones(len(images), 1)}

    first, second = predict(Two(), VAL, batch_size=3)
    assert first.shape == (10, 3) and second["size"].shape == (10, 1)


def test_a_last_batch_of_one_does_not_break_batch_norm():
    class Normed(Net):
        def __init__(self):
            super().__init__()
            self.head = nn.Sequential(nn.Linear(8 * 8 * 6, 34), nn.BatchNorm1d(34))

    assert len(fit(Normed(), TRAIN[:17], VAL, **QUIET, epochs=1)) == 1


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"epochs": None}, ValueError, "Say when to stop"),
        ({"epochs": 0}, ValueError, "epochs is 0; expected more than 0"),
        ({"lr": -1}, ValueError, "lr is -1"),
        ({"least_steps": 0}, ValueError, "least_steps is 0; expected more than 0"),
        ({"least_steps": -3}, ValueError, "least_steps is -3"),
        ({"least_steps": math.nan}, ValueError, "least_steps is nan"),
        ({"least_steps": "900"}, ValueError, "least_steps is '900'; expected more than 0"),
        ({"epochs": None, "least_steps": 900}, ValueError, "Say when to stop"),
        ({"mode": "best"}, ValueError, "expected 'min' or 'max'"),
        ({"metrics": {}}, TypeError, "at least one function"),
        ({"metrics": {"a": 3}}, TypeError, "at least one function"),
        ({"loss": lambda o, b: o.sum((1, 2))}, TypeError, r"returned shape \(16,\); expected one number"),
        ({"loss": lambda o, b: 3.0}, TypeError, "returned a float"),
        ({"loss": lambda o, b: o.detach().sum()}, ValueError, "does not depend on the weights"),
        ({"metrics": {"a": lambda o, b: o}}, TypeError, r"metric 'a' returned shape \(10, 17, 2\)"),
        ({"device": "nonsense"}, ValueError, "device 'nonsense' cannot be used"),
        ({"save_to": "weights.pt"}, ValueError, "not end in .safetensors"),
        ({"save_to": "no/such/folder/w.safetensors"}, OSError, "cannot be written"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_arguments_that_cannot_be_used_are_refused(net, change, kind, message):
    with pytest.raises(kind, match=message):
        fit(net, TRAIN, VAL, **QUIET | {"epochs": 1, "train_metrics": False} | change)


def test_things_that_are_no_data_or_model_are_refused(net):
    with pytest.raises(TypeError, match="train is a Tensor; expected a set of images"):
        fit(net, TRAIN.images, VAL, **QUIET, epochs=1)
    with pytest.raises(ValueError, match="val holds no images"):
        fit(net, TRAIN, VAL[:0], **QUIET, epochs=1)
    with pytest.raises(TypeError, match="model is a type; expected an nn.Module: call the class"):
        predict(Net, VAL)
    with pytest.raises(ValueError, match=r"shape \(34,\) for 10 images"):
        predict(nn.Sequential(net, nn.Flatten(0), nn.Linear(340, 34)), VAL)


def test_the_progress_bar_shows_loss_and_metric():
    code = (
        "from helpers.tests.test_training import *; set_seed(0); "
        "fit(Net(), TRAIN, VAL, **QUIET | {'progress': True}, epochs=2)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert "100%" in shown and "loss" in shown and "error" in shown and "best" in shown


def test_history_survives_json():
    history = helpers.History("error")
    history.add(1.0, 0.1, 2.0, {"error": 3.0}, {})
    assert helpers.History(**json.loads(json.dumps(dataclasses.asdict(history)))) == history
    assert repr(history) == "History: 1 epochs in 2 s (done), best error 3 in epoch 1"


def test_where_the_memory_is_full_batches_are_halved_with_a_sentence(net, capsys):
    sizes = []

    def hungry(output, batch):
        sizes.append(len(output))
        if len(output) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return loss(output, batch)

    history = fit(net, TRAIN, VAL, **QUIET | {"loss": hungry, "progress": True}, epochs=2)
    said = "".join(capsys.readouterr())
    assert "going on with 8 images at a time" in said and "going on with 4 images at a time" in said
    assert sizes == [16, 8] + [4] * 20 and len(history) == 2  # 40 images, twice

    def insatiable(output, batch):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        fit(net, TRAIN, VAL, **QUIET | {"loss": insatiable}, epochs=1)


def test_where_the_memory_is_full_a_set_is_run_in_smaller_batches():
    class Hungry(nn.Module):
        most, sizes = 3, []

        def forward(self, images):
            self.sizes.append(len(images))
            if len(images) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return images.mean((2, 3))

    found = predict(Hungry(), VAL, 16)
    assert torch.allclose(found, VAL.batch()["images"].mean((2, 3))) and Hungry.sizes == [10, 8, 4, 2, 2, 2, 2, 2]
    Hungry.most = 0
    with pytest.raises(torch.OutOfMemoryError):
        predict(Hungry(), VAL)


def test_the_file_is_written_at_the_end_or_when_it_is_time(net, tmp_path, monkeypatch):
    path, files = tmp_path / "net.safetensors", []

    def improving(output, batch):
        files.append(path.exists())
        return -len(files)

    quiet = QUIET | {"metrics": {"error": improving}, "train_metrics": False}
    fit(net, TRAIN, VAL, **quiet, epochs=3, save_to=path)
    assert files == [False] * 3 and same(load_file(path), state(net))
    path.unlink()
    files.clear()
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    fit(net, TRAIN, VAL, **quiet, epochs=3, save_to=path)
    assert files == [False, True, True] and read_tensors(path)[1]["epoch"] == "3"


KILLED = """
import os, sys, torch
from helpers.tests.test_training import *
checkpoint.EVERY = 0.0
set_seed(0)
calls = []
def metric(output, batch):
    calls.append(0)
    if len(calls) == 4:
        os._exit(9)
    return [3.0, 1.0, 2.0][len(calls) - 1]
quiet = QUIET | {"metrics": {"error": metric}, "train_metrics": False}
fit(Net(), TRAIN, VAL, **quiet, epochs=6, save_to=sys.argv[1], precision=Precision("float16"))
"""


def test_a_killed_training_goes_on_with_its_best_weights_and_its_scaler(tmp_path, monkeypatch, capsys):
    """Killed in the fourth epoch; the second was the best, and none later is better."""
    path = tmp_path / "net.safetensors"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    best, kept = load_file(path), json.loads(read_tensors(tmp_path / "net.checkpoint.safetensors")[1]["training"])
    assert kept["history"]["val"]["error"] == [3.0, 1.0, 2.0] and kept["scaler"]["scale"] < 2**16
    scalers = []

    class Seen(torch.amp.GradScaler):
        def load_state_dict(self, state):
            scalers.append(state)
            super().load_state_dict(state)

    monkeypatch.setattr(torch.amp, "GradScaler", Seen)
    net, quiet = Net(), QUIET | {"metrics": {"error": lambda o, b: 5.0}, "train_metrics": False}
    history = fit(net, TRAIN, VAL, **quiet, epochs=6, save_to=path, precision=Precision("float16"), resume=True)
    assert len(history) == 6 and history.best_epoch == 2 and scalers == [kept["scaler"]]
    assert same(state(net), best) and same(load_file(path), best)
