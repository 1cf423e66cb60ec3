"""The estimator: its settings, its training and its folder."""

from __future__ import annotations

import copy
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from unnoise import processes, storage
from unnoise._checks import flag, function, instance, real, refuse
from unnoise._errors import InputError
from unnoise._paths import expanded
from unnoise._places import model_folder
from unnoise._progress import progress
from unnoise._seeding import as_seed, fresh_seed, seeded
from unnoise._sketch import is_ours, sketch
from unnoise._version import __version__
from unnoise.data import Encoded, Schema, conditions
from unnoise.data._formats.dialect import Dialect
from unnoise.data.mapped import FOLDER as ROWS
from unnoise.data.mapped import Mapped, mapped, removed
from unnoise.data.scans import Held, Scan
from unnoise.data.witnesses import witnesses
from unnoise.denoisers import Denoiser, Neural, Pooled, Started
from unnoise.evaluation import Likelihood
from unnoise.heads import Head
from unnoise.model import pooling, quick
from unnoise.model.card import MARK
from unnoise.model.conditioning import conditioned
from unnoise.model.defaults import (
    WIDTH,
    Built,
    Sizes,
    default_network,
    default_objective,
    default_rate,
    is_few,
    is_timeless,
    learns_few,
)
from unnoise.model.fitted import FittedModel
from unnoise.model.holding_out import Portions, ToFit, check_share, weights_of
from unnoise.model.roles import asking, chosen_head, trainable, trained
from unnoise.networks import Conditioned
from unnoise.objectives import Objective
from unnoise.samplers import Sampler
from unnoise.training import (
    Dataset,
    OnStep,
    ProcessGroup,
    Settings,
    TrainState,
    Untold,
    Validation,
    check_form,
    ending,
    load,
    measured,
    train,
)

UNTOLD = 0.1  # of rows, which are not told conditions that stand beside the data
SIZED = ("steps", "batch_size", "learning_rate")  # settings that are chosen by the data and the network if None


