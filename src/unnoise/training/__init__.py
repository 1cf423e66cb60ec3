"""Training: the loop, its settings, its state, and checkpoints that survive whatever ends it."""

from unnoise.training.checkpoint import load, save
from unnoise.training.dataset import Arrays, BatchOrder, Dataset, Stream
from unnoise.training.learning import learn, learn_betas
from unnoise.training.loop import Step, train
from unnoise.training.process_group import ProcessGroup
from unnoise.training.settings import Settings
from unnoise.training.state import Average, TrainState

__all__ = [
    "Arrays",
    "Average",
    "BatchOrder",
    "Dataset",
    "ProcessGroup",
    "Settings",
    "Step",
    "Stream",
    "TrainState",
    "learn",
    "learn_betas",
    "load",
    "save",
    "train",
]
