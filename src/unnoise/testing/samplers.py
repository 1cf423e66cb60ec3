r"""The properties of a sampler: with the exact denoiser it makes the data, and on the way the noised data.

With `denoisers.Exact` all error is the sampler's: chance, and the bias of a finite step h. Bias is judged after
Richardson's extrapolation, $(4^p m_{h/4} - m_h)/(4^p - 1)$ for weak order p, which leaves $O(h^{p+1})$. The order
itself is judged by $m_{h/2} - m_{h/4} \approx 2^{-p}(m_h - m_{h/2})$, from the same starts.

**Power.** With the default draws a bias of about 0.06 in the mean of a wave is seen. The order of a deterministic
sampler is seen to a tenth; that of a random one only where its bias exceeds chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, function, instance, real, whole
from unnoise._errors import NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.processes import HasKernel
from unnoise.samplers import Sampler
from unnoise.testing.case import Case, at, rows
from unnoise.testing.findings import Finding, Findings, conclude, exact, judged, probable, reproducible, stated_in
from unnoise.testing.processes import case_of
from unnoise.testing.statistics import excess_p_value, mean_is_zero, standard_errors
from unnoise.testing.waves import waves

ASTRAY = 0.01  # share of samples that are no atom
UNBIASED = 0.02  # bias after extrapolation that is forgiven
HIGHEST_ORDER = 16  # beyond which no bias is left to see
SLACK = 0.4  # of the order
REACHED = 0.01  # of the least distance between atoms

Make = Callable[[Denoiser, int], Sampler]


@dataclass(frozen=True)
class Run:
    """Many runs of one sampler: samples, and states at a time half way."""

    t: Tensor
    half_way: Any
    samples: Any


@dataclass(frozen=True)
class SamplerCase(Case):
    """A way to make samplers of the exact denoiser of weighted atoms.

    Attributes:
        make: (denoiser, steps) -> sampler.
        steps: moves of the coarsest run; finer ones have 2 and 4 times as many.
        order: of weak convergence.
    """

    make: Make
    steps: int
    order: float

    def sampler(self, denoiser: Denoiser | None = None, moves: int | None = None) -> Sampler:
        """A sampler of so many moves, which are one less than its steps."""
        return self.make(self.exact() if denoiser is None else denoiser, (self.steps if moves is None else moves) + 1)

    @cached_property
    def runs(self) -> tuple[Run, Run, Run]:
        """Runs with steps h, h/2 and h/4 from the same seed."""
        return self._run(1), self._run(2), self._run(4)

    def _run(self, finer: int) -> Run:
        times, half_way = self.sampler().grid(self.process, self.steps + 1), self.times[len(self.times) // 2]
        stop, seen = finer * (1 + int((times[1:-1] - half_way).abs().argmin())), []

        def on_step(index: int, t: float, state: Any) -> None:
            if index + 1 == stop:
                seen.append((t, state))

        sampler = self.sampler(moves=self.steps * finer)
        samples = sampler.sample(self.draws, self.rng("walk"), on_step=on_step)
        return Run(at(seen[0][0]), _tree.concatenate([state for _, state in seen]), samples)

    def which(self, samples: Any) -> Tensor:
        """The atom of each sample, one-hot, (n, k); zeros for those astray."""
        atoms = self.flat(self.atoms)
        distances = torch.cdist(self.flat(samples), atoms)
        nearest = torch.nn.functional.one_hot(distances.argmin(1), len(self.weights)).double()
        return nearest * (distances <= REACHED * torch.pdist(atoms).min())


class Oracle(Denoiser):
    """Knows the answer: the condition is the number of the atom."""

    process: HasKernel[Any]
    like: Tensor

    def __init__(self, process: HasKernel[Any], atoms: Any) -> None:
        super().__init__()
        self.process, self.atoms = process, atoms
        self.register_buffer("like", torch.zeros((), dtype=torch.float64))

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The statistic of the atom; of the first one without a condition."""
        wanted = torch.zeros(_tree.length(x_t), 1) if cond is None else cond
        return self.process.target(rows(self.atoms, wanted[:, 0].long()), x_t, t)


class Failing(Oracle):
    """Breaks down half way."""

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """NaN for t below 1/2."""
        return _tree.map(lambda leaf: leaf * torch.nan if t.min() < 0.5 else leaf, super().forward(x_t, t, cond))


def check_sampler(
    make: Make,
    process: HasKernel[Any],
    atoms: Any,
    weights: Tensor | None = None,
    *,
    order: float = 1.0,
    steps: int = 32,
    draws: int = 8000,
    seed: int = 0,
    raises: bool = True,
) -> Findings:
    """Check what a sampler promises, on one process on a small instance of its space.

    `make` is (denoiser, steps) -> sampler, such as `samplers.Euler`; its weak order is 1 for Euler, DDPM and DDIM, 2
    for Heun. The atoms are 3 or more, (k, *event), their weights, (k,), by default in proportion to 1, 2, ..., k. The
    coarsest run takes `steps` moves, finer ones 2 and 4 times as many.

    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.samplers import DDIM
    >>> from unnoise.spaces import Euclidean
    >>> atoms = torch.tensor([[1.0, 0.5], [-1.0, 0.0], [0.3, -1.2]])
    >>> print(check_sampler(DDIM, variance_preserving(Euclidean(2)), atoms, draws=1000))
    DDIM on Gaussian(...): 8 of 8 properties kept
    ...
    """
    function(or_class=True, make=make)
    instance(HasKernel, process=process)
    real(above=0, most=HIGHEST_ORDER, order=order)
    whole(least=2, most=MOST_STEPS, steps=steps)
    base = case_of(process, atoms, weights, draws=draws, seed=seed)
    case = SamplerCase(**vars(base), make=make, steps=steps, order=order)
    subject = f"{type(case.sampler()).__name__} on {process}"
    return conclude(subject, judged(PROPERTIES, case), raises=raises)