class DenoisingMarkovModel(FittedModel):
    r"""Learns a density by learning to reverse a noising process; a scikit-learn density estimator.

    A network learns to denoise the standardised data by minimising a bound on $-\log p$ (Benton et al. 2024, arXiv
    2211.03595). Samples have the data's type, columns and units; likelihoods are in nats, change of variables counted.

    Args:
        condition: columns, of the data or of `y`, that the others are modelled given; by default what `y` holds by
            name, or arrays that it has for each row.
        unconditional: the share of training rows that are not told their conditions, so that the model also knows the
            law without them, and `sample(..., guidance=)` can go beyond; 0 for none. By default a tenth where `y` holds
            some of the conditions, and none where all are columns of the data.
        encoders: by name of a condition, what makes a network that reads it, such as
            `{"photo": partial(networks.ImageEncoder, width=64)}`; by default an image, sequence or set has that of
            `networks`.
        roles: "any" trains for any question: every row gives, asks and hides random columns, so that one model answers
            p(A | B) for all A and B; "joint" trains the joint law alone.
        kinds: what the types of columns do not tell: "real", "integer", "category", "ordered", "binary", "count",
            "angle" (or "degrees", "radians"), "latlon", "rotation", "proportions" or "sequence"; of conditions also
            "image", "set" or "vector". Columns that are one thing share a key: {"lat,lon": "latlon"}.
        quick: a mixture of product laws instead of a network, fitted by EM in seconds, which answers every question in
            closed form. Of what follows it heeds `process`, `sampler`, `likelihood`, `time_limit` and `random_state`.
        constraints: what holds in every row, of the data and of samples: "low <= high", "total = a + b", "price > 0",
            "code -> place" where one column determines another.
        process: a process, or its class, called with the space; by default the product of each kind's own.
        network: called with (input_shape, cond_features, output_shape); by default a residual MLP, one of two-layer
            blocks for tables, `networks.SmallImage` for images of up to 256 pixels, a U-Net for larger ones, a
            transformer for sequences. Of up to 32 numbers given conditions it corrects the posterior of a linear
            regression (`denoisers.Started`), with a part that sees one number at a time (`networks.PerNumber`). That of
            a table without conditions is pooled with a mixture after its training (`denoisers.Pooled`).
        head: called with the process, such as `heads.V`; the process's own by default, and `heads.CellHead` for images
            of up to 32 levels.
        objective: the bound by default.
        sampler: called with (denoiser), or (denoiser, steps=...); by default `samplers.Multistep` with 25 evaluations
            for numbers, ancestral steps for levels and tokens, small steps of the reverse for the rest.
        likelihood: by default the exact probability flow for numbers and angles of up to 64 dimensions, and the lower
            bound for images, longer vectors, levels and tokens.
        validation: the share of rows (at least 20, or a quarter if they are few; at most 1024) to hold out. Training
            ends when the bound on them, with averaged weights and the same noise, no longer improves, and the best
            weights are kept. 0 holds out none.
        steps: gradient steps at most; by default 2000 to 8000, more for more data.
        batch_size: rows per step; by default 64 to 512.
        learning_rate: peak of AdamW, between a linear warm-up and a cosine to zero; by default 0.003 for the residual
            MLP, 0.002 for tables and 0.001 for other networks.
        warmup: steps of warm-up.
        weight_decay: decoupled weight decay.
        clip: the largest gradient norm, or None.
        ema: decay of the running average of the weights.
        precision: "float32", or "bfloat16" for autocast.
        time_limit: seconds after which training ends, or None.
        checkpoint_every: seconds between checkpoints; 0 for one after every step.
        device: "auto", "cpu", "cuda" ...
        compile: whether torch.compile joins the small operations of the network in training, after a minute or so that
            it takes; where it does not work, as without a C++ compiler, a warning says so.
        random_state: seed of the weights, the batches and the noise; None takes a fresh one in every `fit`, and a
            generator of NumPy (`RandomState` or `Generator`) draws one, which is saved in its place.
        progress: whether to show bars; None shows them on a terminal.

    Attributes:
        schema_: columns, kinds and units of the data.
        denoiser_: the trained denoiser, with averaged weights.
        losses_: of every step, in nats per row of standardised data, up to a constant.
        validation_losses_: of the rows held out, (looks, 2): after which step, and the loss.
        ended_: why training ended and which weights are kept, in words; empty if an earlier version saved the model.
        n_features_in_: number of columns.

    >>> from unnoise import networks
    >>> x = np.random.default_rng(0).normal(3.0, 2.0, (200, 2))
    >>> model = DenoisingMarkovModel(steps=20, network=networks.MLP).fit(x)
    >>> model.sample(5, seed=0).shape
    (5, 2)
    >>> model.score_samples(x[:3]).shape
    (3,)
    """

    _fresh: int = 0  # the seed where random_state is none
    _dialect: Dialect | None = None  # how the file is written that the rows are from

    def __init__(
        self,
        *,
        condition: str | Sequence[str] | None = None,
        unconditional: float | None = None,
        encoders: Mapping[str, Callable[..., torch.nn.Module]] | None = None,
        roles: str = "any",
        kinds: Mapping[str, str] | None = None,
        quick: bool = False,
        constraints: Sequence[str] | str | None = None,
        process: Any = None,
        network: Callable[[tuple[int, ...], int, tuple[int, ...]], torch.nn.Module] | None = None,
        head: Callable[[Any], Head[Any]] | None = None,
        objective: Objective | None = None,
        sampler: Callable[..., Sampler] | None = None,
        likelihood: Likelihood | None = None,
        validation: float = 0.1,
        steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        warmup: int = 100,
        weight_decay: float = 0.0,
        clip: float | None = 1.0,
        ema: float = 0.999,
        precision: str = "float32",
        time_limit: float | None = None,
        checkpoint_every: float = 30.0,
        device: str = "auto",
        compile: bool = False,
        random_state: int | np.random.RandomState | np.random.Generator | None = 0,
        progress: bool | None = None,
    ) -> None:
        self.condition, self.roles, self.kinds = condition, roles, kinds
        self.unconditional, self.encoders = unconditional, encoders
        self.quick, self.constraints = quick, constraints
        self.process, self.network, self.head = process, network, head
        self.objective, self.sampler, self.likelihood = objective, sampler, likelihood
        self.validation, self.steps, self.batch_size = validation, steps, batch_size
        self.learning_rate, self.warmup = learning_rate, warmup
        self.weight_decay, self.clip, self.ema, self.precision = weight_decay, clip, ema, precision
        self.time_limit, self.checkpoint_every, self.device = time_limit, checkpoint_every, device
        self.compile = compile
        self.random_state, self.progress = random_state, progress

    @torch.inference_mode(False)  # what is trained must be able to learn, wherever this is called
    @torch.enable_grad()
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        folder: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        on_step: OnStep | None = None,
    ) -> Self:
        """Learn the law of the rows of X.

        Args:
            X: (n, d) array or tensor, (n, *shape) images, or any DataFrame.
            y: conditions that are no columns of X: a dict of them by name, a DataFrame, or one of which each row has
                an array, such as images (n, C, H, W) or a list of sets; plain labels are one if `condition` names them.
            sample_weight: (n,), how much each row counts, from 0 and on any scale: rows are drawn in proportion.
            validation_data: rows like X, or the pair (X, y), to hold out instead of a share of X.
            folder: for the model and checkpoints.
            resume: go on from the checkpoint in `folder`, with the same data and options, to the result of one run.
            overwrite: replace the model in `folder`.
            on_step: called after every step with its number and what was measured: `loss`, `learning_rate`,
                `gradient_norm`, and after a look at held-out rows `validation_loss`; see `training.tracking`.

        Raises:
            InputError: what is wrong with the data, the settings or the folder, in one sentence.
            NonFiniteError: the training diverged.
        """
        if resume and overwrite:
            raise InputError("got resume and overwrite; expected one of them: to go on, or to begin anew")
        function(or_none=True, on_step=on_step)
        self._fresh = as_seed(self.random_state) if self._draws_seeds else fresh_seed()
        self._dialect = X.dialect if isinstance(X, Held | Scan) else None
        X = X.data if isinstance(X, Held) else X
        settings = self._settings()
        home = model_folder(folder) if resume else None if folder is None else expanded(folder)
        given = ToFit(X, y, sample_weight, validation_data)
        if home is None:
            if isinstance(X, Scan):
                raise InputError("got a table that is read in blocks, and no folder; expected one for its encoded rows")
            schema = self._infer(X, y)
            if self.quick:
                self._keep(schema, self._fitted_quickly(schema, given))
                return self
            portions = given.portions(schema, self.validation, self._seed)
            sizes = portions.sizes
            built = Built(sizes.width)
            denoiser = trainable(portions.begun(self._untrained(schema, built)))
            state = TrainState(denoiser, self._settings(sizes, denoiser, self._is_pooled(schema, denoiser)))
            validation = self._train(schema, state, portions, on_step=on_step)
            learnt = self._learnt(schema, state, portions, validation)
            self._keep(schema, learnt, state.losses, state.looks.table(), built)
            return self
        leads = ProcessGroup.gather(settings).rank == 0  # of several processes one writes
        with storage.held(home, resume=resume, overwrite=overwrite) if leads else nullcontext():
            self._fit_in(home, given, resume, leads, on_step)
        return self

    def _fit_in(self, home: Path, given: ToFit, resume: bool, leads: bool, on_step: OnStep | None) -> None:
        if self.quick:
            self._fit_quickly_in(home, given, resume, leads)
            return
        checkpoint, described = home / storage.TRAINING, storage.unfinished(home) if resume else None
        schema = self._infer(given.X, given.y) if described is None else self._schema_of(home, described)
        if described is not None and isinstance(described.data, dict):
            self._fresh = described.data.get("seed", self._fresh)
        portions = given.portions(schema, self.validation, self._seed, partial(self._encode, schema, home, leads))
        built = Built(portions.sizes.width) if described is None else Built.of(described.data)
        sizes = dataclasses.replace(portions.sizes, width=built.width or WIDTH)
        made = self._untrained(schema, built) if described is None else self._to_resume(home, schema, built)
        denoiser = trainable(portions.begun(made))
        state = TrainState(denoiser, self._settings(sizes, denoiser, self._is_pooled(schema, denoiser)))
        if described is not None and isinstance(described.data, dict):
            state.num_examples, state.digest = described.data.get("rows"), described.data.get("digest")
        state.see(portions.rows, portions.weights)
        if described is not None and isinstance(described.data, dict) and "held_out" in described.data:
            portions.check_same(described.data["held_out"])
        data = {"rows": state.num_examples, "digest": state.digest, "held_out": portions.digest}
        data |= dataclasses.asdict(built)
        if self.random_state is None:
            data["seed"] = self._fresh
        description = storage.Description.of(self._to_save, schema, data)
        state.run = description.run
        if resume and checkpoint.exists():
            load(state, checkpoint)
            state.see(portions.rows, portions.weights)
        if leads:
            storage.create(home, description, resume=resume)
        validation = self._train(schema, state, portions, checkpoint, on_step)
        learnt = self._learnt(schema, state, portions, validation)
        self._keep(schema, learnt, state.losses, state.looks.table(), built)
        if leads:
            storage.complete(home, description, *self._trained())
            storage.write_card(home, self.card(), MARK)
            removed(home / ROWS)

    def _encode(self, schema: Schema, home: Path, leads: bool, X: Any, y: Any) -> Encoded | Mapped:
        """In memory, or in files of which one process makes all."""
        if not isinstance(X, Scan):
            return schema.encode(X, y)
        group = ProcessGroup.gather(self._settings())
        if leads:
            mapped(schema, X, y, home / ROWS)
        group.wait()
        return mapped(schema, X, y, home / ROWS)

    def _fit_quickly_in(self, home: Path, given: ToFit, resume: bool, leads: bool) -> None:
        if resume:
            raise InputError("a quick model has no training to resume; fit it anew with overwrite=True (--overwrite)")
        schema = self._infer(given.X, given.y)
        self._keep(schema, self._fitted_quickly(schema, given))
        if leads:
            description = storage.Description.of(self._to_save, schema)
            storage.save(home, description, *self._trained())
            storage.write_card(home, self.card(), MARK)

    def _fitted_quickly(self, schema: Schema, given: ToFit) -> Denoiser:
        encoded = schema.encode(given.X, given.y)
        weights = weights_of(given.sample_weight, len(encoded))
        options: Any = dict(seed=self._seed, time_limit=self.time_limit, show=self.progress)
        denoiser = quick.fitted(self._process(schema), encoded, schema, weights=weights, **options)
        self.ended_ = f"fitted a mixture of {len(denoiser.weights):,} components to {len(encoded):,} rows"
        return denoiser

    def _infer(self, X: Any, y: Any) -> Schema:
        if isinstance(X, Scan):
            if self.quick:
                raise InputError("got quick and a table that is read in blocks; expected rows in memory: fit a sample")
            X, index = witnesses(X, seed=0)
            return self._inferred(X, conditions.taken(y, index)).holding(y)
        return self._inferred(X, y)

    def _inferred(self, X: Any, y: Any) -> Schema:
        said: dict[str, Any] = {"kinds": self.kinds, "constraints": self.constraints}
        real(least=0, below=1, or_none=True, unconditional=self.unconditional)
        optional = None if self.unconditional is None else self.unconditional > 0
        schema = Schema.infer(X, y, condition=self._conditions(), optional=optional, **said)
        return dataclasses.replace(schema, container=schema.container.written_in(self._dialect))

    def _schema_of(self, home: Path, described: storage.Description) -> Schema:
        """That of the training to resume, if it had our parameters."""
        with storage.explained(home):
            described.check_same_options(self._to_save)
            return described.make_schema()

    def _to_resume(self, home: Path, schema: Schema, built: Built) -> Neural:
        def made(inside: AbstractContextManager[Any] | None = None) -> Neural:
            with storage.explained(home):
                return self._untrained(schema, built, inside)

        checkpoint = home / storage.TRAINING
        if checkpoint.exists() and self._is_ours:  # before memory is taken
            check_form(checkpoint, lambda tensors: trainable(made(sketch(tensors))))
        return made()

    def save(self, folder: str | Path, *, overwrite: bool = False, card: str | None = None) -> None:
        """Write `config.json` and `weights.safetensors` into a folder; nothing is pickled.

        Args:
            folder: made if there is none.
            overwrite: replace the model in it.
            card: the text of `README.md` beside them; by default `self.card()`.
        """
        check_is_fitted(self)
        text = self.card() if card is None else card
        description = storage.Description.of(self._to_save, self.schema_, dataclasses.asdict(self._built))
        home = expanded(folder)
        with storage.held(home, overwrite=overwrite):
            storage.save(home, description, *self._trained())
            storage.write_card(home, text, MARK)

    def push_to_hub(
        self,
        name: str,
        *,
        private: bool | None = None,
        revision: str | None = None,
        message: str | None = None,
        token: str | None = None,
        **about: Any,
    ) -> str:
        """Upload the model with its card to the Hugging Face hub, and return the address of the commit.

        It needs `pip install 'unnoise[hub]'`, and an account: `hf auth login`, or a token.

        Args:
            name: as "someone/earthquakes"; the repository is made if there is none.
            private: whether others may not see a new repository; by default as the account says.
            revision: the branch, which is there already; the main one by default.
            message: of the commit.
            token: of the account, if it is not that of `hf auth login`.
            about: `evaluation`, `license`, `datasets` and `intended`, as `card` takes them.

        Raises:
            InputError: huggingface_hub is not installed, or the hub refuses the name or the account.
        """
        text = self.card(name=name, **about)
        options = {"revision": revision, "commit_message": message or f"A model of unnoise {__version__}"}
        with tempfile.TemporaryDirectory() as folder:
            self.save(Path(folder) / "model", card=text)
            return storage.pushed(Path(folder) / "model", name, private=private, token=token, **options)

    @classmethod
    def from_pretrained(
        cls, name: str | Path, *, revision: str | None = None, trust: Sequence[str] = (), **options: Any
    ) -> DenoisingMarkovModel:
        """A model of a folder or of the Hugging Face hub, read and checked as `unnoise.load` does it.

        Args:
            name: of a folder, or, if there is no such path, on the hub, as "someone/earthquakes".
            revision: of a model on the hub: a branch, a tag or a commit.
            trust: modules, besides unnoise, whose classes the folder may name.
            options: `token`, `cache_dir` and `local_files_only` for the hub.
        """
        if storage.is_name(name):
            return load_model(storage.fetched(str(name), revision, **options), trust=trust)
        return load_model(name, trust=trust, revision=revision)

    def _trained(self) -> tuple[Denoiser, Any, Any, str]:
        """What is saved of a training."""
        return self.denoiser_, self.losses_, self.validation_losses_, self.ended_

    def _settings(
        self, sizes: Sizes | None = None, denoiser: Denoiser | None = None, is_pooled: bool = False
    ) -> Settings:
        """Those of the parameters, and by default those for data of a size; without one, to check them early.

        Of a time limit something is left for the mixture where the network will be pooled with one.
        """
        check_share(self.validation)
        shared = (field.name for field in dataclasses.fields(Settings) if hasattr(self, field.name))
        given = {name: getattr(self, name) for name in shared}
        chosen: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None or name not in SIZED
        }
        if sizes is not None and denoiser is not None:
            network = trained(denoiser)
            head = network.head if self.network is None and isinstance(network, Neural) else None
            steps = sizes.table_steps if is_timeless(denoiser) else sizes.steps
            steps = sizes.given_steps if learns_few(denoiser) else steps
            by_size = {"steps": steps, "batch_size": sizes.batch_size, "learning_rate": default_rate(head)}
            chosen = by_size | chosen
        if is_pooled and self.time_limit is not None:
            chosen["time_limit"] = self.time_limit * (1 - pooling.TIME)
        return Settings(**chosen | {"seed": self._seed})

    @property
    def _is_ours(self) -> bool:
        """Whether all networks are."""
        return all(map(is_ours, (self.network, *(self.encoders or {}).values())))

    @property
    def _seed(self) -> int:
        fixed: Any = self.random_state
        return self._fresh if fixed is None or self._draws_seeds else fixed

    @property
    def seed_(self) -> int | None:
        """The seed that the training had, also where a generator of NumPy drew it; None if it is not known any more."""
        fixed: Any = self.random_state
        return self._fresh if self._draws_seeds else fixed

    @property
    def _draws_seeds(self) -> bool:
        """Whether the seed of every training is drawn from a generator of NumPy."""
        return isinstance(self.random_state, np.random.RandomState | np.random.Generator)

    @property
    def _to_save(self) -> dict[str, Any]:
        """The parameters, with the seed of the training in the place of a generator."""
        drawn: dict[str, Any] = {"random_state": self._fresh} if self._draws_seeds else {}
        return {**self.get_params(deep=False), **drawn}

    def _conditions(self) -> tuple[str, ...]:
        if self.condition is None:
            return ()
        names = (self.condition,) if isinstance(self.condition, str) else self.condition
        if not isinstance(names, Iterable):
            refuse("condition", names, "the name of a column, or a list of names")
        return tuple(names)

    def _untrained(self, schema: Schema, built: Built, inside: AbstractContextManager[Any] | None = None) -> Neural:
        """With first weights; the network is built inside a context."""
        process = self._process(schema)
        few = built.started and self.network is None and self.head is None and is_few(schema, process)
        since: Any = {"masks": built.width is not None, "few": few, "cells": built.cells}
        head_of = chosen_head(self.roles, schema, process, self.head, **since)
        with seeded(self._seed):
            head = process.head if head_of is None else head_of(process)
            with inside or nullcontext():
                options: Any = {
                    "width": built.width or WIDTH,
                    "timeless": head.timeless,
                    "few": few,
                    "each": built.each,
                    "near": built.near,
                    "small": built.small,
                }
                make = self.network or partial(default_network, **options)
                network = conditioned(make, schema, head, self.encoders or {})
        instance(torch.nn.Module, network=network)
        if few and not isinstance(network, Conditioned):
            told: Any = {"cond_features": schema.condition_width, "optional": schema.may_be_unknown}
            return Started(process, network.float(), head_of, **told)
        return Neural(process, network.float(), head_of)

    def _unfitted(
        self,
        schema: Schema,
        built: Built,
        mixture: Sequence[int] | None,
        inside: AbstractContextManager[Any] | None = None,
    ) -> Denoiser:
        """What tensors of a file are loaded into, with a mixture of so many components, and groups, beside it."""
        network = self._untrained(schema, built, inside)
        return network if mixture is None else Pooled(network, quick.unfitted(network.process, schema, *mixture))

    def _process(self, schema: Schema) -> Any:
        self._check_parts()
        process: Any = schema.process() if self.process is None else self.process
        if not isinstance(process, processes.Process):
            process = process(schema.process().space)
        instance(processes.Process, process=process)
        return copy.deepcopy(process)  # its schedule may learn, and the parameters must not change

    def _check_parts(self) -> None:
        """An InputError if a part is an object of another kind."""
        flag(quick=self.quick)
        instance(Objective, or_none=True, objective=self.objective)
        instance(Likelihood, or_none=True, likelihood=self.likelihood)
        parts = {name: getattr(self, name) for name in ("network", "head", "sampler")}
        if not isinstance(self.process, processes.Process):
            parts["process"] = self.process
        function(or_none=True, or_class=True, **parts)
        instance(Mapping, or_none=True, encoders=self.encoders)

    def _train(
        self,
        schema: Schema,
        state: TrainState,
        portions: Portions,
        checkpoint: Path | None = None,
        on_step: OnStep | None = None,
    ) -> Validation | None:
        def rows(part: Dataset) -> Dataset:
            return asking(self.roles, state.denoiser, part, schema)

        objective, settings = self.objective or default_objective(state.denoiser), state.settings
        begun = isinstance(trained(state.denoiser), Started)
        validation = portions.validation(objective, rows, settings, begun)
        share = UNTOLD if self.unconditional is None else self.unconditional
        learnt: Any = Untold(portions.rows, share) if schema.may_be_unknown else portions.rows
        steps = train(
            state,
            objective,
            rows(learnt),
            weights=portions.weights,
            validation=validation,
            checkpoint=checkpoint,
        )
        with progress(f"training on {portions.words}", self.progress) as update, closing(steps):
            for step in steps:
                told = f"step {step.index + 1:,} of {settings.steps:,}, loss {step.loss:.3f}{state.looks.words}"
                update(step.progress, told)
                if on_step is not None:
                    on_step(step.index + 1, measured(step, state.looks))
        self.ended_ = f"trained on {portions.words}; {ending(state, validation)}"
        return validation

    def _is_pooled(self, schema: Schema, denoiser: Denoiser) -> bool:
        """Whether the trained network is pooled with a mixture: where nothing of it is one's own."""
        own = self.network, self.head, self.process, self.objective
        return all(part is None for part in own) and pooling.is_pooled(schema, trained(denoiser))

    def _learnt(self, schema: Schema, state: TrainState, portions: Portions, validation: Validation | None) -> Denoiser:
        """The network, pooled with a mixture where held-out rows say so."""
        network = trained(state.best.cpu())
        if validation is None or not isinstance(network, Neural) or not self._is_pooled(schema, network):
            return network
        rows, weights = portions.first
        seen = state.step * state.settings.batch_size * state.settings.accumulate
        limit = None if self.time_limit is None else self.time_limit * pooling.TIME
        options: Any = dict(weights=weights, seed=self._seed, time_limit=limit, show=self.progress)
        mixture = pooling.mixture_beside(network, rows, schema, seen / len(portions.rows), **options)
        if mixture is None:
            return network
        learnt, words = pooling.pooled(network, mixture, validation.loss)
        self.ended_ += words
        return learnt

    def _keep(
        self,
        schema: Schema,
        denoiser: Denoiser,
        losses: Sequence[float] = (),
        looks: torch.Tensor | None = None,
        built: Built = Built(),
    ) -> None:
        self.schema_ = schema
        self.denoiser_ = denoiser
        self.losses_ = np.asarray(losses, dtype=np.float64)
        self.validation_losses_ = np.empty((0, 2)) if looks is None else looks.numpy()
        self._built = built
        self.n_features_in_ = schema.num_features
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if schema.feature_names is not None:
            self.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)


