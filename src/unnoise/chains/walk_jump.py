"""Chains at one noise level: walk on the density of noisy data and jump to the data, or spoil and rebuild."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, instance, real, whole
from unnoise._errors import InputError
from unnoise.chains.at_noise import AtNoise, Level
from unnoise.chains.base import ChainSampler, Kernel, Memoryless, OnStep, State, Trace, run
from unnoise.chains.density import Field
from unnoise.chains.underdamped import Moving, Sachs
from unnoise.laws.base import standard_normal
from unnoise.spaces import Finite


@dataclass(frozen=True)
class WalkJump(ChainSampler):
    r"""Neural empirical Bayes (Saremi, Hyvarinen 2019, arXiv 1903.02334): one noise level for all.

    The walk is underdamped Langevin on $q_\sigma$, the law of $Y = X + \sigma N$: easier where $\sigma$ is larger. A
    jump is $E[X | Y = y]$: sharper where $\sigma$ is smaller. Jumps vary less than X: on a Gaussian their variance is
    $\tau^4/(\tau^2 + \sigma^2)$.

    With m > 1 it walks on m measurements at once, in $R^{md}$ (JMS; Saremi, Srivastava 2022, arXiv 2112.09822), along
    $\nabla_{y_i}\log p = \sigma^{-2}[\bar y - y_i + \frac{\sigma^2}m\nabla\log q_{\sigma/\sqrt m}(\bar
    y)]$, and jumps to $E[X | Y_{1:m}]$. The condition number grows with m, as $1 + m\tau^2/\sigma^2$ for a Gaussian.

    Args:
        noisy: the denoiser at level $\sigma/\sqrt m$.
        sigma: the noise of every measurement.
        steps: of every chain.
        delta: step size in units of $\sigma$.
        friction: per step, as `Underdamped`.
        m: how many measurements.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noisy = AtNoise(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> WalkJump(noisy, sigma=0.2, steps=20).sample(3, torch.Generator().manual_seed(0)).abs().round()
    tensor([[1.],
            [1.],
            [1.]])
    """

    noisy: AtNoise
    sigma: float = 0.5
    steps: int = 200
    delta: float = 0.5
    friction: float = 1.0
    m: int = 1

    def __post_init__(self) -> None:
        instance(AtNoise, noisy=self.noisy)
        real(above=0, sigma=self.sigma, delta=self.delta, friction=self.friction)
        whole(least=1, most=MOST_STEPS, steps=self.steps, m=self.m)
        _ = self._level  # checks that the denoiser knows it

    @property
    def kernel(self) -> Kernel[Moving]:
        """The walk on measurements, (n, m, *event), at one score per step."""
        level = self._level  # once for all steps

        def score(y: Tensor) -> Tensor:
            mean = y.mean(1, keepdim=True)
            return (mean - y).div_(self.sigma**2).add_(level.score(mean[:, 0])[:, None], alpha=1 / self.m)

        return Sachs(Field(score), self.delta * self.sigma, self.friction)

    @property
    def reports(self) -> int:
        """One for every step."""
        return self.steps

    @torch.no_grad()
    def jump(self, y: Tensor) -> Tensor:
        """The mean of X given measurements, (n, m, *event)."""
        return self._level.denoise(y.mean(1))

    def walk(
        self, start: Tensor | int, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep = None
    ) -> Trace[Moving]:
        r"""Walk on measurements, (n, m, *event), from $x + \sigma z$ for a guess x, (n, *event); as `run`."""
        instance(torch.Generator, rng=rng)
        x = self.noisy.guess(start)
        y = x[:, None].repeat(1, self.m, *[1] * (x.ndim - 1))
        y.add_(standard_normal(tuple(y.shape), y, rng), alpha=self.sigma)
        return run(self.kernel, y, steps, rng, keep=keep, on_step=on_step)

    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep = None) -> Tensor:
        """The jump after all steps, (n, *event)."""
        return self.jump(self.walk(start, self.steps, rng, on_step=on_step).x)

    @property
    def _level(self) -> Level:
        return self.noisy.at(self.sigma * self.m**-0.5)


@dataclass(frozen=True)
class DiscreteWalkJump(WalkJump):
    r"""Discrete walk-jump sampling (Frey et al. 2023, arXiv 2306.12360): letters in and letters out.

    Sequences are one-hot, (*sites, S), plus $N(0, \sigma^2)$; a jump reads the most probable letter of each site. The
    defaults are the published ones. Two sequences that differ at h sites are one mode only from $\sigma = \sqrt{h/2}$
    on: with less noise, a walk stays among the relatives of its start.

    Args:
        noisy: the denoiser of one-hot sequences, (n, *sites, S).
        space: where sequences live; S is the largest number of letters of a site.

    >>> from unnoise.chains import AtNoise
    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> space, known = Finite(3, 2), torch.tensor([[0, 0, 1], [1, 0, 1]])
    >>> noisy = AtNoise(Exact(edm(Euclidean((3, 2))), space.features(known)))
    >>> DiscreteWalkJump(noisy, space=space).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[0, 0, 1],
            [1, 0, 1]])
    """

    steps: int = 100
    space: Finite = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        instance(Finite, space=self.space)

    def walk(
        self, start: Tensor | int, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep = None
    ) -> Trace[Moving]:
        r"""Walk on noisy one-hot sequences, (n, m, *sites, S), as `run`.

        They start near given sequences, (n, *sites), else from $U(0, 1)^d + N(0, \sigma^2)$.
        """
        if isinstance(start, Tensor):
            self.space.check(start)
            written = self.space.features(start)
        else:
            written = self.noisy.guess(start)  # for its shape
            written = torch.rand(written.shape, generator=rng, device=rng.device).to(written)
        return super().walk(written, steps, rng, keep=keep, on_step=on_step)

    def probabilities(self, y: Tensor) -> Tensor:
        """Of every letter, (n, *sites, S), at points of a walk."""
        found, expected = super().jump(y), (len(y), *self.space.event_shape, self.space.states)
        if found.shape != expected:
            raise InputError(f"the denoiser returned the shape {tuple(found.shape)}; expected {expected}")
        return found

    def jump(self, y: Tensor) -> Tensor:
        """The most probable letters, int64, (n, *sites), at points of a walk, (n, m, *sites, S)."""
        sizes = torch.tensor(self.space.sizes, device=y.device)
        has_letter = torch.arange(self.space.states, device=y.device) < sizes[:, None]  # against (n, *sites, S)
        return torch.where(has_letter, self.probabilities(y), -torch.inf).argmax(-1)


@dataclass(frozen=True)
class AutoencoderChain(Memoryless):
    r"""$y = x + \sigma z$, then $x \leftarrow D(y) + s z'$, D the denoiser and $N(D(y), s^2 I)$ its decoder.

    Where the decoder is $p(x | y)$ this is Gibbs sampling of (x, y) (Bengio, Yao, Alain, Vincent 2013, arXiv
    1305.6663). On $N(0, \tau^2)$, with $a = \tau^2/(\tau^2 + \sigma^2)$, the variance becomes
    $(a^2\sigma^2 + s^2)/(1 - a^2)$, which is $\tau^2$ at $s^2 = a\sigma^2$. **Without decoder noise** it is
    $\tau^4/(2\tau^2 + \sigma^2)$: $D(x + \sigma z)$ is a Langevin step with twice the drift.

    Args:
        sigma: the noise that spoils.
        spread: s, the noise of the decoder: the root of the mean squared error per coordinate of D.
    """

    noisy: AtNoise
    sigma: float
    spread: float

    def __post_init__(self) -> None:
        instance(AtNoise, noisy=self.noisy)
        real(above=0, sigma=self.sigma)
        real(least=0, spread=self.spread)

    @property
    def step_size(self) -> float:  # type: ignore[override]
        """What a diverging chain should make smaller."""
        return self.sigma

    def step(self, state: State, rng: torch.Generator) -> State:
        """Spoil and rebuild."""
        shape = tuple(state.x.shape)
        y = torch.add(state.x, standard_normal(shape, state.x, rng), alpha=self.sigma)
        rebuilt = self.noisy.denoise(y, self.sigma)
        return State(torch.add(rebuilt, standard_normal(shape, y, rng), alpha=self.spread))
