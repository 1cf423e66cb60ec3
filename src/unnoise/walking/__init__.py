"""Walking: draws from a density that is known up to a constant, its integral, and whether to believe both."""

from unnoise.spaces import Simplex as Simplex
from unnoise.walking.adapters import Foreign as Foreign
from unnoise.walking.adapters import from_bridgestan as from_bridgestan
from unnoise.walking.adapters import from_pymc as from_pymc
from unnoise.walking.drawing import Walk as Walk
from unnoise.walking.drawing import walk as walk
from unnoise.walking.keeping import Checkpoint as Checkpoint
from unnoise.walking.parameters import Above as Above
from unnoise.walking.parameters import Below as Below
from unnoise.walking.parameters import Constrained as Constrained
from unnoise.walking.parameters import CorrelationCholesky as CorrelationCholesky
from unnoise.walking.parameters import Interval as Interval
from unnoise.walking.parameters import Ordered as Ordered
from unnoise.walking.parameters import Positive as Positive
from unnoise.walking.parameters import Reals as Reals
from unnoise.walking.record import Annealing as Annealing
from unnoise.walking.record import Record as Record
from unnoise.walking.verdict import Verdict as Verdict
