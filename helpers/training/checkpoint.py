"""The best weights of a training, and the state from which an interrupted one goes on."""

import dataclasses
import json
import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.history import History
from helpers.training.schedule import Schedule
from helpers.training.weights import read_tensors, safetensors_path, save_weights

EVERY = 20.0  # seconds between two times of writing, so what a killed training loses at most


def require_place(save_to: str | os.PathLike[str] | None) -> None:
    """Raise before the training, not after it, if `save_to` cannot be written."""
    if save_to is not None:
        path = safetensors_path(save_to)
        save_weights({}, path.with_name(f"{path.stem}.trial.safetensors")).unlink()


class Checkpoint:
    """Keeps the best weights in memory, and every 20 seconds in `save_to`, and beside it what `resume` needs.

    The second file, NAME.checkpoint.safetensors, holds weights, optimizer and history; it goes when the training ends.
    """

    def __init__(
        self, save_to: str | os.PathLike[str] | None, model: nn.Module, optimizer: torch.optim.Optimizer,
        generator: torch.Generator, history: History, schedule: Schedule, scaler: torch.amp.GradScaler,
    ):  # fmt: skip
        self.model, self.optimizer, self.generator = model, optimizer, generator
        self.history, self.schedule, self.scaler = history, schedule, scaler
        self.save_to = Path(save_to) if save_to is not None else None
        self.path = self.save_to and self.save_to.with_name(f"{self.save_to.stem}.checkpoint.safetensors")
        self.best: dict[str, Tensor] | None = None
        self.unsaved: dict[str, object] | None = None  # the notes on `best`, until they are in the file
        self.written = time.perf_counter()

    def epoch_done(self) -> None:
        """Keep the weights if they are the best so far; write all if it is time."""
        if self.history.best_epoch == len(self.history):
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
            best = {"metric": self.history.metric, "value": self.history.best, "epoch": len(self.history)}
            self.unsaved = {**best, "seconds": round(self.schedule.seconds(), 1), "torch": torch.__version__}
        if time.perf_counter() - self.written > EVERY:
            try:
                self.write()
            except OSError as error:  # a full disk, say: the end of the training tries again
                print(f"{error} The training goes on.")
                self.written = time.perf_counter()

    def save_best(self) -> None:
        """Write the best weights into `save_to`, unless it has them."""
        if self.save_to and self.best is not None and self.unsaved:
            save_weights(self.best, self.save_to, **self.unsaved)
            self.unsaved = None

    def restore_best(self) -> None:
        """Put the best weights back into the model, if an epoch was finished, and into the file."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        self.save_best()

    def write(self) -> None:
        """Write the best weights and the state of the training."""
        if self.path is None:
            return
        self.save_best()
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in state.items()}
        tensors["generator"] = self.generator.get_state()
        done = {"step": self.schedule.step, "seconds": self.schedule.seconds(), "begun": self.schedule.begun}
        notes = {"history": dataclasses.asdict(self.history), **done, "scaler": self.scaler.state_dict()}
        save_weights(tensors, self.path, training=json.dumps(notes))
        self.written = time.perf_counter()

    def resume(self) -> str:
        """Load the checkpoint if there is one; return a sentence that says what was done."""
        if self.path is None or self.save_to is None:
            raise ValueError("resume=True needs save_to, the file beside which the checkpoint lies.")
        if not self.path.is_file():
            return f"Nothing to resume ({self.path.name} does not exist): training starts from the beginning."
        tensors, metadata = read_tensors(self.path)
        try:
            notes = json.loads(metadata["training"])
            self.model.load_state_dict(_under("model.", tensors))
            self._load_optimizer(_under("optimizer.", tensors))
            self.generator.set_state(tensors["generator"])
            if notes.get("scaler"):
                self.scaler.load_state_dict(notes["scaler"])
        except (KeyError, RuntimeError, ValueError, json.JSONDecodeError) as error:
            kept = f"the weights that were best so far stay in {self.save_to.name}."
            problem = f"{self.path} is the checkpoint of another model or training"
            raise ValueError(f"{problem}. Delete it and train again; {kept}") from error
        for name, value in notes["history"].items():
            setattr(self.history, name, value)
        self.history.stopped = "done"
        self.schedule.continue_from(notes["step"], notes["seconds"], notes.get("begun", 0.0))
        if len(self.history) and self.save_to.is_file():
            self.best = {name: tensor.clone() for name, tensor in read_tensors(self.save_to)[0].items()}
        return f"Resumed after {len(self.history)} epochs and {notes['seconds']:.0f} s."

    def _load_optimizer(self, flat: dict[str, Tensor]) -> None:
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in flat.items():
            number, key = name.split(".", 1)
            states.setdefault(int(number), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})

    def remove(self) -> None:
        """Delete the checkpoint, once the best weights are written: the training is over."""
        self.save_best()
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
