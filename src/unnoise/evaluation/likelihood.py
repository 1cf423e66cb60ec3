r"""How likely data are under a denoising Markov model, in nats with respect to the reference measure of its space.

`Bound`, on every space, and `ProbabilityFlow` speak of two models, which agree where the denoiser is exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, instance, refuse, whole
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import conditions
from unnoise.denoisers.base import Denoiser, check_denoiser
from unnoise.denoisers.conditions import repeated
from unnoise.processes import Process
from unnoise.samplers.base import batches, default_batch_size

OnRows = Callable[[int], None] | None


@dataclass(frozen=True)
class Estimate:
    """Log-likelihoods of rows, in nats.

    Attributes:
        log_prob: (n,), the log density or a lower bound on it.
        standard_error: (n,), of each row's Monte Carlo error; 0 if deterministic.
        parts: its summands, each (n,).
        method: how it was computed, in words.
        degrees_of_freedom: of the standard errors; None where they are known.

    >>> Estimate(torch.tensor([-1.0, -3.0]), torch.tensor([0.3, 0.4])).mean
    (-2.0, 0.25)
    """

    log_prob: Tensor
    standard_error: Tensor
    parts: dict[str, Tensor] = field(default_factory=dict)
    method: str = ""
    degrees_of_freedom: int | None = None

    @property
    def mean(self) -> tuple[float, float]:
        """The mean over rows and its standard error of Monte Carlo alone."""
        n = len(self.log_prob)
        return float(self.log_prob.mean()), float(self.standard_error.square().sum().sqrt() / n)

    def interval(self, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
        """Student's interval for each row's answer without Monte Carlo error, (n,) and (n,)."""
        from scipy import stats

        if not 0 < confidence < 1:
            raise InputError(f"got a confidence of {confidence}; expected a number between 0 and 1, such as 0.95")
        law = stats.norm if self.degrees_of_freedom is None else stats.t(self.degrees_of_freedom)
        reach = float(law.ppf(0.5 * (1 + confidence))) * self.standard_error
        return self.log_prob - reach, self.log_prob + reach


class Likelihood(ABC):
    """A way to ask a denoiser how likely data are: `likelihood(denoiser, x_0, rng)` gives an `Estimate`, in nats.

    `ProbabilityFlow` is exact up to its solver, `Bound`, `StepBound`, `ImportanceWeighted` are bounds. One of your own
    states `name` and `evaluate`.

    >>> from unnoise import denoisers, evaluation, processes, spaces
    >>> points = torch.tensor([[0.0], [1.0]])
    >>> exact = denoisers.Exact(processes.edm(spaces.Euclidean(1), sigma_min=0.1), points)
    >>> found = evaluation.ProbabilityFlow()(exact, points, torch.Generator().manual_seed(0))
    >>> [f"{value:.2f}" for value in found.log_prob]  # of half of N(0, .01), at its centre
    ['0.69', '0.69']
    """

    name: str

    @property
    def description(self) -> str:
        """The name and what else decides the answer, such as the decoder."""
        return self.name

    @final
    @torch.inference_mode(False)  # derivatives there would be zero in silence
    @torch.no_grad()
    def __call__(
        self, denoiser: Denoiser, x_0: Any, rng: torch.Generator, cond: Any = None, *, on_rows: OnRows = None
    ) -> Estimate:
        """The log-likelihood of rows x_0.

        Under one seed a row's Monte Carlo error depends on the number of rows and the batch size.

        Args:
            denoiser: what is learnt.
            x_0: points of the process's space, (n, *event) or a dict of factors; n may be 0.
            rng: of all randomness.
            cond: one row per point, or one for all.
            on_rows: called with the number of rows done.

        Raises:
            InputError: rows off the space, or a condition of another number of rows.
            NonFiniteError: the model has no answer for a row, as when its weights are not finite.
        """
        check_denoiser(denoiser=denoiser)
        instance(torch.Generator, rng=rng)
        denoiser.process.check(x_0)
        n = _tree.length(x_0)
        cond = conditions.for_rows(cond, n)
        if n == 0:
            return Estimate(torch.zeros(0), torch.zeros(0), method=self.description)
        return _answered(self.evaluate(denoiser, x_0, cond, rng, on_rows))

    @abstractmethod
    def evaluate(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows) -> Estimate:
        """The answer for checked rows and conditions."""

    def is_exact(self, process: Process[Any]) -> bool:
        """Whether answers have no Monte Carlo error."""
        return False


class Grouped(Likelihood):
    """A likelihood of groups of rows, so that memory does not grow with their number.

    One of your own states `rows_at_once`, how many rows make a group, and `group`, the answer for one.
    """

    @abstractmethod
    def rows_at_once(self, denoiser: Denoiser) -> int:
        """The most rows of a group."""

    @abstractmethod
    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """The answer for one group."""

    def evaluate(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows) -> Estimate:
        """Group after group."""
        done = []
        for rows in batches(_tree.length(x_0), self.rows_at_once(denoiser)):
            done.append(self.group(denoiser, conditions.at(x_0, rows), conditions.at(cond, rows), rng))
            if on_rows is not None:
                on_rows(rows.stop)
        return Estimate(
            torch.cat([part.log_prob for part in done]),
            torch.cat([part.standard_error for part in done]),
            {name: torch.cat([part.parts[name] for part in done]) for name in done[0].parts},
            done[0].method,
            done[0].degrees_of_freedom,
        )


class Stratified(Grouped):
    """A bound by Monte Carlo: each row sees `draws` numbers, one in each of as many strata of (0, 1).

    The standard error comes from differences of neighbouring strata.

    Args:
        draws: an even number, at least 2, else InputError.
        batch_size: evaluations of the network at once; None takes what memory allows.
    """

    draws: int
    batch_size: int | None

    def __post_init__(self) -> None:
        whole(least=2, most=MOST_STEPS, draws=self.draws)
        if self.draws % 2:
            refuse("draws", self.draws, "an even number, as every row is judged by pairs")
        whole(least=1, or_none=True, batch_size=self.batch_size)
        instance(str, name=self.name)

    def rows_at_once(self, denoiser: Denoiser) -> int:
        """As many as make `batch_size` evaluations."""
        return max(1, (self.batch_size or self.at_once(denoiser)) // self.draws)

    def at_once(self, denoiser: Denoiser) -> int:
        """By default half a million numbers."""
        return default_batch_size(denoiser.process.space.event_shape)

    def repeated(self, tree: Any) -> Any:
        """Every row `draws` times in a row, or None."""
        return repeated(tree, self.draws)

    def strata(self, n: int, rng: torch.Generator, dtype: torch.dtype | None = None) -> Tensor:
        """Uniform numbers, one per stratum of every row, (n * draws,)."""
        offsets = torch.rand(n, self.draws, generator=rng, device=rng.device, dtype=dtype)
        return ((offsets + torch.arange(self.draws, device=rng.device)) / self.draws).flatten()

    def estimate(self, costs: dict[str, Tensor]) -> Estimate:
        """The bound from the parts of its cost, (n * draws,) or (n, draws)."""
        parts = {name: part.reshape(-1, self.draws) for name, part in costs.items()}
        cost = torch.stack(list(parts.values())).sum(0)
        means = {name: -part.mean(1) for name, part in parts.items()}
        return Estimate(-cost.mean(1), self.error(cost), means, self.description, self.pairs)

    @property
    def pairs(self) -> int:
        """Of neighbouring strata, which are the degrees of freedom of the standard error."""
        return self.draws // 2

    def error(self, cost: Tensor) -> Tensor:
        """The standard error of the means of costs (n, draws)."""
        return (cost[:, 0::2] - cost[:, 1::2]).square().sum(1).sqrt() / self.draws


def _answered(found: Estimate) -> Estimate:
    """A density may be 0, and its logarithm -inf; it is never NaN or infinite."""
    bad = found.log_prob.isnan() | found.log_prob.isposinf()
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise NonFiniteError(
            f"the log-likelihood of row {row} is {float(found.log_prob[row])} ({int(bad.sum())} of {len(bad)} rows); "
            "the weights of the model may hold what is not finite, or the row lies where it was never trained"
        )
    return found
