"""The generative chain of a denoising autoencoder: spoil, rebuild, and again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains.at_noise import AtNoise
from unnoise.chains.base import Kernel, State, check_positive
from unnoise.laws.base import standard_normal


@dataclass(frozen=True)
class AutoencoderChain(Kernel[State]):
    r"""$y = x + \sigma z$, then $x \leftarrow D(y) + s z'$, D the denoiser and $N(D(y), s^2 I)$ its decoder.

    Where the decoder is $p(x | y)$ this is Gibbs sampling of (x, y), and leaves the law of the data as it is (Bengio,
    Yao, Alain, Vincent 2013, arXiv 1305.6663). On $N(0, \tau^2)$, with $a = \tau^2/(\tau^2 + \sigma^2)$, the variance
    becomes $(a^2\sigma^2 + s^2)/(1 - a^2)$, which is $\tau^2$ at $s^2 = a\sigma^2$. **Without decoder noise** it is
    $\tau^4/(2\tau^2 + \sigma^2)$, about half of it: $D(x + \sigma z)$ is a Langevin step with twice the drift.

    Args:
        noisy: the denoiser.
        sigma: the level of the noise that spoils.
        spread: s, the noise of the decoder: the root of the mean squared error per coordinate of D.

    Raises:
        InputError: a level that is not positive, or a negative spread.

    >>> from unnoise.chains import run
    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noisy = AtNoise(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> chain = AutoencoderChain(noisy, sigma=2.0, spread=0.0)
    >>> bool(run(chain, torch.zeros(50, 1), 10, torch.Generator().manual_seed(0)).x.abs().max() <= 1)
    True
    """

    noisy: AtNoise
    sigma: float
    spread: float
    step_size: float = field(init=False, repr=False)  # what a diverging chain is told to make smaller

    def __post_init__(self) -> None:
        check_positive(sigma=self.sigma)
        if not 0 <= self.spread < math.inf:
            raise InputError(f"got spread = {self.spread}; expected a number that is not negative")
        object.__setattr__(self, "step_size", self.sigma)

    def start(self, x: Tensor, rng: torch.Generator) -> State:
        """Nothing but the positions."""
        return State(x)

    def step(self, state: State, rng: torch.Generator) -> State:
        """Spoil and rebuild."""
        shape = tuple(state.x.shape)
        y = torch.add(state.x, standard_normal(shape, state.x, rng), alpha=self.sigma)
        rebuilt = self.noisy.denoise(y, self.sigma)
        return State(torch.add(rebuilt, standard_normal(shape, y, rng), alpha=self.spread))
