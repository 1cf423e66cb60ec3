"""What a trained model does: draw rows, by its reverse or by chains, and score rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from unnoise import _tree, samplers
from unnoise._checks import function, instance, real
from unnoise._errors import InputError
from unnoise._progress import progress
from unnoise._seeding import generator
from unnoise.chains import AtNoise, WalkJump
from unnoise.chains.base import ChainSampler
from unnoise.data import Encoded, EncodedCells, Schema
from unnoise.data.factors import CategoryFactor
from unnoise.data.questions import rows_told
from unnoise.denoisers import Answering, AnyQuestion, ClassifierFree, Denoiser, Neural
from unnoise.evaluation import Estimate, Likelihood, Posteriors
from unnoise.evaluation.closed_form import own_likelihood
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.model import quick
from unnoise.model.card import card
from unnoise.model.defaults import Built, default_likelihood, default_sampler, is_timeless
from unnoise.model.doubting import warn_of_values_apart
from unnoise.model.exporting import exported
from unnoise.model.filling import imputed, probabilities
from unnoise.model.posteriors import posteriors
from unnoise.model.questions import Ask, Rows
from unnoise.model.sampling import sampled
from unnoise.model.scoring import Columns, estimated
from unnoise.samplers import Sampler
from unnoise.samplers.base import OnStep
from unnoise.samplers.checks import warn_of_spread
from unnoise.training import ProcessGroup, Settings

Make = Callable[..., Sampler] | None


def _has_levels(model: Any) -> bool:
    """Whether some column is finite: for others scikit-learn finds no method."""
    return any(isinstance(factor, CategoryFactor) for factor in model.schema_.factors.values())


class FittedModel(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """A model with a schema and a trained denoiser; a `DenoisingMarkovModel` becomes one by `fit`."""

    schema_: Schema
    denoiser_: Denoiser
    ended_: str
    sampler: Callable[..., Sampler] | None
    likelihood: Likelihood | None
    progress: bool | None
    device: str
    _built: Built

    def __sklearn_tags__(self) -> Any:
        """Holes are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    @property
    def sampler_(self) -> Callable[..., Sampler]:
        """What draws by default, called with (denoiser) or (denoiser, steps=...): of an old model as it did then."""
        process, timeless = self.denoiser_.process, is_timeless(self.denoiser_)
        return self.sampler or default_sampler(process, timeless, self._built.powers)

    def sample(
        self,
        n: int | None = None,
        *,
        given: Any = None,
        y: Any = None,
        guidance: float = 1.0,
        seed: int | None = None,
        sampler: Make = None,
        steps: int | None = None,
    ) -> Any:
        """Draw new rows, of the type that was fitted.

        A sampler that diverges raises a NonFiniteError; rows of a spread that the data cannot have, as after too few
        steps, give an InaccurateSamplesWarning.

        Args:
            n: how many; by default as many as a DataFrame of `given` has, and else one.
            given: what is known of the rows, by column: a value, n values, None where the value is missing, a pair
                (low, high) or a set of values; or a DataFrame with one row or n, whose holes are drawn. Any columns,
                without a new fit; those of `condition` always.
            y: conditions that are no columns of the data, as in `fit`: one for all rows or n; if there are none, the
                rows follow the law without them.
            guidance: w in p(x|y)^w p(x)^(1-w): above 1 the conditions count for more than in the data; 0 forgets them.
            seed: the same seed and n give the same rows; None takes a fresh seed.
            sampler: called with (denoiser) or (denoiser, steps=...); the model's own by default.
            steps: noise levels that the sampler visits.

        Raises:
            InputError: conditions that are missing or unknown, columns or levels that are unknown, nothing left to
                ask, or a sampler for another kind of noise.
            NonFiniteError: the sampler met a number that is not finite; says where, and the probable cause.
        """
        n = self._count(rows_told(given) if n is None else n)
        known = self.schema_.given({} if given is None else given, n, y)
        rng = generator(seed)
        ask = self.asker(rng, sampler=sampler, steps=steps, guidance=guidance)
        x, told = sampled(self.schema_, known, ask, rng)
        warn_of_values_apart(self, known)
        return self.schema_.written(x, told, rng)

    def asker(
        self,
        rng: torch.Generator,
        *,
        sampler: Make = None,
        steps: int | None = None,
        on_step: OnStep = None,
        guidance: float = 1.0,
    ) -> Ask:
        """Draws the states of rows whose cells are asked, as `sample` does."""
        options: Any = {"sampler": sampler, "steps": steps, "on_step": on_step, "guidance": guidance}

        def ask(rows: Rows, asked: Any) -> Any:
            cond = rows.condition(asked)
            return self.sample_states(len(rows), cond, rng, **options)

        return ask

    def impute(
        self, X: Any, y: Any = None, *, draws: int = 1, point: str | None = None, seed: int | None = None
    ) -> Any:
        """Fill the holes of X, and leave all else as it is.

        Args:
            X: rows like those that were fitted, with NaN, None or null where a value is missing.
            y: conditions that are no columns of X.
            draws: how many independent fillings; more than one gives a list of them.
            point: None for draws from the law given the rest of the row. "mean" and "mode" fill levels with the
                likeliest one; "mean" fills numbers with their mean. Numbers under "mode", and places, angles and
                counts, get the one of 16 draws that is nearest to the others.
            seed: the same seed gives the same values.
        """
        check_is_fitted(self)
        if point is not None and draws != 1:
            raise InputError(f"got point = {point!r} and draws = {draws}; a point is one filling: leave out draws")
        return imputed(self, X, y, draws, point, seed)

    @available_if(_has_levels)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any, column: str, y: Any = None) -> Any:
        """The probability of every level of one column given the rest of each row, (n, levels).

        Levels are in the order of `schema_.levels(column)`; what X says of the column itself does not matter, and holes
        are marginalised. One evaluation at t = 1, where the noisy value says nothing, gives all of it.

        Raises:
            InputError: a column that is not finite, or a model of the joint law alone.
        """
        check_is_fitted(self)
        return probabilities(self, X, column, y)

    @torch.inference_mode(False)
    def sample_states(
        self,
        n: int,
        cond: Any,
        rng: torch.Generator,
        *,
        sampler: Make = None,
        steps: int | None = None,
        on_step: OnStep = None,
        guidance: float = 1.0,
    ) -> Any:
        """The standardised states for encoded conditions that `sample` decodes."""
        denoiser = self.answering() if isinstance(cond, dict) else self.denoiser_.to(self._device())
        if not (sampler or self.sampler or steps) and (x := quick.drawn(denoiser, n, cond, rng)) is not None:
            return x
        make = sampler or self.sampler_
        function(or_class=True, sampler=make)
        denoiser = self._guided(denoiser, guidance)
        machine = make(denoiser) if steps is None else make(denoiser, steps=steps)
        machine.judged = True  # below
        looks, seen = machine.groups(n, cond) * (machine.steps - 1), itertools.count(1)
        with progress(f"sampling {n:,} rows", self.progress) as update:

            def tell(index: int, t: float, state: Any) -> None:
                update(next(seen) / looks, f"noise level t = {t:.2f}")
                if on_step is not None:
                    on_step(index, t, state)

            cond = None if cond is None else _tree.map(lambda leaf: leaf.to(self._device()), cond)
            x = _tree.map(lambda leaf: leaf.cpu(), machine.sample(n, rng, cond, on_step=tell))
        warn_of_spread(denoiser.process, x, conditional=cond is not None)
        return x

    @torch.inference_mode(False)
    def walk(
        self,
        n: int = 1,
        *,
        chain: Callable[[AtNoise], ChainSampler] = WalkJump,
        given: Any = None,
        seed: int | None = None,
    ) -> Any:
        r"""Draw n rows by chains on the density of noisy data; for Gaussian noise alone.

        `chains.WalkJump` is quick, at one noise level, and its jumps vary less than the data; `chains.Sequential`
        measures the same row again and again, and weighs distant modes rightly.

        Args:
            n: how many, each from its own chain, which starts at the mean of the data.
            chain: called with the denoiser at noise levels in standard deviations of the data, such as
                `functools.partial(chains.WalkJump, sigma=0.3, steps=500)`.
            given: one value or n values for each condition; no other columns.
            seed: the same seed gives the same rows; None takes a fresh one.

        Raises:
            InputError: noise that is not Gaussian, as where columns are categories or angles.
            NonFiniteError: a chain diverged.
        """
        check_is_fitted(self)
        cond = self._encoded_condition(n, given, fewest=1)
        denoiser, rng = self.denoiser_.to(self._device()), generator(seed)
        groups = list(samplers.base.batches(int(n), samplers.base.default_batch_size(self.schema_.event_shape)))
        done: list[torch.Tensor] = []
        with progress(f"walking to {n:,} rows", self.progress) as update:
            for rows in groups:
                sampler = chain(AtNoise(denoiser, None if cond is None else cond[rows].to(self._device())))

                def tell(index: int, state: Any, steps: int = sampler.reports) -> None:
                    update((len(done) + (index + 1) / steps) / len(groups), f"step {index + 1:,} of {steps:,}")

                done.append(sampler.sample(rows.stop - rows.start, rng, on_step=tell))
        return self.schema_.decode(torch.cat(done).cpu(), given)

    def score_samples(
        self,
        X: Any,
        y: Any = None,
        *,
        of: Columns = None,
        given: Columns = None,
        likelihood: Likelihood | None = None,
        seed: int = 0,
    ) -> Any:
        r"""$\log p(\text{of} | \text{given})$ of every row in nats, in the data's own units.

        With respect to which measure says `schema_.measure`, or `schema_.measure_of(of, given)`.

        Args:
            X: rows like those that were fitted; of a row with holes it is the law of what is known.
            y: conditions that are no columns of X.
            of: the columns to score; by default all that are not given.
            given: the columns to score them given; the rest is marginalised.
            likelihood: such as `evaluation.Bound`; the model's own by default.
            seed: of dequantisation and Monte Carlo.
        """
        found = self.estimate(X, y, of=of, given=given, likelihood=likelihood, seed=seed)
        return found.log_prob.numpy().astype(np.float64)

    @torch.inference_mode(False)
    def posteriors(
        self,
        X: Any,
        y: Any = None,
        *,
        of: Columns = None,
        given: Columns = None,
        draws: int = 19,
        density_draws: int = 9,
        max_rows: int = 300,
        seed: int = 0,
    ) -> Posteriors:
        """Draws given what each row says of some columns, beside what it says of others, for `evaluation.calibration`.

        Args:
            X: rows that were not fitted, whose holes in columns that may be missing are known to be holes.
            y: conditions that are no columns of X.
            of: the columns to compare; by default all that are not given.
            given: the columns that are given beside the conditions; the rest is marginalised.
            draws: of each row, all in one batch.
            density_draws: the most of each row whose log density is measured; 0 for none.
            max_rows: the most rows, chosen at random.
            seed: the same seed gives the same draws.

        Raises:
            InputError: nothing is given, columns that there are not, or fewer than 10 rows of which all asked is known.
        """
        check_is_fitted(self)
        counts = {"draws": draws, "density_draws": density_draws, "max_rows": max_rows}
        return posteriors(self, X, y, of, given, generator(seed), **counts)

    @property
    def likelihood_(self) -> Likelihood:
        """How `score_samples` answers."""
        denoiser = self.denoiser_
        own = self.likelihood or own_likelihood(denoiser)
        return own or default_likelihood(denoiser.process, is_timeless(denoiser))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`."""
        return float(self.score_samples(X, y).mean())

    @torch.inference_mode(False)  # derivatives there would be zero in silence
    def estimate(
        self,
        X: Any,
        y: Any = None,
        *,
        of: Columns = None,
        given: Columns = None,
        likelihood: Likelihood | None = None,
        dequantisations: int = 1,
        seed: int = 0,
    ) -> Estimate:
        """As `score_samples`, with Monte Carlo errors, parts, and the method in words.

        Integers have `dequantisations` points of their cells. An exact density weighs them, which tightens the bound;
        else they are averaged, which lowers the error.
        """
        check_is_fitted(self)
        rng = generator(seed)
        encoded = self.schema_.encode(X, y)
        if of is not None or given is not None or encoded.known is not None or self.schema_.in_steps:
            return estimated(self, encoded, of, given, rng, likelihood, dequantisations)
        if dequantisations == 1 or encoded.jitter is None:
            x, cond = encoded.all(rng)
            return with_detail(self.estimate_states(x, cond, rng, likelihood), encoded)
        density = likelihood or self.likelihood_
        exact = density.is_exact(self.denoiser_.process)
        method = DequantisedLikelihood(density, EncodedCells(encoded.jitter), dequantisations, weighted=exact)
        return with_detail(self.estimate_states(encoded.x, encoded.cond, rng, method), encoded)

    @torch.inference_mode(False)
    def estimate_states(
        self, x: Any, cond: Any, rng: torch.Generator, likelihood: Likelihood | None = None
    ) -> Estimate:
        """The likelihood of standardised states, in the data's units."""
        method = likelihood or self.likelihood_
        result, n = self.likelihood_of_states(x, cond, rng, method), _tree.length(x)
        volume = self.schema_.log_volume
        parts = result.parts | {"units": torch.full((n,), volume)}
        filled = self.schema_.has_cells and not isinstance(method, DequantisedLikelihood)
        words = method.description + (f", {EncodedCells.name}" if filled else "")
        return Estimate(result.log_prob + volume, result.standard_error, parts, words, result.degrees_of_freedom)

    @torch.inference_mode(False)
    def likelihood_of_states(
        self, x: Any, cond: Any, rng: torch.Generator, method: Likelihood, only: Sequence[str] | None = None
    ) -> Estimate:
        """The likelihood of standardised states in their own units; the condition may be a question about them."""
        instance(Likelihood, likelihood=method)
        device, n = self._device(), _tree.length(x)
        with progress(f"{method.name} of {n:,} rows", self.progress) as update:
            result = method(
                self.answering(only) if isinstance(cond, dict) else self.denoiser_.to(device),
                _tree.map(lambda leaf: leaf.to(device), x),
                rng,
                None if cond is None else _tree.map(lambda leaf: leaf.to(device), cond),
                on_rows=lambda done: update(done / n, f"{done:,} rows"),
            )
        parts = {name: part.cpu() for name, part in result.parts.items()}
        log_prob, error = result.log_prob.cpu(), result.standard_error.cpu()
        return Estimate(log_prob, error, parts, result.method, result.degrees_of_freedom)

    def card(self, **about: Any) -> str:
        """What `README.md` says of the model beside its files, from what was measured.

        Args:
            about: `name`, `evaluation`, `license`, `datasets` and `intended`, as `model.card.card` takes them.
        """
        check_is_fitted(self)
        return card(self, **about)

    def export(self, folder: str | Path, *, steps: int | None = None, overwrite: bool = False) -> None:
        """Write the denoiser by torch.export, and a sampler beside it that needs torch alone.

        Args:
            folder: gets `denoiser.pt2` (`law.pt` of a quick model), `plan.json` and `sampler.py`.
            steps: noise levels that the sampler visits; not of tables.
            overwrite: replace such a folder.

        Raises:
            InputError: the model is not one of a table of numbers and levels, or of numbers or images under Gaussian
                noise, with the default sampler.
        """
        check_is_fitted(self)
        if self.sampler is not None:
            raise InputError(
                "got a model with a sampler of its own; expected the default one: set_params(sampler=None)"
            )
        exported(self.denoiser_.cpu(), self.schema_, Path(folder), self.sampler_, steps=steps, overwrite=overwrite)

    def _encoded_condition(self, n: int, given: Any, fewest: int = 0) -> torch.Tensor | None:
        return self.schema_.encode_condition(given, self._count(n, fewest))

    def answering(self, only: Sequence[str] | None = None) -> Answering:
        """The denoiser, which answers the question that comes as its condition, of all factors or only some.

        Raises:
            InputError: the model knows the joint law alone.
        """
        check_is_fitted(self)
        denoiser = self.denoiser_.to(self._device())
        silent = isinstance(denoiser, Neural) and not denoiser.answers
        if silent or not isinstance(denoiser, AnyQuestion):
            raise InputError(
                "this model knows the joint law of all columns alone, so it cannot be asked about some of them given "
                "others: fit it with roles='any', and a process with a kernel"
            )
        return Answering(denoiser, only)

    def _guided(self, denoiser: Denoiser, guidance: float) -> Denoiser:
        """The denoiser, or that of the law whose conditions count for more or less."""
        real(guidance=guidance)
        if guidance == 1:
            return denoiser
        if not self.schema_.may_be_unknown:
            why = "was fitted with unconditional=0" if self.schema_.conditions else "has no conditions"
            raise InputError(
                f"got guidance = {guidance:g}, and this model {why}; fit it with conditions and unconditional=0.1, or "
                "leave it out"
            )
        return ClassifierFree(denoiser, guidance, self.schema_.unknown_condition.to(self._device()))

    def _count(self, n: int, fewest: int = 0) -> int:
        check_is_fitted(self)
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < fewest:
            raise InputError(f"got n = {n!r}; expected how many rows to sample, a whole number from {fewest}")
        return int(n)

    def _device(self) -> torch.device:
        return ProcessGroup.gather(Settings(device=self.device)).device


def with_detail(estimate: Estimate, encoded: Encoded) -> Estimate:
    """With the log density of values given their states."""
    detail = encoded.log_detail()
    if not detail.any():
        return estimate
    return replace(estimate, log_prob=estimate.log_prob + detail, parts=estimate.parts | {"detail": detail})
