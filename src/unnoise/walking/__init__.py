"""Walking: draws from a density that is known up to a constant, its integral, and whether to believe both."""

from unnoise.walking.drawing import Walk as Walk
from unnoise.walking.drawing import walk as walk
from unnoise.walking.verdict import Verdict as Verdict
