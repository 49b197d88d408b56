"""A training that was killed, stopped or run twice: the same call goes on, or starts anew, and no better weights go."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

import helpers
from helpers import fit, set_seed
from helpers.tests.full_disk import full_disk
from helpers.tests.test_training import QUIET, TRAIN, VAL, Net, same, state
from helpers.training import checkpoint
from helpers.training.weights import load_weights, read_tensors

CALL = QUIET | {"train_metrics": False, "epochs": 6, "lr": 2e-3}
ANEW = "Training starts anew: net.checkpoint.safetensors, of a killed kernel, does not fit"
KILLED = """
import sys
from helpers.tests.test_checkpoint import *
set_seed(0)
checkpoint.EVERY = 0.0
values = [float(value) for value in sys.argv[3:]]
fit(Net(), TRAIN, VAL, **CALL | {"lr": float(sys.argv[2])}, metrics=killing(values), save_to=sys.argv[1])
"""
CALL.pop("metrics")


def metric(*values):
    """Return metrics with these values, epoch by epoch."""
    left = iter(values)
    return {"error": lambda output, batch: next(left)}


def killing(values):
    """The same; where they are used up, the process kills itself with the signal that nothing can catch."""
    left = iter(values)
    return {"error": lambda output, batch: next(left, None) or os.kill(os.getpid(), signal.SIGKILL)}


def killed(path, *values, lr=2e-3):
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(lr), *map(str, values)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    return done.stdout.decode()


def value(path):
    return float(read_tensors(path)[1]["value"])


def fitted(path, *values, **other):
    """Train a new network on the same call, but for `other`, and return both it and the history."""
    set_seed(0)
    net = other.pop("net", None) or Net()
    call = CALL | {"metrics": metric(*values), "save_to": path} | other
    return net, fit(net, TRAIN, other.pop("val", VAL), **{name: given for name, given in call.items() if name != "val"})


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a process leaves that was killed in its fourth epoch, the second being its best."""
    folder = tmp_path_factory.mktemp("killed")
    killed(folder / "net.safetensors", 9, 7, 8)
    assert {path.name for path in folder.iterdir()} == {"net.safetensors", "net.checkpoint.safetensors"}
    return folder


@pytest.fixture
def path(left, tmp_path):
    """A copy of it."""
    shutil.copytree(left, tmp_path, dirs_exist_ok=True)
    return tmp_path / "net.safetensors"


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)


# After a kill


def test_after_a_kill_the_same_call_goes_on_and_ends_where_an_unbroken_one_ends(path, tmp_path, capsys):
    net, history = fitted(path, 6, 5, 4)
    said = capsys.readouterr().out
    assert said.startswith("Resumed after 3 epochs and ") and said.count("\n") == 1
    assert "where its kernel was killed; resume=False starts anew." in said
    assert history.val["error"] == [9, 7, 8, 6, 5, 4] and history.stopped == "done"
    whole, _ = fitted(tmp_path / "whole.safetensors", 9, 7, 8, 6, 5, 4)
    assert same(state(net), state(whole)) and same(load_file(path), state(net))
    assert not path.with_name("net.checkpoint.safetensors").exists() and not capsys.readouterr().out


def test_killed_again_and_again_it_goes_on_and_keeps_its_best(path, left):
    said = killed(path, 10)
    assert "Resumed after 3 epochs" in said
    net, history = fitted(path, 8.5, 8.5)
    assert history.val["error"] == [9, 7, 8, 10, 8.5, 8.5] and history.best_epoch == 2
    assert same(state(net), load_file(left / "net.safetensors")) and list(path.parent.iterdir()) == [path]


class Wider(Net):
    """A layer more."""

    def __init__(self):
        super().__init__()
        self.more = torch.nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"lr": 3e-3}, "other lr"),
        ({"batch_size": 20}, "other batch_size"),
        ({"epochs": 5}, "other epochs"),
        ({"max_seconds": 60}, "other max_seconds"),
        ({"val": VAL[:9]}, "other images"),
        ({"mode": "max"}, "other mode"),
        ({"metrics": {"mistake": lambda output, batch: 1.0}}, "other metric, metrics"),
        ({"metrics": {"error": lambda output, batch: 1.0, "N": lambda output, batch: 1.0}}, "other metrics"),
        ({"train_metrics": True, "metrics": {"error": lambda output, batch: 1.0}}, "other train_metrics"),
        ({"net": Wider}, "other network"),
    ],
)
def test_another_call_starts_anew_and_says_why(path, other, why, capsys):
    if "net" in other:
        other = {"net": other["net"]()}
    before = value(path)
    net, history = fitted(path, *range(10, 4, -1), **other)
    said = capsys.readouterr().out
    assert said.startswith(f"{ANEW} ({why}).\n") and len(history) == other.get("epochs", 6)
    assert same(load_file(path), state(net)) and value(path) != before
    assert not path.with_name("net.checkpoint.safetensors").exists()


