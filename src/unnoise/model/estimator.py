"""The estimator: its settings, its training and its folder."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from unnoise import processes, storage
from unnoise._checks import function, instance
from unnoise._errors import InputError
from unnoise._progress import progress
from unnoise._seeding import seeded
from unnoise._sketch import is_ours, sketch
from unnoise.data import Encoded, Schema
from unnoise.data.mapped import FOLDER as ROWS
from unnoise.data.mapped import Mapped, mapped, removed
from unnoise.data.scans import Scan
from unnoise.data.witnesses import witnesses
from unnoise.denoisers import Denoiser, Neural
from unnoise.evaluation import Likelihood
from unnoise.heads import Head
from unnoise.model.defaults import default_network, default_objective
from unnoise.model.fitted import FittedModel
from unnoise.model.roles import asking, chosen_head, trainable, trained
from unnoise.objectives import Objective
from unnoise.samplers import Sampler
from unnoise.training import ProcessGroup, Settings, TrainState, check_form, load, train


class DenoisingMarkovModel(FittedModel):
    r"""Learns a density by learning to reverse a noising process; a scikit-learn density estimator.

    A network learns to denoise the standardised data by minimising a bound on $-\log p$ (Benton et al. 2024, arXiv
    2211.03595). Samples have the data's type, columns and units; likelihoods are in nats, change of variables counted.

    Args:
        condition: columns, of the data or of `y`, that the others are modelled given.
        roles: "any" trains for any question: every row gives, asks and hides random columns, so that one model answers
            p(A | B) for all A and B; "joint" trains the joint law alone.
        kinds: what the types of columns do not tell: "real", "integer", "category", "ordered", "binary", "count",
            "angle" (or "degrees", "radians"), "latlon", "rotation", "proportions" or "sequence". Columns that are one
            thing share a key: {"lat,lon": "latlon"}.
        process: a process, or its class, called with the space; by default the product of each kind's own.
        network: called with (input_shape, cond_features, output_shape); by default a residual MLP, a U-Net for images,
            a transformer for sequences.
        head: called with the process, such as `heads.V`; the process's own by default.
        objective: the bound by default.
        sampler: called with (denoiser), or (denoiser, steps=...); by default `samplers.Multistep` with 25 evaluations
            for numbers, ancestral steps for levels and tokens, small steps of the reverse for the rest.
        likelihood: by default the exact probability flow for numbers and angles of up to 64 dimensions, and the lower
            bound for images, longer vectors, levels and tokens.
        steps: gradient steps.
        batch_size: rows per step.
        learning_rate: peak of AdamW, between a linear warm-up and a cosine to zero.
        warmup: steps of warm-up.
        weight_decay: decoupled weight decay.
        clip: the largest gradient norm, or None.
        ema: decay of the running average of the weights.
        precision: "float32", or "bfloat16" for autocast.
        time_limit: seconds after which training ends, or None.
        checkpoint_every: seconds between checkpoints; 0 for one after every step.
        device: "auto", "cpu", "cuda" ...
        random_state: seed of the weights, the batches and the noise.
        progress: whether to show bars; None shows them on a terminal.

    Attributes:
        schema_: columns, kinds and units of the data.
        denoiser_: the trained denoiser, with averaged weights.
        losses_: of every step, in nats per row of standardised data, up to a constant.
        n_features_in_: number of columns.

    >>> from unnoise import networks
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
        roles: str = "any",
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
        checkpoint_every: float = 30.0,
        device: str = "auto",
        random_state: int = 0,
        progress: bool | None = None,
    ) -> None:
        self.condition, self.roles, self.kinds = condition, roles, kinds
        self.process, self.network, self.head = process, network, head
        self.objective, self.sampler, self.likelihood = objective, sampler, likelihood
        self.steps, self.batch_size, self.learning_rate, self.warmup = steps, batch_size, learning_rate, warmup
        self.weight_decay, self.clip, self.ema, self.precision = weight_decay, clip, ema, precision
        self.time_limit, self.checkpoint_every, self.device = time_limit, checkpoint_every, device
        self.random_state, self.progress = random_state, progress

    @torch.inference_mode(False)  # what is trained must be able to learn, wherever this is called
    @torch.enable_grad()
    def fit(
        self, X: Any, y: Any = None, *, folder: str | Path | None = None, resume: bool = False, overwrite: bool = False
    ) -> Self:
        """Learn the law of the rows of X.

        Args:
            X: (n, d) array or tensor, (n, *shape) images, or any DataFrame.
            y: conditions that are no columns of X.
            folder: for the model and checkpoints.
            resume: go on from the checkpoint in `folder`, with the same data and options, to the result of one run.
            overwrite: replace the model in `folder`.

        Raises:
            InputError: what is wrong with the data, the settings or the folder, in one sentence.
            NonFiniteError: the training diverged.
        """
        if resume and overwrite:
            raise InputError("got resume and overwrite; expected one of them: to go on, or to begin anew")
        settings = self._settings()
        home = storage.existing(folder) if resume else None if folder is None else Path(folder)
        if home is None:
            if isinstance(X, Scan):
                raise InputError("got a table that is read in blocks, and no folder; expected one for its encoded rows")
            schema = self._infer(X, y)
            state, encoded = TrainState(trainable(self._untrained(schema)), settings), schema.encode(X, y)
            self._train(schema, state, encoded)
            self._keep(schema, trained(state.ema.cpu()), state.losses)
            return self
        leads = ProcessGroup.gather(settings).rank == 0  # of several processes one writes
        with storage.held(home, resume=resume, overwrite=overwrite) if leads else nullcontext():
            self._fit_in(home, X, y, settings, resume, leads)
        return self

    def _fit_in(self, home: Path, X: Any, y: Any, settings: Settings, resume: bool, leads: bool) -> None:
        checkpoint, described = home / storage.TRAINING, storage.unfinished(home) if resume else None
        schema = self._infer(X, y) if described is None else self._schema_of(home, described)
        encoded = self._encode(schema, X, y, home, leads)
        denoiser = trainable(self._untrained(schema)) if described is None else self._to_resume(home, schema)
        state = TrainState(denoiser, settings)
        if described is not None and isinstance(described.data, dict):
            state.num_examples, state.digest = described.data.get("rows"), described.data.get("digest")
        state.see(encoded)
        data = {"rows": state.num_examples, "digest": state.digest}
        description = storage.Description.of(self.get_params(deep=False), schema, data)
        state.run = description.run
        if resume and checkpoint.exists():
            load(state, checkpoint)
            state.see(encoded)
        if leads:
            storage.create(home, description, resume=resume)
        self._train(schema, state, encoded, checkpoint)
        self._keep(schema, trained(state.ema.cpu()), state.losses)
        if leads:
            storage.complete(home, description, self.denoiser_, self.losses_)
            removed(home / ROWS)

    def _encode(self, schema: Schema, X: Any, y: Any, home: Path, leads: bool) -> Encoded | Mapped:
        """In memory, or in files of which one process makes all."""
        if not isinstance(X, Scan):
            return schema.encode(X, y)
        group = ProcessGroup.gather(self._settings())
        if leads:
            mapped(schema, X, y, home / ROWS)
        group.wait()
        return mapped(schema, X, y, home / ROWS)

    def _infer(self, X: Any, y: Any) -> Schema:
        if isinstance(X, Scan):
            X, index = witnesses(X, seed=0)
            y = None if y is None else y[index]
        return Schema.infer(X, y, kinds=self.kinds, condition=self._conditions())

    def _schema_of(self, home: Path, described: storage.Description) -> Schema:
        """That of the training to resume, if it had our parameters."""
        with storage.explained(home):
            described.check_same_options(self.get_params(deep=False))
            return described.make_schema()

    def _to_resume(self, home: Path, schema: Schema) -> Denoiser:
        def made(inside: AbstractContextManager[Any] | None = None) -> Denoiser:
            with storage.explained(home):
                return trainable(self._untrained(schema, inside))

        checkpoint = home / storage.TRAINING
        if checkpoint.exists() and is_ours(self.network):  # before memory is taken
            check_form(checkpoint, lambda tensors: made(sketch(tensors)))
        return made()

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write `config.json` and `weights.safetensors` into a folder; nothing is pickled."""
        check_is_fitted(self)
        description = storage.Description.of(self.get_params(deep=False), self.schema_)
        with storage.held(Path(folder), overwrite=overwrite):
            storage.save(Path(folder), description, self.denoiser_, self.losses_)

    def _settings(self) -> Settings:
        shared = (field.name for field in dataclasses.fields(Settings) if hasattr(self, field.name))
        return Settings(seed=self.random_state, **{name: getattr(self, name) for name in shared})

    def _conditions(self) -> tuple[str, ...]:
        if self.condition is None:
            return ()
        return (self.condition,) if isinstance(self.condition, str) else tuple(self.condition)

    def _untrained(self, schema: Schema, inside: AbstractContextManager[Any] | None = None) -> Denoiser:
        """With first weights; the network is built inside a context."""
        self._check_parts()
        process: Any = schema.process() if self.process is None else self.process
        if not isinstance(process, processes.Process):
            process = process(schema.process().space)
        instance(processes.Process, process=process)
        process = copy.deepcopy(process)  # its schedule may learn, and the parameters must not change
        head_of = chosen_head(self.roles, schema, process, self.head)
        with seeded(self.random_state):
            head = process.head if head_of is None else head_of(process)
            with inside or nullcontext():
                network = (self.network or default_network)(head.input_shape, schema.condition_width, head.output_shape)
        instance(torch.nn.Module, network=network)
        return Neural(process, network.float(), head_of)

    def _check_parts(self) -> None:
        """An InputError if a part is an object of another kind."""
        instance(Objective, or_none=True, objective=self.objective)
        instance(Likelihood, or_none=True, likelihood=self.likelihood)
        parts = {name: getattr(self, name) for name in ("network", "head", "sampler")}
        if not isinstance(self.process, processes.Process):
            parts["process"] = self.process
        function(or_none=True, or_class=True, **parts)

    def _train(
        self, schema: Schema, state: TrainState, encoded: Encoded | Mapped, checkpoint: Path | None = None
    ) -> None:
        rows = asking(self.roles, state.denoiser, encoded, schema)
        steps = train(state, self.objective or default_objective(state.denoiser), rows, checkpoint=checkpoint)
        with progress(f"training on {len(encoded):,} rows", self.progress) as update, closing(steps):
            for step in steps:
                update(step.progress, f"step {step.index + 1:,} of {self.steps:,}, loss {step.loss:.3f}")

    def _keep(self, schema: Schema, denoiser: Denoiser, losses: Sequence[float]) -> None:
        self.schema_ = schema
        self.denoiser_ = denoiser
        self.losses_ = np.asarray(losses, dtype=np.float64)
        self.n_features_in_ = schema.num_features
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if schema.feature_names is not None:
            self.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)


@torch.inference_mode(False)
def load_model(folder: str | Path, *, trust: Sequence[str] = ()) -> DenoisingMarkovModel:
    """Read a model that `save` or `fit(folder=...)` wrote.

    Args:
        folder: where it is.
        trust: modules, besides unnoise, whose classes the folder may name.

    Raises:
        InputError: the model is missing, unfinished, damaged, or names code that is not trusted.
    """
    path = storage.existing(folder)
    with storage.open_weights(path) as weights:
        model = _described(path, weights.description, trust)
        with storage.explained(path):
            schema = weights.description.make_schema()
            if is_ours(model.network):  # before memory is taken
                weights.check(model._untrained(schema, sketch(len(weights))))
            denoiser = model._untrained(schema)
        losses = weights.load_into(denoiser)
    model._keep(schema, denoiser.requires_grad_(False).eval(), losses)
    return model


def load_unfitted(folder: str | Path, *, trust: Sequence[str] = ()) -> DenoisingMarkovModel:
    """The model in a folder before its training, which may be unfinished: what `fit` resumes."""
    path = storage.existing(folder)
    return _described(path, storage.unfinished(path), trust)


def _described(path: Path, description: storage.Description, trust: Sequence[str]) -> DenoisingMarkovModel:
    with storage.explained(path):
        return DenoisingMarkovModel(**description.make_params(trust))
