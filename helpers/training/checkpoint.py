"""The best weights of a training, and the state from which an interrupted one goes on."""

import contextlib
import dataclasses
import json
import os
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.history import History
from helpers.training.schedule import Schedule
from helpers.training.weights import read_tensors, safetensors_path, save_weights

EVERY = 20.0  # seconds between two times of writing, so what a killed training loses at most
PROCESS = [platform.node(), os.urandom(8).hex()]  # tells this process from another, whose training was cut off


def require_place(save_to: str | os.PathLike[str] | None) -> None:
    """Raise before the training, not after it, if `save_to` cannot be written."""
    if save_to is not None:
        path = safetensors_path(save_to)
        save_weights({}, path.with_name(f"{path.stem}.trial.safetensors")).unlink(missing_ok=True)


def _runs(pid: int, since: float) -> bool:
    """Return whether process `pid` runs, and did so at that time: later ones may get the number of one that ended."""
    import psutil

    with contextlib.suppress(psutil.Error):  # of one that has ended
        process = psutil.Process(pid)
        return bool(process.create_time() < since and process.status() != psutil.STATUS_ZOMBIE)
    return False


class Checkpoint:
    """Keeps the best weights in memory, and every 20 seconds in `save_to`, and beside it what `resume` needs.

    NAME.checkpoint.safetensors holds weights, optimizer and history; it goes when the training ends, by an error too.
    NAME.earlier.safetensors (.2.earlier, by another metric) holds what an earlier one left, as long as that is better.
    """

    def __init__(
        self, save_to: str | os.PathLike[str] | None, model: nn.Module, optimizer: torch.optim.Optimizer,
        generator: torch.Generator, history: History, schedule: Schedule, scaler: torch.amp.GradScaler,
        settings: dict[str, object],
    ):  # fmt: skip
        self.model, self.optimizer, self.generator = model, optimizer, generator
        self.history, self.schedule, self.scaler = history, schedule, scaler
        self.used = self.resumable = save_to is not None  # the latter but where another training has its checkpoint
        self.save_to = Path(save_to or os.devnull).absolute()
        place, self.run = self.save_to.with_suffix(""), os.urandom(8).hex()
        self.own, self.path = {"metric": history.metric, "mode": history.mode}, Path(f"{place}.checkpoint.safetensors")
        names = [Path(f"{place}{number}.earlier.safetensors") for number in ("", *(f".{n}" for n in range(2, 100)))]
        self.earlier = next(name for name in names if not name.exists() or self._value(name) is not None)
        network = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        self.settings = {name: str(value) for name, value in {"network": network, **self.own, **settings}.items()}
        self.best: dict[str, Tensor] | None = None
        self.unsaved: dict[str, object] | None = None  # the notes on `best`, until they are in the file
        self.written = time.perf_counter()

    def epoch_done(self) -> None:
        """Keep the weights if they are the best so far; write all if it is time."""
        if self.history.best_epoch == len(self.history):
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
            best = {"value": self.history.best, "epoch": len(self.history), "run": self.run, **self.own}
            self.unsaved = {**best, "seconds": round(self.schedule.seconds(), 1), "torch": torch.__version__}
        if time.perf_counter() - self.written > EVERY:
            try:
                self.write()
            except OSError as error:  # a full disk, say: the end of the training tries again
                print(f"{error} The training goes on.")

    def save_best(self) -> None:
        """Write the best weights into `save_to`, unless it has them; better ones that it had are set aside."""
        if self.used and self.best is not None and self.unsaved:
            rank = self.history.rank
            better = rank(self._value(self.save_to)) < min(rank(self.history.best), rank(self._value(self.earlier)))
            save_weights(self.best, self.save_to, self.earlier if better else None, **self.unsaved)
            self.unsaved = None

    def _value(self, path: Path) -> float | None:
        """Return the value noted in a file of weights, if it is one of this metric and mode."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            notes = read_tensors(path)[1]
            return float(notes["value"]) if all(notes.get(key, own) == own for key, own in self.own.items()) else None
        return None

    def restore_best(self) -> str:
        """Put the best weights into model and file, and tidy up; return what to say of the files."""
        try:
            if self.history.stopped == "interrupted":
                self.write()
            elif self.resumable:
                self.path.unlink(missing_ok=True)
            self.save_best()
        except OSError as error:
            return f"{error} The model has its best weights: helpers.save_weights(model, ...) saves them elsewhere."
        finally:
            if self.best is not None:
                self.model.load_state_dict(self.best)
        value, best = self._value(self.earlier), self.history.best
        if value is not None and best is not None:
            if self.history.rank(value) < self.history.rank(best):
                numbers = f"{self.history.metric} {value:.4g}, now {best:.4g}"
                take = f"If the network is the same, rename that file to {self.save_to.name} to take them back"
                return f"{self.earlier.name} keeps the better weights of an earlier training ({numbers}). {take}."
            with contextlib.suppress(OSError):
                self.earlier.unlink()
        return ""

    def write(self) -> None:
        """Write the best weights and the state of the training."""
        self.written = time.perf_counter()
        self.save_best()
        if not self.resumable:
            return
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
        tensors["generator"] = self.generator.get_state()
        done = {"step": self.schedule.step, "seconds": self.schedule.seconds(), "begun": self.schedule.begun}
        whose = {"settings": self.settings, "run": self.run, "process": PROCESS, "pid": os.getpid()}
        notes = {"history": dataclasses.asdict(self.history), "scaler": self.scaler.state_dict(), **done, **whose}
        save_weights(tensors, self.path, training=json.dumps(notes))

    def resume(self, asked: bool | None = True) -> str:
        """Load the checkpoint if `asked`, or with None if it is of this call in a killed kernel; return what to say."""
        if asked and not self.used:
            raise ValueError("resume=True needs save_to, the file beside which the checkpoint lies.")
        if asked is False or not self.path.is_file():
            none = f"Nothing to resume ({self.path.name} does not exist): training starts from the beginning."
            return none if asked else ""
        other = []
        try:
            tensors, metadata = read_tensors(self.path)
            best, noted = read_tensors(self.save_to) if self.save_to.is_file() else ({}, {})
            notes = json.loads(metadata["training"])
            before = History(**notes["history"])
            if not asked:
                if notes["process"] == PROCESS or before.stopped != "done":
                    return ""
                if notes["process"][0] == platform.node() and _runs(notes["pid"], since=self.path.stat().st_mtime):
                    self.resumable = False
                    return f"Training starts anew, without a checkpoint: another one writes {self.save_to.name} now."
                whole = noted.get("run") == notes["run"] and int(noted["epoch"]) >= (before.best_epoch or 0)
                other = [] if whole else ["weights file"]  # newer where a kill or a full disk came between the two
            must = ("metrics", "train_metrics", "mode") if asked else self.settings
            other += [name for name in must if notes["settings"].get(name) != self.settings.get(name)]
            if other:
                raise ValueError(other)
            states: dict[int, dict[str, Tensor]] = {}
            for kind, number, key in (name.split(".") for name in tensors if name.startswith("optimizer.")):
                states.setdefault(int(number), {})[key] = tensors[f"{kind}.{number}.{key}"]
            self.model.load_state_dict({name[6:]: tensors[name] for name in tensors if name.startswith("model.")})
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": states})
            self.generator.set_state(tensors["generator"])
            self.scaler.load_state_dict(notes.get("scaler") or self.scaler.state_dict())
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            why = f"other {', '.join(other[:3])}" if other else "damaged or incomplete"
            if not asked:
                return f"Training starts anew: {self.path.name}, of a killed kernel, does not fit ({why})."
            do = f"Delete it and train again; the weights that were best so far stay in {self.save_to.name}."
            raise ValueError(f"{self.path} is the checkpoint of another model or training, or damaged. {do}") from error
        vars(self.history).update(notes["history"], stopped="done")
        self.run = notes["run"]
        self.schedule.continue_from(notes["step"], notes["seconds"], notes.get("begun", 0.0))
        self.best = {name: tensor.clone() for name, tensor in best.items()} if len(self.history) and best else None
        how = "" if asked else ", where its kernel was killed; resume=False starts anew"
        return f"Resumed after {len(self.history)} epochs and {notes['seconds']:.0f} s{how}."
