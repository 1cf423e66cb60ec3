"""Training: the loop, its settings, its state, and checkpoints that survive whatever ends it."""

from unnoise.training.average import Average
from unnoise.training.betas import learn_betas
from unnoise.training.checkpoint import load, save
from unnoise.training.loop import Step, train
from unnoise.training.settings import Settings
from unnoise.training.source import Order, Source
from unnoise.training.state import TrainState
from unnoise.training.team import Team

__all__ = [
    "Average",
    "Order",
    "Settings",
    "Source",
    "Step",
    "Team",
    "TrainState",
    "learn_betas",
    "load",
    "save",
    "train",
]
