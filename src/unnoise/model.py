"""The front door: fit a file, an array or a frame; get samples and likelihoods back in its own terms."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted

from unnoise import _tree, networks, processes, samplers, storage
from unnoise._errors import InputError
from unnoise._progress import progress
from unnoise._seeding import generator, seeded
from unnoise.chains.learned import learned
from unnoise.data import Encoded, EncodedCells, Schema
from unnoise.denoisers import Denoiser, Neural
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.evaluation.likelihood import Bound, Estimate, Likelihood, ProbabilityFlow
from unnoise.heads import Head
from unnoise.objectives import Denoising, Objective
from unnoise.samplers import Sampler
from unnoise.spaces import Continuum
from unnoise.training import ProcessGroup, Settings, Step, TrainState, load, train

Floats = NDArray[np.float64]


class DenoisingMarkovModel(DensityMixin, BaseEstimator):  # type: ignore[misc]
    r"""Learns a density by learning to reverse a noising process; a scikit-learn density estimator.

    What comes in is standardised, noised, and a network is trained to denoise it by minimising a bound on
    $-\log p$ (Benton et al. 2024, arXiv 2211.03595). Samples come back in the type, the columns and the units of the
    data; likelihoods are in nats, with the change of variables counted.

    Args:
        condition: names of columns to condition on, in the data or in `y`; the others are modelled given these.
        kinds: what columns are, where their types do not tell: "real", "integer", "category", "ordered", "binary",
            "count", "angle" (or "degrees", "radians"), "latlon", "rotation", "proportions" or "sequence". Columns that
            are one thing together are named together: {"lat,lon": "latlon"}.
        process: a process, or its class (called with the space); by default each kind's own, and their product.
        network: called with (input_shape, cond_features, output_shape); by default a
            residual MLP, a U-Net for images, a transformer for sequences.
        head: called with the process, such as `heads.V`; what the network sees and what its output stands for. The
            process's own by default.
        objective: what training minimises; the bound by default.
        sampler: called with (denoiser), or (denoiser, steps=...); by default `samplers.Multistep` with 25 network
            evaluations for numbers, ancestral steps for levels and tokens, small steps of the reverse for the rest.
        likelihood: how `score_samples` answers; by default exactly, by the probability flow, for numbers, angles and
            the like of up to 64 dimensions, and by the lower bound for images, longer vectors, levels and tokens.
        steps: gradient steps.
        batch_size: rows per step.
        learning_rate: the peak rate of AdamW, after a linear warm-up and before a cosine to zero.
        warmup: steps of warm-up.
        weight_decay: decoupled weight decay.
        clip: largest norm of the gradient, or None.
        ema: decay of the running average of the weights that samples are made with.
        precision: "float32", or "bfloat16" for autocast.
        time_limit: seconds after which training ends, or None.
        device: "auto", "cpu", "cuda" ...
        random_state: seed of the weights, the batches and the noise.
        progress: True or False to show progress bars; None shows them on a terminal.

    Attributes:
        schema_: columns, kinds and units of the data.
        denoiser_: the trained denoiser (the running average of the weights).
        losses_: the loss of every step, in nats per row of standardised data, up to a constant.
        n_features_in_: number of columns.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(3.0, 2.0, (200, 2))
    >>> model = DenoisingMarkovModel(steps=20, network=networks.MLP).fit(x)
    >>> model.sample(5, seed=0).shape
    (5, 2)
    >>> model.score_samples(x[:3]).shape
    (3,)
    """

    def __init__(
        self,
        *,
        condition: str | Sequence[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        process: Any = None,
        network: Callable[[tuple[int, ...], int, tuple[int, ...]], torch.nn.Module] | None = None,
        head: Callable[[Any], Head[Any]] | None = None,
        objective: Objective | None = None,
        sampler: Callable[..., Sampler] | None = None,
        likelihood: Likelihood | None = None,
        steps: int = 3000,
        batch_size: int = 512,
        learning_rate: float = 1e-3,
        warmup: int = 100,
        weight_decay: float = 0.0,
        clip: float | None = 1.0,
        ema: float = 0.999,
        precision: str = "float32",
        time_limit: float | None = None,
        device: str = "auto",
        random_state: int = 0,
        progress: bool | None = None,
    ) -> None:
        self.condition = condition
        self.kinds = kinds
        self.process = process
        self.network = network
        self.head = head
        self.objective = objective
        self.sampler = sampler
        self.likelihood = likelihood
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.clip = clip
        self.ema = ema
        self.precision = precision
        self.time_limit = time_limit
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        folder: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Self:
        """Learn the law of the rows of X.

        Args:
            X: (n, d) array or tensor, (n, *shape) images, or any DataFrame.
            y: what to condition on, where `condition` names no column of X; ignored otherwise.
            folder: where to save the model, and checkpoints on the way.
            resume: go on from the checkpoint in `folder`, with the same data and options; the result is that of an
                uninterrupted run.
            overwrite: replace a model that is in `folder`.

        Raises:
            InputError: in one sentence, what is wrong with the data, the settings or the folder.
            NonFiniteError: the training diverged.
        """
        settings = self._settings()
        if resume:
            schema = storage.read_schema(storage.existing(folder))
        else:
            schema = Schema.infer(X, y, kinds=self.kinds, condition=self._conditions())
        encoded = schema.encode(X, y)
        state = TrainState(self._untrained(schema), settings)
        home = None if folder is None else Path(folder)
        checkpoint = None if home is None else home / storage.TRAINING
        if resume and checkpoint is not None and checkpoint.exists():
            load(state, checkpoint)
            state.see(encoded)
            storage.check_same_options(checkpoint.parent, self.get_params(deep=False))
        leads = ProcessGroup.gather(settings).rank == 0  # of several processes one writes
        if home is not None and leads:
            storage.create(home, self.get_params(deep=False), schema, resume=resume, overwrite=overwrite)
        self._train(state, encoded, checkpoint)
        self._keep(schema, state.ema.cpu(), state.losses)
        if home is not None and leads:
            storage.complete(home, self.denoiser_, self.losses_)
        return self

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
        seed: int | None = None,
        sampler: Callable[..., Sampler] | None = None,
        steps: int | None = None,
    ) -> Any:
        """Draw n new rows, of the type that was fitted.

        Args:
            n: how many.
            given: a value, or n values, for every column that the model is conditioned on.
            seed: the same seed gives the same rows; None takes a fresh one.
            sampler: called with (denoiser) or (denoiser, steps=...), instead of the model's own.
            steps: noise levels that the sampler visits.
        """
        cond = self._encoded_condition(n, given)
        x = self.sample_states(int(n), cond, generator(seed), sampler=sampler, steps=steps)
        return self.schema_.decode(x, given)

    def sample_states(
        self,
        n: int,
        cond: Any,
        rng: torch.Generator,
        *,
        sampler: Callable[..., Sampler] | None = None,
        steps: int | None = None,
        on_step: Callable[[int, float, Any], None] | None = None,
    ) -> Any:
        """Draw n standardised states for encoded conditions: what `sample` decodes."""
        denoiser = self.denoiser_.to(self._device())
        make = sampler or self.sampler or default_sampler(denoiser.process)
        machine = make(denoiser) if steps is None else make(denoiser, steps=steps)
        groups = -(-n // samplers.base.default_batch_size(self.schema_.event_shape))
        seen = 0
        with progress(f"sampling {n:,} rows", self.progress) as update:

            def tell(index: int, t: float, state: Any) -> None:
                nonlocal seen
                seen += 1
                update(seen / (groups * (machine.steps - 1)), f"noise level t = {t:.2f}")
                if on_step is not None:
                    on_step(index, t, state)

            cond = None if cond is None else cond.to(self._device())
            return _tree.map(lambda leaf: leaf.cpu(), machine.sample(n, rng, cond, on_step=tell))

    def walk(
        self,
        n: int = 1,
        *,
        sigma: float | None = None,
        steps: int = 200,
        chain: str = "walk-jump",
        given: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> Any:
        r"""N rows by chains on the density of noisy data, of the type that was fitted; for Gaussian noise alone.

        "walk-jump" (Saremi, Hyvarinen 2019, arXiv 1903.02334) walks on the law $q_\sigma$ of $Y = X + \sigma N$ by
        underdamped Langevin steps along $\nabla\log q_\sigma(y) = (E[X | Y = y] - y)/\sigma^2$ and jumps to
        $E[X | Y = y]$. Jumps are sharp and vary less than the data, on a Gaussian of variance $\tau^2$ by
        $\tau^4/(\tau^2 + \sigma^2)$. "sequential" (Saremi, Park, Bach 2024, arXiv 2305.19473) takes one noisy
        measurement of the same X after the other, jumps at a tenth of a standard deviation, and weighs modes that are
        far apart rightly. See `chains`.

        Args:
            n: how many, each from a chain of its own.
            sigma: the noise, in standard deviations of the data: 0.5 by default to walk and jump; for sequential that
                of the first measurements, the root of the number of coordinates by default.
            steps: of the walk; for sequential, of its first measurement.
            chain: "walk-jump" or "sequential".
            given: as for `sample`.
            seed: the same seed gives the same rows; None takes a fresh one.

        Raises:
            InputError: the noise is not Gaussian, as where columns are categories or angles; a number out of range.
            NonFiniteError: a chain diverged.
        """
        cond = self._encoded_condition(n, given)
        device = self._device()
        with progress(f"walking to {n:,} rows", self.progress) as update:
            x = learned(
                self.denoiser_.to(device),
                int(n),
                generator(seed),
                chain=chain,
                sigma=sigma,
                steps=steps,
                cond=None if cond is None else cond.to(device),
                tell=update,
            )
        return self.schema_.decode(x.cpu(), given)

    def score_samples(self, X: Any, y: Any = None, *, likelihood: Likelihood | None = None, seed: int = 0) -> Floats:
        """Log-likelihood of every row in nats, in the data's own units; see `schema_.measure`.

        Args:
            X: rows like those that were fitted.
            y: their conditions, where they are not columns of X.
            likelihood: `evaluation.ProbabilityFlow` or `evaluation.Bound`, instead of the model's own.
            seed: of dequantisation and Monte Carlo.
        """
        result: Floats = self.estimate(X, y, likelihood=likelihood, seed=seed).log_prob.numpy().astype(np.float64)
        return result

    @property
    def likelihood_(self) -> Likelihood:
        """How `score_samples` answers."""
        return self.likelihood or default_likelihood(self.denoiser_.process)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`."""
        return float(self.score_samples(X, y).mean())

    def estimate(
        self,
        X: Any,
        y: Any = None,
        *,
        likelihood: Likelihood | None = None,
        dequantisations: int = 1,
        seed: int = 0,
    ) -> Estimate:
        """As `score_samples`, with Monte Carlo errors, parts, and the method in words.

        Args:
            X: rows like those that were fitted.
            y: their conditions, where they are not columns of X.
            likelihood: instead of the model's own.
            dequantisations: points of the cell of every integer that a row is evaluated at. An exact density weighs
                them, which brings the bound on the log-probability nearer to it; a bound or a density with Monte Carlo
                error is averaged, which lowers the error alone.
            seed: of dequantisation and Monte Carlo.

        Raises:
            InputError: no dequantisations.
        """
        check_is_fitted(self)
        rng = generator(seed)
        encoded = self.schema_.encode(X, y)
        if dequantisations == 1 or encoded.jitter is None:
            x, cond = encoded.all(rng)
            return self.estimate_states(x, cond, rng, likelihood)
        density = likelihood or self.likelihood_
        space = self.denoiser_.process.space
        exact = isinstance(density, ProbabilityFlow) and isinstance(space, Continuum) and density.is_exact(space)
        method = DequantisedLikelihood(density, EncodedCells(encoded.jitter), dequantisations, weighted=exact)
        return self.estimate_states(encoded.x, encoded.cond, rng, method)

    def estimate_states(
        self, x: Any, cond: Any, rng: torch.Generator, likelihood: Likelihood | None = None
    ) -> Estimate:
        """The likelihood of standardised states, in the data's units."""
        method = likelihood or self.likelihood_
        device, n = self._device(), _tree.length(x)
        with progress(f"{method.name} of {n:,} rows", self.progress) as update:
            result = method(
                self.denoiser_.to(device),
                _tree.map(lambda leaf: leaf.to(device), x),
                rng,
                None if cond is None else cond.to(device),
                on_rows=lambda done: update(done / n, f"{done:,} rows"),
            )
        volume = self.schema_.log_volume
        parts = {name: part.cpu() for name, part in result.parts.items()}
        parts["units"] = torch.full((n,), volume)
        filled = self.schema_.has_cells and not isinstance(method, DequantisedLikelihood)
        words = method.description + (f", {EncodedCells.name}" if filled else "")
        return Estimate(
            result.log_prob.cpu() + volume, result.standard_error.cpu(), parts, words, result.degrees_of_freedom
        )

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write `config.json` and `weights.safetensors` into a folder; nothing is pickled."""
        check_is_fitted(self)
        storage.save(
            Path(folder),
            self.get_params(deep=False),
            self.schema_,
            self.denoiser_,
            self.losses_,
            overwrite=overwrite,
        )

    def _encoded_condition(self, n: int, given: Mapping[str, Any] | None) -> torch.Tensor | None:
        """What n new rows are conditioned on."""
        check_is_fitted(self)
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"got n = {n!r}; expected how many rows to sample, a whole number from 1")
        return self.schema_.encode_condition(given, int(n))

    def _settings(self) -> Settings:
        return Settings(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip=self.clip,
            ema=self.ema,
            precision=self.precision,  # type: ignore[arg-type]
            time_limit=self.time_limit,
            device=self.device,
            seed=self.random_state,
        )

    def _conditions(self) -> tuple[str, ...]:
        if self.condition is None:
            return ()
        return (self.condition,) if isinstance(self.condition, str) else tuple(self.condition)

    def _untrained(self, schema: Schema) -> Denoiser:
        process: Any = schema.process() if self.process is None else self.process
        if not isinstance(process, processes.Process):
            process = process(schema.process().space)
        process = copy.deepcopy(process)  # whose schedule may learn, and the parameters stay as they were given
        with seeded(self.random_state):
            head = process.head if self.head is None else self.head(process)
            network = (self.network or default_network)(head.input_shape, schema.condition_width, head.output_shape)
        return Neural(process, network, self.head)

    def _train(self, state: TrainState, encoded: Encoded, checkpoint: Path | None) -> None:
        objective = self.objective or Denoising()
        with progress(f"training on {len(encoded):,} rows", self.progress) as update:
            for step in train(state, objective, encoded, checkpoint=checkpoint):
                update(step.progress, _described(step, self.steps))

    def _keep(self, schema: Schema, denoiser: Denoiser, losses: Sequence[float]) -> None:
        self.schema_ = schema
        self.denoiser_ = denoiser
        self.losses_ = np.asarray(losses, dtype=np.float64)
        self.n_features_in_ = schema.num_features
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if schema.feature_names is not None:
            self.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)

    def _device(self) -> torch.device:
        return ProcessGroup.gather(self._settings()).device


def load_model(folder: str | Path, *, trust: Sequence[str] = ()) -> DenoisingMarkovModel:
    """Read a model that `save` or `fit(folder=...)` wrote.

    Args:
        folder: where it is.
        trust: modules, besides unnoise, whose classes the folder may name.

    Raises:
        InputError: there is no model, it is unfinished or damaged, or names code that is not trusted.
    """
    path = storage.existing(folder)
    model = load_unfitted(path, trust=trust)
    schema = storage.read_schema(path)
    with storage.explained(path):
        denoiser = model._untrained(schema)
    losses = storage.read_weights(path, denoiser)
    model._keep(schema, denoiser.requires_grad_(False).eval(), losses)
    return model


def load_unfitted(folder: str | Path, *, trust: Sequence[str] = ()) -> DenoisingMarkovModel:
    """The model in a folder as it was before its training, which may be unfinished: what `fit` resumes.

    Args:
        folder: where it is.
        trust: modules, besides unnoise, whose classes the folder may name.
    """
    path = storage.existing(folder)
    with storage.explained(path):
        return DenoisingMarkovModel(**storage.read_params(path, trust))


def default_sampler(process: processes.Process[Any]) -> Callable[..., Sampler]:
    """Multistep for Gaussian noise, ancestral steps where the bridge is known, small steps for the rest."""
    if isinstance(process, processes.AffineGaussian):
        return samplers.Multistep
    return samplers.Ancestral if isinstance(process, processes.Bridged) else samplers.Euler


def default_network(input_shape: tuple[int, ...], cond_features: int, output_shape: tuple[int, ...]) -> torch.nn.Module:
    """A small U-Net for images of at least 8 x 8, a transformer for sequences, a residual MLP for everything else."""
    if len(input_shape) == 3 and min(input_shape[1:]) >= 8:
        resolutions = (1, 2) if min(input_shape[1:]) < 16 else (1, 2, 2)
        shape: dict[str, Any] = dict(width=32, multipliers=resolutions, blocks=1, attention=False)
        return networks.UNet(input_shape, cond_features, output_shape, **shape)
    if len(input_shape) == 2:
        return networks.Transformer(input_shape, cond_features, output_shape)
    return networks.MLP(input_shape, cond_features, output_shape)


def default_likelihood(process: processes.Process[Any]) -> Likelihood:
    """Exact for points of manifolds whose divergence is traced exactly at a low price; the lower bound for the rest."""
    exact, space = ProbabilityFlow(), process.space
    vectors = isinstance(process, processes.HasKernel) and len(process.head.input_shape) == 1
    return exact if vectors and isinstance(space, Continuum) and space.dimension <= exact.exact_up_to else Bound()


def _described(step: Step, steps: int) -> str:
    return f"step {step.index + 1:,} of {steps:,}, loss {step.loss:.3f}"
