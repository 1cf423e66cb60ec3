"""Learn how much noise each step of a chain adds, for a denoiser that is known as a function of them."""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.objectives import StepKL
from unnoise.processes import Betas, Chain, Gaussian, LearnedBetas


def learn_betas(
    chain: Chain[Tensor], denoiser: Denoiser, x_0: Tensor, rng: torch.Generator, *, iterations: int = 100
) -> Betas:
    r"""The $\beta_2, \dots, \beta_T$ that raise the evidence lower bound K the most, by its gradient with frozen noise.

    The noise of every row is drawn once, so that K is one smooth function of the betas, which is climbed by L-BFGS
    (Sohl-Dickstein et al. 2015, arXiv 1503.03585, section 2.4.1). To train a network along with them, make the
    `LearnedBetas` a part of the denoiser and train that with `objectives.StepKL`.

    Args:
        chain: of a process whose schedule is a `LearnedBetas`, which this changes; its first beta stays.
        denoiser: of the same process.
        x_0: data, (n, *event); every row sees one step.
        rng: of the noise.
        iterations: of L-BFGS.

    Returns:
        What was learnt, as fixed steps.

    Raises:
        InputError: a schedule of another kind.
    """
    process = chain.process
    if not (isinstance(process, Gaussian) and isinstance(process.schedule, LearnedBetas)):
        raise InputError(
            f"got {process}; expected a Gaussian process whose schedule is LearnedBetas, as in "
            "variance_preserving(space, LearnedBetas(linear_betas(40)))"
        )
    schedule, frozen, objective = process.schedule, rng.get_state(), StepKL(chain)
    optimiser = torch.optim.LBFGS(
        [schedule.logits], max_iter=iterations, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        rng.set_state(frozen)
        value = objective(denoiser, x_0, None, rng).value.mean()
        value.backward(inputs=[schedule.logits])  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return schedule.fixed()
