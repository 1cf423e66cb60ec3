"""Training: the loop, its settings, its state, and checkpoints that survive whatever ends it."""

from unnoise.training.checkpoint import check_form as check_form
from unnoise.training.checkpoint import load as load
from unnoise.training.checkpoint import save as save
from unnoise.training.dataset import Arrays as Arrays
from unnoise.training.dataset import BatchOrder as BatchOrder
from unnoise.training.dataset import Dataset as Dataset
from unnoise.training.dataset import Stream as Stream
from unnoise.training.learning import learn as learn
from unnoise.training.learning import learn_betas as learn_betas
from unnoise.training.loop import Step as Step
from unnoise.training.loop import train as train
from unnoise.training.process_group import ProcessGroup as ProcessGroup
from unnoise.training.questions import Questions as Questions
from unnoise.training.questions import RandomRoles as RandomRoles
from unnoise.training.settings import Settings as Settings
from unnoise.training.state import Average as Average
from unnoise.training.state import TrainState as TrainState
from unnoise.training.state import ending as ending
from unnoise.training.trackers import OnStep as OnStep
from unnoise.training.trackers import measured as measured
from unnoise.training.trackers import tracking as tracking
from unnoise.training.untold import Untold as Untold
from unnoise.training.validation import HeldOut as HeldOut
from unnoise.training.validation import Looks as Looks
from unnoise.training.validation import Validation as Validation
