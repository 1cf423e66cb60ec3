"""Training in one call, on states in memory, batches from anywhere, or new states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from unnoise import _tree
from unnoise._checks import function, refuse, whole
from unnoise._errors import InputError
from unnoise._seeding import generator, seeded
from unnoise.denoisers import Answering, Denoiser, Neural, Residual
from unnoise.heads import Head, told
from unnoise.objectives import Denoising, Objective, StepKL
from unnoise.processes import Betas, Chain, Gaussian, LearnedBetas, Process
from unnoise.training.dataset import Arrays, Dataset, Stream
from unnoise.training.loop import train
from unnoise.training.questions import Questions, RandomRoles
from unnoise.training.settings import Settings
from unnoise.training.state import TrainState
from unnoise.training.validation import Validation

Tell = Callable[[float, str], None]


def learn(
    process: Process[Any],
    network: Callable[..., nn.Module],
    data: Any,
    *,
    cond: Tensor | None = None,
    roles: RandomRoles | None = None,
    known: Denoiser | None = None,
    objective: Objective | None = None,
    head: Callable[[Any], Head[Any]] | None = None,
    judge: Callable[[Denoiser], float] | None = None,
    looks: int = 6,
    tell: Tell = lambda share, words: None,
    **settings: Any,
) -> Denoiser:
    """A denoiser of the process, trained on the data, with averaged weights.

    Args:
        process: how the states are noised.
        network: called with the input shape, the number of conditions and the output shape.
        data: states, (n, *event) or a nested dict of such arrays; a `Dataset`; or a function of n and a generator that
            draws the n states of a batch.
        cond: (n, c), the conditions of states in memory; as the states a tensor, an array or a list.
        roles: a law of random questions, as `RandomRoles()`. The denoiser is told which cells are given, and answers
            the `denoisers.question` that comes as its condition. None for the joint law alone.
        known: a denoiser that the network corrects.
        objective: the bound by default.
        head: called with the process; the process's own by default.
        judge: a denoiser's score on validation data, whose negative is shown; the one with the largest is kept. None
            keeps the last.
        looks: how often the judge is asked.
        tell: called after every step with the share done and a few words.
        **settings: of `training.Settings`; `seed` also decides the first weights; `device` is "cpu" by default.

    >>> from functools import partial
    >>> from unnoise.networks import MLP
    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.samplers import Heun
    >>> from unnoise.spaces import Euclidean
    >>> process = variance_preserving(Euclidean(1))
    >>> settings = {"steps": 200, "batch_size": 128, "learning_rate": 1e-2, "ema": 0.98}
    >>> denoiser = learn(process, partial(MLP, width=32), torch.tensor([[1.0], [3.0]]), **settings)
    >>> samples = Heun(denoiser, steps=10).sample(200, torch.Generator().manual_seed(0))
    >>> print(f"{samples.mean():.0f}")
    2
    """
    if isinstance(network, nn.Module) or not callable(network):
        refuse("network", network, "what makes one of (input_shape, cond_features, output_shape), as networks.MLP")
    function(tell=tell)
    function(or_none=True, judge=judge)
    whole(least=1, looks=looks)
    chosen = Settings(**{"device": "cpu", **settings})
    dataset = _dataset(data, cond)
    width = _width(dataset)
    if roles is not None:
        _check_alone(known)
        dataset, head = Questions(dataset, process, roles), partial(told, head=head)
    read = process.head if head is None else head(process)
    with seeded(chosen.seed):
        backbone = network(read.input_shape, width, read.output_shape)
    learnt = Neural(process, backbone, head)
    trained = Answering(learnt) if roles is not None else learnt if known is None else Residual(known, learnt)
    state = TrainState(trained, chosen)
    every = max(1, chosen.steps // looks)
    validation = None if judge is None else Validation(lambda found: -judge(found), every, first=every, patience=None)
    for step in train(state, objective or Denoising(), dataset, validation=validation):
        tell(step.progress, f"step {step.index + 1:,}, loss {step.loss:.3f}{state.looks.words}")
    return state.best.requires_grad_(False).eval()


def _dataset(data: Any, cond: Tensor | None) -> Dataset:
    if not callable(data) and not isinstance(data, Dataset):
        return Arrays(*(None if tree is None else _tree.map(_tensor, tree) for tree in (data, cond)))
    if cond is not None:
        raise InputError("cond is given beside a source of batches; let its batches hold the conditions")
    return data if isinstance(data, Dataset) else Stream(data)


def _tensor(values: Any) -> Tensor:
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError, LookupError):
        expected = "a tensor, an array, a list of numbers, a dict of them, a training.Dataset, or a function"
        refuse("data", values, f"{expected} of n and a generator; of a DataFrame take its to_numpy()")


def _check_alone(known: Denoiser | None) -> None:
    if known is not None:
        raise InputError("got known and roles; a known denoiser that is corrected answers no questions: leave one out")


def _width(dataset: Dataset) -> int:
    if isinstance(dataset, Questions):
        raise InputError("got data that ask questions; give the data themselves, and roles")
    if not len(dataset):
        raise InputError("got no examples to train on; expected at least one row of data")
    _, cond = dataset.batch(torch.tensor([0]), generator(0))
    return cond.shape[1] if cond is not None and cond.ndim == 2 else 0


def learn_betas(
    chain: Chain[Tensor], denoiser: Denoiser, x_0: Tensor, rng: torch.Generator, *, iterations: int = 100
) -> Betas:
    r"""The $\beta_2, \dots, \beta_T$ that raise the evidence lower bound K the most, by its gradient with frozen noise.

    The noise is drawn once, so K is a smooth function of the betas, which L-BFGS climbs (Sohl-Dickstein et al. 2015,
    arXiv 1503.03585, section 2.4.1). To train a network with them, make the `LearnedBetas` a part of the denoiser and
    minimise `objectives.StepKL`.

    Args:
        chain: its process's schedule is a `LearnedBetas`, which changes but for its first beta.
        denoiser: of the same process.
        x_0: data, (n, *event); every row sees one step.
        rng: of the noise.
        iterations: of L-BFGS.

    Returns:
        What was learnt, as fixed steps.
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