@torch.inference_mode(False)
def load_model(folder: str | Path, *, trust: Sequence[str] = (), revision: str | None = None) -> DenoisingMarkovModel:
    """Read a model that `save` or `fit(folder=...)` wrote.

    Args:
        folder: where it is; or, if there is no such path, its name on the Hugging Face hub, as "someone/earthquakes".
        trust: modules, besides unnoise, whose classes the folder may name.
        revision: of a model on the hub: a branch, a tag or a commit.

    Raises:
        InputError: the model is missing, unfinished, damaged, or names code that is not trusted.
    """
    if storage.is_name(folder):
        folder = storage.fetched(str(folder), revision)
    elif revision is not None:
        raise InputError(f"got revision = {revision!r}, which is for models of the hub, and {str(folder)!r} is a path")
    path = model_folder(folder)
    with storage.open_weights(path) as weights:
        model = _described(path, weights.description, trust)
        with storage.explained(path):
            schema = weights.description.make_schema()
            built = Built.of(weights.description.data)
            if model.quick:
                denoiser: Denoiser = quick.unfitted(model._process(schema), schema, *weights.shape("weights"))
            else:
                shape = weights.shape("mixture.weights") if "mixture.weights" in weights else None
                if model._is_ours:  # before memory is taken
                    weights.check(model._unfitted(schema, built, shape, sketch(len(weights))))
                denoiser = model._unfitted(schema, built, shape)
        losses, looks = weights.load_into(denoiser)
        model.ended_ = weights.ended
    model._keep(schema, denoiser.requires_grad_(False).eval(), losses, looks, built)
    return model


def load_unfitted(folder: str | Path, *, trust: Sequence[str] = ()) -> DenoisingMarkovModel:
    """The model in a folder before its training, which may be unfinished: what `fit` resumes."""
    path = model_folder(folder)
    return _described(path, storage.unfinished(path), trust)


def _described(path: Path, description: storage.Description, trust: Sequence[str]) -> DenoisingMarkovModel:
    with storage.explained(path):
        return DenoisingMarkovModel(**description.make_params(trust))
