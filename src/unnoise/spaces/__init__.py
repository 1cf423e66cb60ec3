"""State spaces: where points live, and how one moves a little."""

from unnoise.spaces.base import Affine as Affine
from unnoise.spaces.base import Compact as Compact
from unnoise.spaces.base import Continuum as Continuum
from unnoise.spaces.base import Diffusion as Diffusion
from unnoise.spaces.base import FiniteSites as FiniteSites
from unnoise.spaces.base import Jump as Jump
from unnoise.spaces.base import Local as Local
from unnoise.spaces.base import Manifold as Manifold
from unnoise.spaces.base import Space as Space
from unnoise.spaces.base import continuum as continuum
from unnoise.spaces.counts import Counts as Counts
from unnoise.spaces.euclidean import Euclidean as Euclidean
from unnoise.spaces.finite import Finite as Finite
from unnoise.spaces.lattice import Lattice as Lattice
from unnoise.spaces.products import ProductContinuum as ProductContinuum
from unnoise.spaces.products import ProductManifold as ProductManifold
from unnoise.spaces.products import ProductSpace as ProductSpace
from unnoise.spaces.products import product as product
from unnoise.spaces.rotations import Rotations as Rotations
from unnoise.spaces.simplex import Aitchison as Aitchison
from unnoise.spaces.simplex import Simplex as Simplex
from unnoise.spaces.sites import Sites as Sites
from unnoise.spaces.sphere import Sphere as Sphere
from unnoise.spaces.torus import Torus as Torus
from unnoise.spaces.two_point import TwoPointHomogeneous as TwoPointHomogeneous