def damaged(path):
    place = path.with_name("net.checkpoint.safetensors")
    place.write_bytes(place.read_bytes()[:-9])


def of_an_earlier_version(path):
    place = path.with_name("net.checkpoint.safetensors")
    save_file(read_tensors(place)[0], place, {"training": '{"history": {"metric": "error"}}'})


def without_weights(path):
    path.unlink()


def of_a_later_version(path):
    place = path.with_name("net.checkpoint.safetensors")
    tensors, notes = read_tensors(place)
    save_file(tensors, place, {"training": notes["training"].replace('"stopped"', '"ended"')})


@pytest.mark.parametrize("happened", [damaged, of_an_earlier_version, of_a_later_version, without_weights])
def test_what_cannot_be_read_starts_anew(path, happened, capsys):
    happened(path)
    why = "other weights file" if happened is without_weights else "damaged or incomplete"
    net, history = fitted(path, 6, 5, 4, 3, 2, 1)
    assert capsys.readouterr().out == f"{ANEW} ({why}).\n"
    assert len(history) == 6 and same(load_file(path), state(net))
    with pytest.raises(ValueError, match="needs save_to"):
        fitted(None, 1, resume=True)


def test_a_weights_file_that_was_exchanged_starts_anew(path, capsys):
    """Weights of before were taken back, say: they are not those that this training found best."""
    helpers.save_weights(Wider(), path, metric="error", value=1.0, epoch=2)
    _, history = fitted(path, 6, 5, 4, 3, 2, 2)
    assert len(history) == 6 and f"{ANEW} (other weights file)." in capsys.readouterr().out
    assert value(path.with_name("net.earlier.safetensors")) == 1


def test_resume_says_otherwise(path, capsys):
    """False starts anew without a word; True goes on with other settings too, and refuses what is damaged."""
    beside = path.with_name("net.checkpoint.safetensors")
    kept = beside.read_bytes()
    _, history = fitted(path, 6, 5, 4, 3, 2, 1, resume=False)
    assert len(history) == 6 and not capsys.readouterr().out
    beside.write_bytes(kept)
    _, history = fitted(path, 6, 5, 4, resume=True, lr=3e-3)
    assert len(history) == 6 and capsys.readouterr().out.startswith("Resumed after 3 epochs")
    beside.write_bytes(kept[:-9])
    with pytest.raises(ValueError, match=r"or training, or damaged. Delete it .* stay in net.safetensors"):
        fitted(path, 6, resume=True)


@pytest.mark.parametrize(
    "other",
    [
        {"metrics": {"error": lambda output, batch: 1.0, "N": lambda output, batch: 1.0}},
        {"metrics": {"N": lambda output, batch: 1.0}},
        {"train_metrics": True},
        {"mode": "max"},
    ],
)
def test_resume_true_refuses_other_metrics_too(path, other):
    """A history has as many numbers of each metric as epochs."""
    with pytest.raises(ValueError, match="the checkpoint of another model or training"):
        fitted(path, resume=True, **other)


@pytest.mark.parametrize("failure", ["nan", "KeyError"])
def test_after_an_error_in_another_kernel_the_mended_call_starts_anew(tmp_path, failure, capsys):
    path = tmp_path / "net.safetensors"
    failing = """
import math
epochs = []
def metric(output, batch):
    epochs.append(1)
    if len(epochs) == 3 and sys.argv[2] == "KeyError":
        raise KeyError("error")
    return 5.0 - len(epochs)
def loss(output, batch):
    return QUIET["loss"](output, batch) * (math.nan if len(epochs) == 2 and sys.argv[2] == "nan" else 1)
fit(Net(), TRAIN, VAL, **CALL | {"loss": loss}, metrics={"error": metric}, save_to=sys.argv[1])
"""
    program = KILLED.partition("values =")[0] + failing
    done = subprocess.run([sys.executable, "-c", program, str(path), failure], capture_output=True, text=True)
    assert done.returncode == 1 and ("FloatingPointError" if failure == "nan" else "KeyError") in done.stderr
    assert list(tmp_path.iterdir()) == [path] and value(path) == 3
    _, history = fitted(path, 6, 5, 4, 3, 2, 1)
    assert history.val["error"] == [6, 5, 4, 3, 2, 1] and not capsys.readouterr().out


