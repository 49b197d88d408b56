"""The loop, in the order of one epoch: loop, schedule, speed, threads, progress, checkpoint, weights."""

from helpers.history import History
from helpers.training.loop import evaluate, fit, predict, train_one_epoch
from helpers.training.schedule import Schedule

__all__ = ["History", "Schedule", "evaluate", "fit", "predict", "train_one_epoch"]