def grid_leads_from_noise_to_data(case: SamplerCase) -> Finding:
    """As many times as steps, from 1 down to 0; every move is seen, the last one at t = 0."""
    seen: list[float] = []
    sampler = case.sampler()
    sampler.sample(2, case.rng("grid"), on_step=lambda index, t, state: seen.append(t))
    times = sampler.grid(case.process, case.steps + 1)
    falls = bool((times.diff() < 0).all()) and float(times[0]) == 1 and float(times[-1]) == 0
    detail = f"{len(times)} times from {float(times[0]):.3g} to {float(times[-1]):.3g}; {len(seen)} moves seen"
    return Finding("the grid leads from noise to data", falls and seen == times[1:].tolist(), detail=detail)


def samples_are_atoms(case: SamplerCase) -> Finding:
    """The share of samples that are no atom, extrapolated to small steps, is at most 1 % beyond chance."""
    astray = [1 - case.which(run.samples).sum(1) for run in case.runs]
    shares = ", ".join(f"{float(share.mean()):.3g}" for share in astray)
    detail = f"{shares} are no atom, at steps h, h/2, h/4"
    return probable("samples are atoms", excess_p_value(_extrapolated(astray, case.order), ASTRAY), detail)


def atoms_come_by_their_weights(case: SamplerCase) -> Finding:
    """Atoms are drawn with the frequencies of their weights, up to chance and a stated bias."""
    frequencies = [case.which(run.samples) for run in case.runs]
    return _unbiased("atoms come by their weights", _extrapolated(frequencies, case.order) - case.weights)


def half_way_is_the_noised_law(case: SamplerCase) -> Finding:
    r"""Half way the states have the law $q_t = \sum_i w_i q_{t|0}(\cdot|a_i)$, seen by waves."""
    claim = "half way the states follow the noised law"
    truths = [case.noised(run.t).sample(case.rng(claim), (case.draws,)) for run in case.runs]
    test = waves(case.process.space.features, truths[0], 12, case.rng("test functions"))
    gaps = [test(run.half_way) - test(truth) for run, truth in zip(case.runs, truths, strict=True)]
    return _unbiased(claim, _extrapolated(gaps, case.order))


def bias_falls_with_the_step(case: SamplerCase) -> Finding:
    r"""$\Delta_{h/2} \le 2^{-(p - 0.4)}\Delta_h$ beyond chance, $\Delta_h = E f(x^{h}) - E f(x^{h/2})$, p the order.

    x is the state half way, and f the combination of waves that changes most from h to h/2.
    """
    claim = f"bias falls with the step to the power {case.order:g}"
    example = case.noised(case.runs[0].t).sample(case.rng(claim), (case.draws,))
    test = waves(case.process.space.features, example, 12, case.rng("test functions"))
    h, half, quarter = (test(run.half_way) for run in case.runs)
    direction = (h - half).mean(0)
    first, second = (h - half) @ direction, (half - quarter) @ direction
    excess = second - 2.0 ** -(case.order - SLACK) * first
    p_value = float(torch.special.ndtr(-standard_errors(excess[:, None])[0]).nan_to_num(0.0))
    clear = standard_errors(first[:, None])[0] > 10 and float(second.mean()) > 0
    detail = f"order seen: {float(torch.log2(first.mean() / second.mean())):.2f}" if clear else "order not seen: chance"
    return probable(claim, p_value, detail)


def seeds_reproduce(case: SamplerCase) -> Finding:
    """One seed gives one sample, two seeds two, and the global generator is not touched."""
    return reproducible("a seed decides the samples", lambda rng: case.flat(case.sampler().sample(16, rng)))


def conditions_reach_the_denoiser(case: SamplerCase) -> Finding:
    """A denoiser that knows which atom is asked for makes that atom, row by row, in groups of any size."""
    wanted = torch.arange(50) % len(case.weights)
    sampler = case.sampler(Oracle(case.process, case.atoms))
    samples = sampler.sample(50, case.rng("conditions"), wanted[:, None].double(), batch_size=7)
    right = (case.which(samples).argmax(1) == wanted).double()
    return exact("conditions reach the denoiser", {"share of right atoms": (right.mean(), torch.ones(()))}, ASTRAY)


def not_a_number_stops_the_run(case: SamplerCase) -> Finding:
    """NonFiniteError names the step, the time and the leaf, where states are real numbers."""
    claim = "a sampler stops at what is not a number"
    if not all(leaf.is_floating_point() for _, leaf in _tree.leaves(case.atoms)):
        return Finding(claim, None, detail="states are no real numbers")
    try:
        case.sampler(Failing(case.process, case.atoms)).sample(4, case.rng(claim))
    except NonFiniteError as error:
        names = (repr(name) if name else "the state" for name, _ in _tree.leaves(case.atoms))
        leaf = any(name in str(error) for name in names)
        return Finding(claim, "step" in str(error) and "t = " in str(error) and leaf, detail=str(error))
    return Finding(claim, False, detail="samples were made of statistics that are NaN")


def _extrapolated(values: list[Tensor], order: float) -> Tensor:
    factor: float = 4.0**order
    return (factor * values[2] - values[0]) / (factor - 1)


def _unbiased(claim: str, rest: Tensor) -> Finding:
    p_value = mean_is_zero(rest, UNBIASED)
    worst = rest.mean(0).abs().max()
    detail = f"largest bias {float(worst):.3g}, of which about {UNBIASED} and chance are forgiven"
    return probable(claim, p_value, detail)


PROPERTIES = stated_in(__name__)
