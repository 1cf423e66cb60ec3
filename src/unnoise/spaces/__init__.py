"""State spaces: where points live, and how one moves a little."""

from unnoise.spaces.base import Diffusion as Diffusion
from unnoise.spaces.base import Jump as Jump
from unnoise.spaces.base import Local as Local
from unnoise.spaces.base import Manifold as Manifold
from unnoise.spaces.base import Space as Space
from unnoise.spaces.euclidean import Euclidean as Euclidean
