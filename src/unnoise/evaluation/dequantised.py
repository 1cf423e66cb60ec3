r"""The probability of whole numbers from a density: points of their cells, each with a weight.

$$\log P(x) \ge E_q[\log w], \quad \log P(x) \ge E_q\Big[\log\frac1k\sum_{i=1}^k w_i\Big], \quad
w = \frac{p(y)}{q(y | x)}, \; y \sim q(\cdot | x)$$

The second grows with k to the truth (Burda et al. 2016, arXiv 1509.00519; Ho et al. 2019, arXiv 1902.00275).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, flag, instance, whole
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser
from unnoise.evaluation.decoders import Decoder, gaussian
from unnoise.evaluation.likelihood import Estimate, Likelihood, OnRows
from unnoise.objectives.dequantisation import Dequantisation


@dataclass(frozen=True)
class NoiseCells(Dequantisation):
    r"""The noise that the process leaves at t = 0, with a decoder of levels.

    $y \sim N(x, \sigma_0^2/\alpha_0^2)$ with the log weight $\log p(x | \alpha_0 y) - \log q(y | x)$: for models
    trained on the levels themselves.

    Args:
        decoder: such as `SoftmaxDecoder`.
    """

    decoder: Decoder

    def __post_init__(self) -> None:
        instance(Decoder, decoder=self.decoder)

    @property
    def name(self) -> str:  # type: ignore[override]
        """With the decoder."""
        return f"dequantisation by the noise at t = 0, {self.decoder.name}"

    def draw(self, denoiser: Denoiser, x_0: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The state at t = 0, rescaled, and its log weight."""
        process, now = gaussian(denoiser, "NoiseCells"), torch.zeros((), dtype=x_0.dtype, device=x_0.device)
        self.decoder.check(x_0)
        law, alpha = process.marginal(x_0, now), process.alpha_sigma(now)[0]
        z = law.sample(rng)
        log_q = law.log_prob(z) + process.space.dimension * alpha.log()
        return z / alpha, self.decoder.log_prob(denoiser, x_0, z) - log_q


@dataclass(frozen=True)
class DequantisedLikelihood(Likelihood):
    """The log-probability of levels by the density of points of their cells.

    The parts are the density's and `dequantisation`, the log weight; with `weighted` also `gain`, its increase of the
    mean.

    Args:
        density: how likely points are.
        cells: the law of the points.
        draws: points per row.
        weighted: average weights instead of their logarithms, which more draws tighten; the density must have no Monte
            Carlo error.

    >>> from unnoise.evaluation import Bound
    >>> from unnoise.spaces import Lattice
    >>> from unnoise.evaluation import SoftmaxDecoder
    >>> DequantisedLikelihood(Bound(), NoiseCells(SoftmaxDecoder(Lattice(0.0, 1.0, 3))), draws=4).description
    'lower bound, dequantisation by the noise at t = 0, softmax decoder over 3 levels, 4 points per row'
    """

    density: Likelihood
    cells: Dequantisation
    draws: int = 1
    weighted: bool = False
    name: str = "dequantised"

    def __post_init__(self) -> None:
        instance(Likelihood, density=self.density)
        instance(Dequantisation, cells=self.cells)
        flag(weighted=self.weighted)
        whole(least=1 + self.weighted, most=MOST_STEPS, draws=self.draws)
        instance(str, name=self.name)

    @property
    def description(self) -> str:
        """The density, the law of points, and how draws are joined."""
        how = "" if self.draws == 1 else f", {self.draws} points per row" + ", importance-weighted" * self.weighted
        return f"{self.density.description}, {self.cells.name}{how}"

    def evaluate(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows) -> Estimate:
        """One draw of points after the other."""
        found = []
        for _ in range(self.draws):
            points, weight = self.cells.draw(denoiser, x_0, rng)
            density = self.density(denoiser, points, rng, cond, on_rows=on_rows)
            parts = density.parts | {"dequantisation": weight.to(density.log_prob)}
            total = density.log_prob + parts["dequantisation"]
            found.append(Estimate(total, density.standard_error, parts, self.description, density.degrees_of_freedom))
        return found[0] if self.draws == 1 else self._joined(found)

    def _joined(self, found: list[Estimate]) -> Estimate:
        logs = torch.stack([one.log_prob for one in found])
        parts = {name: torch.stack([one.parts[name] for one in found]).mean(0) for name in found[0].parts}
        mean, error = logs.mean(0), logs.std(0) / self.draws**0.5
        if not self.weighted:
            return Estimate(mean, error, parts, self.description, self.draws - 1)
        if any(bool((one.standard_error > 0).any()) for one in found):
            raise InputError(
                f"importance weights need a density without Monte Carlo error, and the {self.density.name} has one: "
                "trace the divergence exactly (ProbabilityFlow(exact_up_to=...)), or leave out `weighted`"
            )
        total = logs.logsumexp(0) - math.log(self.draws)
        weights = torch.exp(logs - total)  # of mean 1
        parts["gain"] = total - mean
        return Estimate(total, weights.std(0) / self.draws**0.5, parts, self.description, self.draws - 1)
