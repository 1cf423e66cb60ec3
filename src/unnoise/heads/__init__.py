"""Heads: what a network sees of a state, and what its output stands for."""

from unnoise.heads.base import Head as Head
from unnoise.heads.finite import Logistic as Logistic
from unnoise.heads.finite import Posterior as Posterior
from unnoise.heads.finite import Softmax as Softmax
from unnoise.heads.gaussian import X0 as X0
from unnoise.heads.gaussian import Eps as Eps
from unnoise.heads.gaussian import GaussianHead as GaussianHead
from unnoise.heads.gaussian import Preconditioned as Preconditioned
from unnoise.heads.gaussian import Score as Score
from unnoise.heads.gaussian import V as V
from unnoise.heads.generated import RatioHead as RatioHead
from unnoise.heads.generated import ScoreHead as ScoreHead
from unnoise.heads.letters import Letters as Letters
from unnoise.heads.tangent import Tangent as Tangent
