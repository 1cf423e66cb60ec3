"""Heads: what a network sees of a state, and what its output stands for."""

from unnoise.heads.base import Head as Head
from unnoise.heads.base import ProcessHead as ProcessHead
from unnoise.heads.counts import CountHead as CountHead
from unnoise.heads.finite import Indices as Indices
from unnoise.heads.finite import Logistic as Logistic
from unnoise.heads.finite import Posterior as Posterior
from unnoise.heads.finite import RatioHead as RatioHead
from unnoise.heads.finite import Softmax as Softmax
from unnoise.heads.fourier import Fourier as Fourier
from unnoise.heads.gaussian import X0 as X0
from unnoise.heads.gaussian import Eps as Eps
from unnoise.heads.gaussian import GaussianHead as GaussianHead
from unnoise.heads.gaussian import Preconditioned as Preconditioned
from unnoise.heads.gaussian import Score as Score
from unnoise.heads.gaussian import V as V
from unnoise.heads.gaussian import Velocity as Velocity
from unnoise.heads.hidden import Hidden as Hidden
from unnoise.heads.lattice import LatticeHead as LatticeHead
from unnoise.heads.letters import Letters as Letters
from unnoise.heads.manifolds import ScoreHead as ScoreHead
from unnoise.heads.manifolds import Tangent as Tangent
from unnoise.heads.product import JointHead as JointHead
from unnoise.heads.product import joint as joint
from unnoise.heads.simplex import SimplexHead as SimplexHead
from unnoise.heads.told import Told as Told
from unnoise.heads.told import told as told
