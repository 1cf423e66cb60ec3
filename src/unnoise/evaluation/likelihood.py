r"""How likely data are under a denoising Markov model, in nats: what every answer is, and how it is asked for.

Two answers are `Bound`, on every space, and `ProbabilityFlow`, exact where the reverse has a deterministic twin. Both
speak of the same trained denoiser and of two different models; they agree where it is exact.

Densities are with respect to the reference measure of the process's space. Rows are handled in groups, so that
memory does not grow with their number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers import conditions
from unnoise.denoisers.base import Denoiser
from unnoise.processes import Process
from unnoise.samplers.base import batches, default_batch_size

OnRows = Callable[[int], None]


@dataclass(frozen=True)
class Estimate:
    """Log-likelihoods of rows, in nats.

    Attributes:
        log_prob: (n,), the log density or a lower bound on it.
        standard_error: (n,), of the Monte Carlo error of each row; 0 where the answer is deterministic.
        parts: what the log-likelihood is the sum of, each (n,).
        method: how it was computed, in words: with which decoder or dequantisation, where data are whole numbers.
        degrees_of_freedom: of the standard errors; None where they are known.
    """

    log_prob: Tensor
    standard_error: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
    method: str = ""
    degrees_of_freedom: int | None = None

    @property
    def mean(self) -> tuple[float, float]:
        """The mean over rows and the standard error of Monte Carlo alone (not of the choice of rows)."""
        n = len(self.log_prob)
        return float(self.log_prob.mean()), float(self.standard_error.square().sum().sqrt() / n)

    def interval(self, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
        """Where each row's answer without Monte Carlo error lies, (n,) and (n,), by Student's law.

        An error that was itself estimated from few draws is larger than it looks: with 8 probes, 95 % take 2.4 standard
        errors and not 2.

        Raises:
            InputError: a confidence that is not between 0 and 1.
        """
        from scipy import stats

        if not 0 < confidence < 1:
            raise InputError(f"got a confidence of {confidence}; expected a number between 0 and 1, such as 0.95")
        upper = 0.5 * (1 + confidence)
        reach = float(
            stats.norm.ppf(upper) if self.degrees_of_freedom is None else stats.t.ppf(upper, self.degrees_of_freedom)
        )
        return self.log_prob - reach * self.standard_error, self.log_prob + reach * self.standard_error


class Likelihood(ABC):
    """A way to ask a denoiser how likely data are."""

    name: str

    @property
    def description(self) -> str:
        """The name, and what else decides the answer, such as the decoder."""
        return self.name

    @final
    @torch.no_grad()
    def __call__(
        self,
        denoiser: Denoiser,
        x_0: Any,
        rng: torch.Generator,
        cond: Any = None,
        *,
        on_rows: OnRows | None = None,
    ) -> Estimate:
        """The log-likelihood of rows x_0.

        The rows draw from one generator, so the Monte Carlo error of a row is another one for another number of rows
        or another batch size, under the same seed.

        Args:
            denoiser: what is learnt.
            x_0: points of the process's space, (n, *event) or a dict of factors; of no rows, the answer has none.
            rng: where all randomness comes from.
            cond: one row per point, or one row for all.
            on_rows: `on_rows(done)` is told how many rows are done.

        Raises:
            InputError: rows that are no points of the space, or a condition of another number of rows.
        """
        denoiser.process.check(x_0)
        n = _tree.length(x_0)
        cond = conditions.for_rows(cond, n)
        if n == 0:
            return Estimate(torch.zeros(0), torch.zeros(0), method=self.description)
        return self.evaluate(denoiser, x_0, cond, rng, on_rows)

    @abstractmethod
    def evaluate(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows | None
    ) -> Estimate:
        """The answer for rows and conditions that were checked."""

    def is_exact(self, process: Process[Any]) -> bool:
        """Whether answers about a process are free of Monte Carlo error."""
        return False


def in_groups(size: int, x_0: Any, cond: Any, one: Callable[[Any, Any], Estimate], on_rows: OnRows | None) -> Estimate:
    """Evaluate groups of at most `size` rows by `one`, and join what it gives."""
    done = []
    for rows in batches(_tree.length(x_0), size):
        done.append(one(conditions.at(x_0, rows), conditions.at(cond, rows)))
        if on_rows is not None:
            on_rows(rows.stop)
    return Estimate(
        torch.cat([part.log_prob for part in done]),
        torch.cat([part.standard_error for part in done]),
        {name: torch.cat([part.parts[name] for part in done]) for name in done[0].parts},
        done[0].method,
        done[0].degrees_of_freedom,
    )


class Stratified(Likelihood):
    """A bound by Monte Carlo: each row sees `draws` numbers, one in each of as many strata of (0, 1).

    The standard error of a row comes from the differences of neighbouring strata.
    """

    draws: int
    batch_size: int | None

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise InputError(f"got draws={self.draws}; the bound needs an even number of draws per row, at least 2")

    def evaluate(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows | None
    ) -> Estimate:
        """In groups of rows."""
        size = max(1, (self.batch_size or self.at_once(denoiser)) // self.draws)
        return in_groups(size, x_0, cond, lambda x, c: self.group(denoiser, x, c, rng), on_rows)

    @abstractmethod
    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """The bound of a few rows."""

    def at_once(self, denoiser: Denoiser) -> int:
        """Evaluations at once, where nothing else is asked for: half a million numbers."""
        return default_batch_size(denoiser.process.space.event_shape)

    def repeated(self, tree: Any) -> Any:
        """Every row `draws` times in a row, or None."""
        return None if tree is None else _tree.map(lambda leaf: leaf.repeat_interleave(self.draws, 0), tree)

    def strata(self, n: int, rng: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
        """Uniform numbers, one in each stratum of every row, (n * draws,)."""
        offsets = torch.rand(n, self.draws, generator=rng, device=rng.device, dtype=dtype)
        return ((offsets + torch.arange(self.draws, device=rng.device)) / self.draws).flatten()

    def error(self, cost: Tensor) -> Tensor:
        """The standard error of the means of costs (n, draws)."""
        return (cost[:, 0::2] - cost[:, 1::2]).square().sum(1).sqrt() / self.draws