def started(path, *values):
    """Start a training that waits in the epoch after these values, and return its process when it has come there."""
    waits = KILLED.replace("killing(values)", "waiting(values)")
    command = [sys.executable, "-c", waits, str(path), "2e-3", *map(str, values)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"waits\n"
    return process


def waiting(values):
    left = iter(values)
    return {"error": lambda output, batch: next(left, None) or print("waits", flush=True) or time.sleep(60)}


def test_a_training_that_still_runs_is_not_taken_for_a_killed_one(tmp_path, fast, monkeypatch, capsys):
    """Two copies of a notebook in one folder: the second starts anew, and the first one's checkpoint stays its own."""
    path, beside = tmp_path / "net.safetensors", tmp_path / "net.checkpoint.safetensors"
    process = started(path, 9, 7)
    try:
        kept = beside.read_bytes()
        _, history = fitted(path, 8, 8, 8, 8, 8, 8)
        assert len(history) == 6 and beside.read_bytes() == kept
        said = capsys.readouterr().out.splitlines()
        assert said[0] == "Training starts anew, without a checkpoint: another one writes net.safetensors now."
        assert value(tmp_path / "net.earlier.safetensors") == 7 and "keeps the better weights" in said[1]
        os.replace(tmp_path / "net.earlier.safetensors", path)
        process.kill()  # and nobody asks for how it ended: a zombie
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        _, history = fitted(path, 8, 8, 8, 8)
        assert len(history) == 6 and capsys.readouterr().out.startswith("Resumed after 2 epochs")
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_has_the_number_of_the_killed_one_is_another(path, monkeypatch, capsys):
    """Its number is this process's, say, after a restart of a container; what is older than a process isn't its own."""
    beside = path.with_name("net.checkpoint.safetensors")
    tensors, notes = read_tensors(beside)
    training = json.loads(notes["training"]) | {"pid": os.getpid()}
    save_file(tensors, beside, {"training": json.dumps(training)})
    os.utime(beside, (0, 0))
    _, history = fitted(path, 6, 5, 4)
    assert len(history) == 6 and capsys.readouterr().out.startswith("Resumed after 3 epochs")


def test_killed_between_the_weights_and_the_checkpoint_it_goes_on(tmp_path, capsys):
    path = tmp_path / "net.safetensors"
    between = """
from helpers.training.checkpoint import Checkpoint
write = checkpoint.save_weights
def killing_write(tensors, path, *other, **notes):
    if str(path).endswith("checkpoint.safetensors") and json.loads(notes["training"])["history"]["loss"][2:]:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(tensors, path, *other, **notes)
checkpoint.save_weights = killing_write
fit("""
    program = KILLED.replace("fit(", between)
    command = [sys.executable, "-c", program, str(path), "2e-3", "9", "8", "7"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert value(path) == 7
    net, history = fitted(path, 7, 8, 6, 9)
    assert history.val["error"] == [9, 8, 7, 8, 6, 9] and "Resumed after 2 epochs" in capsys.readouterr().out
    assert same(load_file(path), state(net)) and value(path) == 6 and list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_no_part_for_ever(path):
    stale, live, other = (
        path.with_name(f".{name}.part")
        for name in ("net.safetensors.abcdefgh", "net.safetensors.12345678", "other.12345678")
    )
    for place, age in ((stale, 300), (live, 1), (other, 300)):
        place.write_bytes(b"half a file")
        os.utime(place, (time.time() - age,) * 2)
    fitted(path, 6, 5, 4)
    assert {place.name for place in path.parent.iterdir()} == {path.name, live.name, other.name}


def test_a_metric_that_changes_the_folder_does_not_move_the_file(tmp_path, fast, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def moving(output, batch):
        os.chdir(tmp_path / "elsewhere")
        return 1.0

    net, _ = fitted("net.safetensors", metrics={"error": moving}, epochs=2)
    assert same(load_file(tmp_path / "net.safetensors"), state(net)) and not list((tmp_path / "elsewhere").iterdir())
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("stopped", [False, True])
def test_a_folder_that_was_deleted_costs_no_history(tmp_path, stopped, capsys):
    folder, values = tmp_path / "folder", [5.0, 4.0, 6.0]
    folder.mkdir()

    def deleting(output, batch):
        shutil.rmtree(folder, ignore_errors=True)
        if stopped and len(values) == 1:
            raise KeyboardInterrupt
        return values.pop(0)

    net, history = fitted(folder / "net.safetensors", metrics={"error": deleting}, epochs=3)
    assert history.val["error"] == [5, 4, 6][: len(history)] and len(history) == 3 - stopped and not net.training
    said = capsys.readouterr().out.splitlines()[-1]
    assert "net.safetensors cannot be written (No such file" in said
    assert said.endswith("The model has its best weights: helpers.save_weights(model, ...) saves them elsewhere.")
    helpers.save_weights(net, tmp_path / "net.safetensors")


def test_without_save_to_no_checkpoint_is_looked_at(path, monkeypatch, capsys):
    monkeypatch.chdir(path.parent)
    _, history = fitted(None, 6, 5, 4, 3, 2, 1)
    assert len(history) == 6 and not capsys.readouterr().out


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, KeyError])
def test_what_was_stopped_or_failed_is_not_taken_up(tmp_path, error, fast, monkeypatch, capsys):
    path, values = tmp_path / "net.safetensors", iter([5.0, 4.0])

    def ends(output, batch):
        for left in values:
            return left
        raise error

    try:
        fitted(path, metrics={"error": ends})
    except (RuntimeError, KeyError):
        pass
    monkeypatch.setattr(checkpoint, "PROCESS", "after a restart")
    assert path.with_name("net.checkpoint.safetensors").is_file() == (error is KeyboardInterrupt)
    assert value(path) == 4
    capsys.readouterr()
    _, history = fitted(path, 6, 5, 4, 3, 2, 1)
    assert len(history) == 6 and not capsys.readouterr().out and list(tmp_path.iterdir()) == [path]


def test_a_second_round_begins_with_the_trained_weights_whatever_was_killed(path, capsys):
    """As in exercise 3: the same model trained further, at another rate and into the same file."""
    net, history = fitted(path, 6, 5, 4)
    trained, seen = state(net), []
    killed(path, 9, 8, lr=3e-3)  # a second round of another kernel
    assert value(path) == 8 and value(path.with_name("net.earlier.safetensors")) == 4
    capsys.readouterr()
    again, _ = fitted(path, 9, 8, 7, 6, 5, 4)
    assert f"{ANEW} (other lr)." in capsys.readouterr().out
    assert list(path.parent.iterdir()) == [path] and value(path) == 4

    def loss(output, batch):
        if not seen:
            seen.append(state(net))
        return QUIET["loss"](output, batch)

    fitted(path, 6, 5, 3, 3, 3, 3, net=net, loss=loss, lr=3e-3)
    weights = [name for name, _ in net.named_parameters()]
    assert all(torch.equal(seen[0][name], trained[name]) for name in weights) and value(path) == 3


# Weights of before


def test_a_second_training_that_is_killed_keeps_the_better_weights_of_the_first(tmp_path, capsys):
    path, earlier = tmp_path / "net.safetensors", tmp_path / "net.earlier.safetensors"
    first, _ = fitted(path, 3, 2, 1, 1, 1, 1)
    killed(path, 6, 5)
    assert value(path) == 5 and value(earlier) == 1
    _, history = fitted(path, 4.0625, 7, 7, 7)
    assert history.best == 4.0625 and value(path) == 4.0625 and value(earlier) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == (
        "net.earlier.safetensors keeps the better weights of an earlier training (error 1, now 4.062). If the network "
        "is the same, rename that file to net.safetensors to take them back."
    )
    os.replace(earlier, path)
    assert same(state(load_weights(Net(), path)), state(first))


@pytest.mark.parametrize(
    ("mode", "before", "kept", "new", "ends_as"),
    [
        ("min", 2, None, 3, 2),
        ("min", 2, None, 2, None),  # as good
        ("min", 2, None, 1, None),
        ("min", 2, 1, 3, 1),  # replaced only by a better one
        ("min", 1, 2, 3, 1),
        ("min", 3, 1, 2, 1),
        ("min", 3, 2, 1, None),
        ("max", 0.5, None, 0.4, 0.5),
        ("max", 0.5, None, 0.6, None),
        ("max", 0.5, 0.7, 0.6, 0.7),
        ("min", 2, None, float("nan"), 2),
    ],
)
@pytest.mark.parametrize("stopped", [False, True])
def test_of_before_stays_what_is_better(tmp_path, mode, before, kept, new, ends_as, stopped, capsys):
    path, earlier = tmp_path / "net.safetensors", tmp_path / "net.earlier.safetensors"
    for place, one in ((path, before), (earlier, kept)):
        if one is not None:
            helpers.save_weights(Net(), place, metric="error", mode=mode, value=one)
    values = iter([new])

    def stops(output, batch):
        for one in values:
            return one
        if stopped:
            raise KeyboardInterrupt
        return new

    net, history = fitted(path, metrics={"error": stops}, mode=mode, epochs=2)
    said = capsys.readouterr().out
    assert history.stopped == ("interrupted" if stopped else "done") and same(load_file(path), state(net))
    assert (value(earlier) if earlier.exists() else None) == ends_as
    assert said.count("keeps the better weights") == (ends_as is not None)
    assert ("epochs" in said) == stopped


def no_value(path):
    helpers.save_weights(Net(), path)


def strange_value(path):
    helpers.save_weights(Net(), path, metric="error", mode="min", value="low")


def other_metric(path):
    helpers.save_weights(Net(), path, metric="mIoU", mode="min", value=0.1)


def other_mode(path):
    helpers.save_weights(Net(), path, metric="error", mode="max", value=0.1)


def unreadable(path):
    path.write_bytes(b"no weights")


@pytest.mark.parametrize("made", [no_value, strange_value, other_metric, other_mode, unreadable])
@pytest.mark.parametrize("place", ["net.safetensors", "net.earlier.safetensors"])
def test_what_cannot_be_compared_neither_stays_nor_stops_a_training(tmp_path, made, place, capsys):
    path = tmp_path / "net.safetensors"
    made(tmp_path / place)
    net, history = fitted(path, 2, 1, epochs=2)
    assert len(history) == 2 and same(load_file(path), state(net)) and not capsys.readouterr().out
    assert {one.name for one in tmp_path.iterdir()} == {"net.safetensors", place}


def test_better_weights_by_another_metric_are_kept_too(tmp_path, capsys):
    path, kept, other = (tmp_path / f"net.{name}safetensors" for name in ("", "earlier.", "2.earlier."))
    fitted(path, 3, epochs=1)
    fitted(path, 5, epochs=1)
    for score in (0.8, 0.7):
        fitted(path, metrics={"P": lambda output, batch, score=score: score}, mode="max", epochs=1)
    assert (value(path), value(kept), value(other)) == (0.7, 3, 0.8)
    assert "net.2.earlier.safetensors keeps the better weights" in capsys.readouterr().out.splitlines()[-1]
    fitted(path, 4, epochs=1)  # the first metric again
    assert (value(path), value(kept), value(other)) == (4, 3, 0.8)
    fitted(path, 2, epochs=1)
    assert value(path) == 2 and not kept.exists() and value(other) == 0.8


def test_weights_of_an_earlier_version_count_too(tmp_path):
    """They note no mode."""
    path = tmp_path / "net.safetensors"
    helpers.save_weights(Net(), path, metric="error", value=1.0)
    fitted(path, 2, 2, epochs=2)
    assert value(tmp_path / "net.earlier.safetensors") == 1


def test_a_full_disk_loses_no_weights_of_before_and_stops_no_training(tmp_path, fast, capsys):
    path, values = tmp_path / "net.safetensors", [9.0, 8.0, 7.0]
    fitted(path, 1, epochs=1)
    before = path.read_bytes()

    def full(output, batch):
        return values.pop(0)

    net = Net()
    with full_disk():
        _, history = fitted(path, metrics={"error": full}, net=net, epochs=3)
    assert history.val["error"] == [9, 8, 7] and path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    said = capsys.readouterr().out.splitlines()
    assert [line.endswith("The training goes on.") for line in said] == [True, True, True, False]
    assert "cannot be written" in said[3] and said[3].endswith("helpers.save_weights(model, ...) saves them elsewhere.")


def test_a_file_that_cannot_be_set_aside_stops_no_training(tmp_path, fast, monkeypatch, capsys):
    """The folder can't be written for a while; at the end it can."""
    path, replace = tmp_path / "net.safetensors", os.replace
    fitted(path, 1, epochs=1)
    refused = iter(range(2))

    def refusing(source, target):
        if str(target).endswith("earlier.safetensors") and next(refused, None) is not None:
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refusing)
    net, history = fitted(path, 9, 8, 7, epochs=3)
    assert len(history) == 3 and capsys.readouterr().out.count("(Permission denied)") == 2
    assert same(load_file(path), state(net)) and value(tmp_path / "net.earlier.safetensors") == 1
