"""Every public constructor, with a legal example and with each of its arguments replaced by nonsense.

A new class or function stands in `MADE`, with a legal example, or in `ELSEWHERE`, with the reason; `FINE` lists where
a value of the table of nonsense is legal.
"""

from __future__ import annotations

import importlib
import inspect
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from unnoise import (
    chains,
    denoisers,
    evaluation,
    heads,
    inference,
    laws,
    networks,
    objectives,
    processes,
    samplers,
    schedules,
    spaces,
    targets,
)
from unnoise._errors import InputError
from unnoise.denoisers import likelihoods
from unnoise.objectives import times, weightings
from unnoise.processes import paths, rates
from unnoise.samplers import forms, grids
from unnoise.spaces.products import OneFactor

PACKAGES = """
    schedules laws spaces heads processes processes.paths processes.rates networks denoisers denoisers.likelihoods
    objectives objectives.times objectives.weightings objectives.snr_form samplers samplers.forms samplers.grids chains
    chains.diagnostics targets evaluation inference
"""
SECONDS = 5  # that one call may take

NONSENSE: dict[str, Any] = {
    "none": None,
    "true": True,
    "text": "5",
    "nan": math.nan,
    "inf": math.inf,
    "negative": -1,
    "zero": 0,
    "half": 2.5,
    "huge": 10**20,
    "class": int,
    "object": object(),
    "empty": (),
    "nans": (math.nan, 1.0),
    "function": lambda *given: given[0],
}


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


LINE = spaces.Euclidean(1)
EDM = processes.edm(LINE)
POINTS = torch.tensor([[-1.0], [1.0]])
OF_BOTH = denoisers.Exact(processes.product({"a": EDM, "b": EDM}), {"a": POINTS, "b": POINTS})
ASKED = torch.tensor([[True], [True]])
EXACT = denoisers.Exact(EDM, POINTS)
LETTERS = processes.CTMC(spaces.Finite(2, 4), rates.Absorbing(4))
SPELT = denoisers.Exact(LETTERS, torch.tensor([[0, 1], [1, 2]]))
NOISY = chains.AtNoise(EXACT)
NORMAL = laws.Normal(torch.zeros(1), torch.ones(()), 1)
BELLS = laws.NormalComponents(torch.zeros(1, 1), torch.ones(1, 1))
ROUND = laws.GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1, 1))
SPINS = targets.Ising((2, 2), 0.3)
PAIR = spaces.product({"x": spaces.Euclidean(1), "y": spaces.Euclidean(1)})
ORIGIN = {"x": torch.zeros(1, 1), "y": torch.zeros(1, 1)}
ONE_OF_PAIR = OneFactor(chains.Density(lambda at: -at["x"].square().sum(-1), PAIR), PAIR.parts["x"], ORIGIN, "x")
WITHIN = chains.Metropolis(ONE_OF_PAIR, 0.1)
BELL = chains.Density(lambda x: -0.5 * (x**2).sum(-1))
BACKWARDS = {
    "denoiser": EXACT,
    "times": torch.tensor([1.0, 0.5]),
    "errors": torch.ones(2, 2),
    "centre": torch.zeros(2),
    "factor": torch.eye(2),
}
LEVELS = spaces.Lattice(0.0, 1.0, 3)
CHAIN = processes.chain_of_betas(LINE, (0.1, 0.2, 0.4))
NETWORK = networks.MLP((1,), width=8, depth=1, embedding=8)
OF_LETTERS = denoisers.Neural(LETTERS, networks.ResNet((6,), width=8, depth=1, embedding=8), heads.Hidden)
MIXED = denoisers.ExactProductMixture(
    LETTERS, laws.ProductMixture(torch.ones(1), laws.CategoricalComponents(torch.tensor([[[0.5, 0.3, 0.2, 0.0]] * 2])))
)
SEEN = likelihoods.noisy(torch.tensor([1.0]), 1.0)
TWO = torch.zeros(2, 1)

# Every public class or function that makes an object: a legal example.
MADE: dict[str, dict[str, Any]] = {
    # schedules
    "schedules.Linear": {"start": 0.1, "end": 20.0, "tau_min": 1e-5},
    "schedules.Cosine": {"tau_min": 1e-3, "tau_max": 0.999},
    "schedules.Erasing": {"lost": 1e-5, "survival": 1e-5},
    "schedules.Geometric": {"start": 0.1, "end": 1.0},
    "schedules.Exponential": {"scale": 3.0, "base": 100.0, "tau_min": 1e-5},
    "schedules.LinearLogSNR": {"maximum": 5.0, "minimum": -5.0},
    "schedules.LogSNR": {"function": lambda t: -t},
    "schedules.PowerLogSNR": {"sigma_min": 0.1, "sigma_max": 10.0, "rho": 7.0},
    "schedules.LogitLogSNR": {"tau_min": 0.1, "tau_max": 0.9},
    "schedules.SquaredNoise": {"rates": schedules.Linear()},
    "schedules.Learned": {"maximum": 5.0, "minimum": -5.0, "units": 4, "learn_ends": True},
    # laws
    "laws.Categorical": {"probs": torch.full((2, 2), 0.5), "event_ndim": 1},
    "laws.Dirichlet": {"concentration": torch.ones(2)},
    "laws.GaussianMixture": {
        "weights": torch.ones(1),
        "means": torch.zeros(1, 2),
        "covariances": torch.eye(2)[None],
    },
    "laws.Normal": {"mean": torch.zeros(2), "scale": torch.ones(()), "event_ndim": 1},
    "laws.NormalMixtures": {
        "log_weights": torch.zeros(2, 1),
        "means": torch.zeros(2, 1, 2),
        "whiteners": torch.eye(2).expand(2, 1, 2, 2),
    },
    "laws.Independent": {"parts": {"a": NORMAL}},
    "laws.BinomialBirths": {
        "count": torch.ones(1, dtype=torch.int64),
        "missing": torch.ones(1),
        "share": torch.ones(()),
        "event_ndim": 1,
    },
    "laws.BinomialThinning": {
        "count": torch.ones(1, dtype=torch.int64),
        "kept": torch.ones(()),
        "arrivals": torch.ones(()),
        "event_ndim": 1,
    },
    "laws.WrappedNormal": {"mean": torch.zeros(2), "scale": torch.ones(()), "event_ndim": 1},
    "laws.CategoricalComponents": {"probs": torch.full((2, 1, 2), 0.5)},
    "laws.OrderedComponents": {"probs": torch.full((2, 1, 2), 0.5), "scores": torch.tensor([[-0.5, 0.5]])},
    "laws.NormalComponents": {"means": torch.zeros(2, 1), "variances": torch.ones(2, 1)},
    "laws.PoissonComponents": {"means": torch.ones(2, 1)},
    "laws.WrappedNormalComponents": {"means": torch.zeros(2, 1), "variances": torch.ones(2, 1)},
    "laws.ProductMixture": {"weights": torch.ones(1), "parts": BELLS, "groups": None},
    "laws.fit_latent_classes": {
        "base": BELLS,
        "x": POINTS,
        "known": torch.ones(2, 1, dtype=torch.bool),
        "components": 1,
        "weights": torch.ones(2),
        "together": torch.zeros(1, dtype=torch.int64),
        "rng": torch.Generator(),
        "time_limit": 1.0,
        "on_step": None,
    },
    # spaces
    "spaces.Euclidean": {"event_shape": 2},
    "spaces.Counts": {"event_shape": 2},
    "spaces.Finite": {"event_shape": 2, "sizes": 3},
    "spaces.Lattice": {"first": 0.0, "step": 1.0, "count": 3},
    "spaces.ProductSpace": {"parts": {"a": LINE}},
    "spaces.ProductContinuum": {"parts": {"a": LINE}},
    "spaces.ProductManifold": {"parts": {"a": LINE}},
    "spaces.product": {"parts": {"a": LINE}},
    "spaces.Simplex": {"parts": 3},
    "spaces.Aitchison": {"parts": 3},
    "spaces.Sphere": {"dimension": 2},
    "spaces.Torus": {"dimension": 2},
    # heads
    "heads.CountHead": {"process": processes.PureDeath(spaces.Counts(1))},
    "heads.Hidden": {"process": LETTERS, "digits": (1,) * LETTERS.space.sites},
    "heads.Indices": {"process": LETTERS},
    "heads.Logistic": {"process": LETTERS, "evidence": True, "log_scale": -2.0, "bells": 2, "atoms": (0,)}
    | {"relative": True},
    "heads.Posterior": {"process": LETTERS},
    "heads.RatioHead": {"process": LETTERS},
    "heads.Softmax": {"process": LETTERS},
    "heads.X0": {"process": EDM, "sigma_data": 1.0},
    "heads.Eps": {"process": EDM, "sigma_data": 1.0},
    "heads.Preconditioned": {"process": EDM, "sigma_data": 1.0},
    "heads.Score": {"process": EDM, "sigma_data": 1.0},
    "heads.Told": {"head": heads.V(EDM), "cells": (1,)},
    "heads.told": {"process": EDM, "head": heads.V},
    "heads.V": {"process": EDM, "sigma_data": 1.0},
    "heads.Fourier": {"process": EDM, "sigma_data": 1.0, "frequencies": (1.0, 2.0)},
    "heads.Velocity": {"process": EDM, "sigma_data": 1.0},
    "heads.CellHead": {"process": EDM, "lattice": LEVELS, "sigma_data": 1.0},
    "heads.LatticeHead": {"process": EDM, "lattice": LEVELS, "bells": 2, "atoms": (0, -1), "sigma_data": 1.0},
    "heads.Letters": {"process": processes.edm(spaces.Euclidean((2, 3)))},
    "heads.ScoreHead": {
        "process": processes.DiffusionProcess(LINE, lambda x, t: -x, torch.ones_like, lambda n: NORMAL)
    },
    "heads.Tangent": {"process": processes.Brownian(spaces.Sphere(2)), "frequencies": (1.0, 2.0)},
    "heads.JointHead": {"parts": {"a": EDM.head}},
    "heads.joint": {"process": processes.product({"a": EDM}), "parts": {"a": heads.V}},
    "heads.LogRatio": {"process": processes.WrightFisher(spaces.Simplex(2))},
    "heads.SimplexHead": {"process": processes.WrightFisher(spaces.Simplex(2))},
    # processes
    "processes.Betas": {"betas": (0.1, 0.2)},
    "processes.LearnedBetas": {"betas": (0.1, 0.2)},
    "processes.erasing_betas": {"steps": 4, "first": 0.1},
    "processes.geometric_betas": {"steps": 4, "first": 0.1, "last": 0.5},
    "processes.linear_betas": {"steps": 4, "first": 0.1, "last": 0.5},
    "processes.Binomial": {"space": spaces.Finite(2, 2), "mean": 0.5, "schedule": schedules.Erasing()},
    "processes.Brownian": {"space": spaces.Sphere(2), "schedule": schedules.Geometric(1e-4, 1.0)},
    "processes.until_mixed": {"space": spaces.Sphere(2), "start": 1e-4},
    "processes.Chain": {"process": EDM, "times": (0.0, 0.5, 1.0), "variance": processes.SmallVariance()},
    "processes.binomial_chain": {"space": spaces.Finite(2, 2), "mean": 0.5, "steps": 4},
    "processes.chain_of_betas": {"space": LINE, "betas": (0.1, 0.2), "variance": processes.SmallVariance()},
    "processes.even_times": {"steps": 4},
    "processes.ImmigrationDeath": {"space": spaces.Counts(2), "mean": 1.0, "schedule": schedules.Erasing()},
    "processes.PureDeath": {"space": spaces.Counts(2), "mean": 1.0, "schedule": schedules.Erasing()},
    "processes.CTMC": {"space": spaces.Finite(2, 4), "rates": rates.Absorbing(4), "schedule": schedules.Erasing()},
    "processes.Gaussian": {"space": LINE, "schedule": schedules.Linear(), "path": paths.Straight()},
    "processes.DiffusionProcess": {
        "space": LINE,
        "drift": lambda x, t: -x,
        "scale": torch.ones_like,
        "prior_law": lambda n: NORMAL,
    },
    "processes.JumpProcess": {"space": spaces.Finite(2, 2), "rates": lambda x, t: x, "prior_law": lambda n: NORMAL},
    "processes.edm": {"space": LINE, "sigma_min": 0.1, "sigma_max": 10.0, "rho": 7.0},
    "processes.ornstein_uhlenbeck": {"space": LINE, "horizon": 5.0},
    "processes.rectified_flow": {"space": LINE, "tau_min": 0.1, "tau_max": 0.9},
    "processes.sub_variance_preserving": {"space": LINE, "schedule": schedules.Linear(tau_min=1e-3)},
    "processes.variance_exploding": {"space": LINE, "sigma_min": 0.1, "sigma_max": 10.0},
    "processes.variance_preserving": {"space": LINE, "schedule": schedules.Linear()},
    "processes.BridgedProduct": {"parts": {"a": EDM}},
    "processes.KernelProduct": {"parts": {"a": EDM}},
    "processes.ProductProcess": {"parts": {"a": EDM}},
    "processes.product": {"parts": {"a": EDM}},
    "processes.AnalyticVariance": {"times": (0.0, 1.0), "errors": (0.1, 0.2)},
    "processes.LearntVariance": {"network": NETWORK},
    "processes.WrightFisher": {"space": spaces.Simplex(2), "alpha": 1.0, "schedule": schedules.Geometric(0.1, 1.0)},
    "processes.rates.Absorbing": {"states": 3},
    "processes.rates.BirthDeath": {"states": 3, "normalised": True},
    "processes.rates.Cyclic": {"states": 3, "normalised": True},
    "processes.rates.GaussianTarget": {"states": 3, "reach": 6.0, "width": 2.0, "normalised": True},
    "processes.rates.RateMatrix": {"matrix": [[-1.0, 1.0], [2.0, -2.0]], "normalised": True, "ordered": True},
    "processes.rates.Refresh": {"probabilities": (0.5, 0.5)},
    "processes.rates.UniformRates": {"states": 3},
    # networks
    "networks.MLP": {
        "input_shape": (2,),
        "cond_features": 1,
        "output_shape": (3,),
        "width": 8,
        "depth": 1,
        "embedding": 8,
        "beside": True,
    },
    "networks.Products": {"network": NETWORK, "cond_features": 1},
    "networks.PerNumber": {"network": NETWORK, "features": 1, "numbers": 2, "cond_features": 1, "width": 8},
    "networks.ImageEncoder": {"input_shape": (1, 5, 5), "features": 4, "width": 8},
    "networks.SetEncoder": {"input_shape": (2,), "features": 4, "width": 8},
    "networks.TokenEncoder": {
        "input_shape": (5,),
        "features": 4,
        "states": 3,
        "width": 8,
        "depth": 1,
        "heads": 2,
    },
    "networks.Conditioned": {"network": NETWORK, "encoders": [None], "layouts": [(2,)], "optional": True},
    "networks.ResNet": {
        "input_shape": (2,),
        "cond_features": 1,
        "output_shape": (3,),
        "width": 8,
        "depth": 1,
        "embedding": 8,
    },
    "networks.SmallImage": {
        "input_shape": (1, 8, 8),
        "cond_features": 1,
        "output_shape": (2, 8, 8),
        "width": 8,
        "depth": 1,
        "told": 2,
        "channels": 8,
    },
    "networks.Transformer": {
        "input_shape": (2, 3),
        "cond_features": 1,
        "output_shape": (3, 3),
        "width": 8,
        "depth": 1,
        "heads": 2,
        "window": 3,
    },
    "networks.UNet": {
        "input_shape": (1, 8, 8),
        "cond_features": 1,
        "output_shape": (2, 8, 8),
        "width": 8,
        "multipliers": (1, 2),
        "blocks": 1,
        "attention": True,
    },
    # denoisers
    "denoisers.Exact": {"process": EDM, "atoms": POINTS, "weights": torch.ones(2)},
    "denoisers.Answering": {"denoiser": OF_BOTH, "only": ("a",)},
    "denoisers.ExactMixture": {"process": EDM, "law": ROUND},
    "denoisers.ExactProductMixture": {"process": EDM, "law": laws.ProductMixture(torch.ones(1), BELLS)},
    "denoisers.Composed": {
        "denoiser": EXACT,
        "observations": torch.zeros(2, 1),
        "unknown": torch.zeros(1, 1),
        "precisions": torch.ones(3, 1, 1),
    },
    "denoisers.ClassifierFree": {"denoiser": EXACT, "scale": 2.0, "unknown": TWO[:1]},
    "denoisers.HeatMixture": {
        "process": processes.Brownian(spaces.Sphere(2)),
        "network": NETWORK,
        "anchors": torch.eye(3),
    },
    "denoisers.NormalMixture": {"process": EDM, "network": NETWORK, "cond_features": 1, "components": 2},
    "denoisers.Guided": {"denoiser": EXACT, "log_r": SEEN, "scale": 1.0, "warm": True},
    "denoisers.Neural": {"process": EDM, "network": NETWORK, "head": heads.V},
    "denoisers.Started": {
        "process": EDM,
        "network": NETWORK,
        "head": heads.Fourier,
        "cond_features": 1,
        "optional": True,
    },
    "denoisers.Pooled": {"learnt": OF_LETTERS, "mixture": MIXED, "share": 0.5},
    "denoisers.Ensemble": {"members": [EXACT]},
    "denoisers.Residual": {"known": EXACT, "learnt": EXACT},
    "denoisers.likelihoods.LinearGaussian": {"matrix": torch.eye(2), "values": torch.zeros(2), "scale": 1.0},
    "denoisers.likelihoods.Masked": {"mask": torch.tensor([True]), "values": torch.zeros(1), "scale": 1.0},
    "denoisers.likelihoods.OfFactors": {"parts": {"a": SEEN}},
    "denoisers.question": {"process": EDM, "asked": ASKED, "given": ~ASKED, "values": POINTS, "cond": POINTS},
    "denoisers.likelihoods.noisy": {"values": torch.zeros(1), "scale": 1.0},
    # objectives
    "objectives.Loss": {"value": torch.zeros(2), "metrics": {"a": torch.zeros(2)}},
    "objectives.Denoising": {"weighting": weightings.BoundWeighting(), "times": times.UniformTimes(), "copies": 2},
    "objectives.Dequantised": {"objective": objectives.Denoising()},
    "objectives.LogitNormalCells": {"network": NETWORK, "step": 1.0},
    "objectives.UniformCells": {"step": 1.0, "name": "cells"},
    "objectives.WithCells": {"denoiser": EXACT, "cells": objectives.LogitNormalCells(NETWORK, 1.0)},
    "objectives.Implicit": {"steps": 4, "probes": 1, "weighting": weightings.BoundWeighting()},
    "objectives.MaximumLikelihood": {"nearest": 2},
    "objectives.ScoreMatching": {"space": LINE, "local": lambda x: x},
    "objectives.StepKL": {"chain": CHAIN},
    "objectives.ddpm": {"steps": 4},
    "objectives.times.LogNormalTimes": {"mean": 0.0, "deviation": 1.0},
    "objectives.times.OneLevel": {"sigma": 1.0},
    "objectives.times.StepTimes": {"steps": 4},
    "objectives.times.WholeSteps": {"steps": 4},
    "objectives.weightings.EDMWeighting": {"mean": 0.0, "deviation": 1.0, "sigma_data": 1.0},
    "objectives.weightings.StepWeighting": {"steps": 4},
    "objectives.snr_form.discrete": {"steps": 4},
    # samplers
    "samplers.Adaptive": {"denoiser": EXACT, "tolerance": 1e-3, "steps": 2},
    "samplers.DDIM": {"denoiser": EXACT, "steps": 4, "eta": 0.5, "grid": grids.Karras()},
    "samplers.Ancestral": {"denoiser": EXACT, "steps": 4, "grid": grids.Karras()},
    "samplers.ChainSteps": {"denoiser": denoisers.Exact(CHAIN.process, POINTS), "chain": CHAIN},
    "samplers.Perturbed": {"denoiser": EXACT, "log_r": SEEN, "steps": 4, "warm": True, "grid": grids.Karras()},
    "samplers.PredictorCorrector": {
        "predictor": samplers.Ancestral(EXACT, 4),
        "corrections": 1,
        "stride": 1.0,
        "snr": 0.16,
    },
    "samplers.Euler": {"denoiser": EXACT, "steps": 4, "churn": 1.0, "grid": grids.Karras()},
    "samplers.FirstHitting": {"denoiser": SPELT, "steps": 4, "grid": grids.UniformGrid()},
    "samplers.Uniformisation": {"denoiser": SPELT, "steps": 4, "grid": grids.UniformGrid()},
    "samplers.Heun": {
        "denoiser": EXACT,
        "steps": 4,
        "churn": 1.0,
        "churn_range": (0.0, 1.0),
        "churn_noise": 1.0,
        "grid": grids.Karras(),
    },
    "samplers.Multistep": {
        "denoiser": EXACT,
        "steps": 4,
        "order": 2,
        "form": forms.NoiseForm(),
        "corrected": True,
        "quadrature": samplers.multistep.exact,
        "grid": grids.Karras(),
    },
    "samplers.dpm_solver_pp": {"denoiser": EXACT, "steps": 4, "churn": 1.0, "grid": grids.Karras()},
    "samplers.linear_multistep": {"denoiser": EXACT, "steps": 4, "order": 2, "grid": grids.Karras()},
    "samplers.TauLeaping": {"denoiser": SPELT, "steps": 4, "churn": 1.0, "grid": grids.UniformGrid()},
    "samplers.TwistedSMC": {
        "denoiser": EXACT,
        "log_r": SEEN,
        "particles": 4,
        "steps": 4,
        "guidance": 1.0,
        "grid": grids.Karras(),
    },
    "samplers.forms.DataForm": {"churn": 1.0},
    "samplers.forms.VelocityForm": {"sigma_data": 1.0, "power": 0.4},
    "samplers.grids.Fitted": {"knots": (1.0, 0.0)},
    "samplers.grids.Karras": {"rho": 7.0},
    "samplers.grids.LogNormalGrid": {"mean": 0.0, "deviation": 1.0, "uniform": 0.5},
    # chains
    "chains.Annealed": {"noisy": NOISY, "sigmas": (2.0, 1.0), "steps": 4, "epsilon": 1e-3, "jump": True},
    "chains.AtNoise": {"denoiser": EXACT, "cond": None},
    "chains.Density": {"function": lambda x: x.sum(-1), "space": LINE, "gradient": torch.ones_like},
    "chains.Blocks": {"target": SPINS, "blocks": ((0, 3), (1, 2))},
    "chains.Relabelled": {"target": SPINS},
    "chains.blocks_of": {"target": SPINS, "x": torch.zeros(1, 2, 2, dtype=torch.long), "count": 2},
    "chains.Field": {"function": torch.ones_like, "space": LINE},
    "chains.LangevinPosterior": {"process": EDM, "density": BELL, "steps": 4, "rng": rng(), "chains": 2},
    "chains.PlugIn": {"process": EDM, "density": BELL, "draws": 4, "rng": rng(), "antithetic": True},
    "chains.TemperedPosterior": {"process": EDM, "density": BELL, "particles": 4, "rng": rng(), "moves": 1},
    "chains.MALA": {"target": BELL, "step_size": 0.1},
    "chains.Metropolis": {
        "target": chains.Density(lambda x: x.sum(-1), spaces.Sphere(2)),
        "step_size": 0.1,
        "jitter": 0.3,
    },
    "chains.Hamiltonian": {"target": BELL, "step_size": 0.1, "leaps": 2, "factor": torch.eye(2), "jitter": 0.3},
    "chains.RandomWalk": {"target": BELL, "step_size": 0.1, "factor": torch.eye(2), "jitter": 0.3},
    "chains.NumberWalk": {"target": BELL, "step_size": 0.1, "factor": torch.eye(2), "jitter": 0.3},
    "chains.Within": {"kernel": WITHIN},
    "chains.Stretch": {
        "target": BELL,
        "centre": torch.zeros(2),
        "directions": torch.eye(2),
        "coordinates": torch.eye(2),
        "step_size": 2.0,
    },
    "chains.Independence": {"target": BELL, "law": NORMAL},
    "chains.ReversePaths": BACKWARDS,
    "chains.ByPaths": {"target": BELL, "paths": chains.ReversePaths(**BACKWARDS)},
    "chains.Geodesic": {"target": chains.Density(lambda x: x.sum(-1), spaces.Sphere(2)), "step_size": 0.1},
    "chains.Langevin": {"target": BELL, "step_size": 0.1},
    "chains.Localization": {"noisy": NOISY, "sigmas": (2.0, 1.0)},
    "chains.Mean": {"value": TWO, "precision": 1.0},
    "chains.Sequential": {
        "noisy": NOISY,
        "sigmas": (2.0, 1.0),
        "steps": 4,
        "delta": 0.5,
        "friction": 0.5,
        "first": 20,
    },
    "chains.equal_levels": {"sigma": 1.0, "m": 2},
    "chains.growing_levels": {"sigma": 1.0, "m": 2, "last": 0.1},
    "chains.BAOAB": {"target": BELL, "step_size": 0.1, "friction": 1.0, "mass": 1.0},
    "chains.Cheng": {"target": BELL, "step_size": 0.1, "friction": 1.0, "mass": 1.0},
    "chains.Sachs": {"target": BELL, "step_size": 0.1, "friction": 1.0, "mass": 1.0},
    "chains.AutoencoderChain": {"noisy": NOISY, "sigma": 1.0, "spread": 0.5},
    "chains.DiscreteWalkJump": {
        "noisy": chains.AtNoise(denoisers.Exact(processes.edm(spaces.Euclidean((1, 2))), torch.eye(2)[:, None])),
        "sigma": 0.5,
        "steps": 4,
        "delta": 0.5,
        "friction": 1.0,
        "m": 1,
        "space": spaces.Finite(1, 2),
    },
    "chains.WalkJump": {"noisy": NOISY, "sigma": 0.5, "steps": 4, "delta": 0.5, "friction": 1.0, "m": 1},
    "chains.run": {
        "kernel": chains.Langevin(BELL, 0.1),
        "x": TWO,
        "steps": 2,
        "rng": rng(),
        "keep": 1,
        "on_step": lambda *seen: None,
    },
    "chains.tune": {"kernel": chains.MALA(BELL, 0.1), "x": TWO, "rng": rng(), "target": 0.5, "steps": 2},
    "chains.diagnostics.zeta": {"m": 1, "sigma": 1.0, "radius": 1.0, "tau": 1.0},
    "chains.diagnostics.log_concave_sigma": {"radius": 1.0, "tau": 0.5},
    "chains.diagnostics.enclosing_radius": {"points": TWO, "tau": 0.0, "rounds": 3},
    "chains.diagnostics.jump_bound": {"sigma": 1.0, "dimension": 2, "m": 1},
    "chains.diagnostics.jump_variance": {"tau": 1.0, "level": 1.0},
    # targets
    "targets.Funnel": {"dimension": 3, "scale": 3.0},
    "targets.Rings": {"radii": (1.0, 2.0), "scale": 0.15},
    "targets.EllipticalGaussian": {"variances": torch.ones(2), "axes": torch.eye(2)},
    "targets.Modes": {"weights": torch.ones(1), "means": torch.zeros(1, 2), "scale": 1.0},
    "targets.TwoModes": {"dimension": 2, "separation": 6.0, "weight": 0.8, "scale": 1.0},
    "targets.ring": {"count": 3, "radius": 2.0, "scale": 0.15},
    "targets.LogisticRegression": {"features": torch.ones(2, 1), "labels": torch.tensor([0, 1]), "scale": 1.0},
    "targets.Phi4": {"shape": 3, "mass": 1.0, "coupling": 0.5},
    "targets.Potts": {"shape": 3, "states": 2, "coupling": 1.0, "field": (0.0, 1.0)},
    "targets.Ising": {"shape": 3, "coupling": 0.4, "magnet": 0.1},
    # evaluation
    "evaluation.BinDecoder": {"lattice": LEVELS, "denoised": True},
    "evaluation.SoftmaxDecoder": {"lattice": LEVELS},
    "evaluation.RandomOrders": {"orders": 2, "batch_size": 4, "name": "orders"},
    "objectives.AnyOrder": {},
    "evaluation.Bound": {
        "draws": 2,
        "times": times.UniformTimes(),
        "batch_size": 4,
        "name": "bound",
        "decoder": evaluation.SoftmaxDecoder(LEVELS),
    },
    "evaluation.ImplicitBound": {"draws": 2, "steps": 2, "probes": 1, "batch_size": 4, "name": "bound"},
    "evaluation.DequantisedLikelihood": {
        "density": evaluation.Bound(),
        "cells": objectives.UniformCells(1.0),
        "draws": 2,
        "weighted": True,
        "name": "dequantised",
    },
    "evaluation.NoiseCells": {"decoder": evaluation.SoftmaxDecoder(LEVELS)},
    "evaluation.ProbabilityFlow": {
        "tolerance": 1e-4,
        "exact_up_to": 64,
        "probes": 2,
        "dtype": torch.float64,
        "batch_size": 4,
        "name": "flow",
    },
    "evaluation.ImportanceWeighted": {"chain": CHAIN, "trajectories": 2, "batch_size": 4, "name": "bound"},
    "evaluation.StepBound": {"chain": CHAIN, "draws": 2, "batch_size": 4, "three_terms": True, "name": "bound"},
    "evaluation.MixtureDensity": {"name": "density"},
    "evaluation.bits_per_dimension": {"nats": -1.0, "dimensions": 2, "step": 1.0},
    "evaluation.sliced_wasserstein": {"x": TWO, "y": TWO, "order": 2.0, "directions": 2, "seed": 0},
    "evaluation.IndependentColumns": {"rows": TWO},
    "evaluation.wasserstein": {"x": TWO, "y": TWO, "order": 2.0, "seed": 0, "max_rows": 10},
    "evaluation.Posteriors": {
        "draws": torch.zeros(10, 2, 1),
        "truths": torch.zeros(10, 1),
        "observations": torch.zeros(10, 1),
        "log_probs": torch.zeros(10, 2),
        "log_prob_truths": torch.zeros(10),
        "names": ("a",),
        "categorical": (0,),
        "periods": {0: 1.0},
        "observed_categorical": (0,),
        "observed_periods": {0: 1.0},
        "given": ("b",),
    },
    "evaluation.nearest_training": {"samples": TWO, "train": TWO, "k": 1},
    # inference
    "inference.Part": {"name": "rate", "shape": (2,), "dtype": "float32", "shares": False},
    "inference.Parameters": {"parts": (inference.Part("rate", ()),), "low": (0.0,), "high": (1.0,), "whole": (True,)},
    "inference.Simulations": {"theta": torch.zeros(4, 1), "x": torch.zeros(4, 2), "observations": 2},
    "inference.as_prior": {"prior": torch.distributions.Normal(0.0, 1.0)},
}


# Public names that stand in no line of `MADE` -> why.
ELSEWHERE = {
    "what the package itself makes, as an answer": """
        chains.PosteriorMean chains.Proposing chains.StartCorrelation chains.State chains.Trace chains.Tuned
        chains.diagnostics.Agreement denoisers.Roles evaluation.Baseline evaluation.Calibration
        evaluation.CalibrationAnswer evaluation.CalibrationCurve evaluation.ClassifierTest evaluation.ColumnCalibration
        evaluation.Copying evaluation.DensityCoverage evaluation.EnergyDistance evaluation.Estimate
        evaluation.GaussianCopula
        evaluation.IntervalCoverage evaluation.LocalTest evaluation.MarginDistance evaluation.Memorisation
        evaluation.Neighbours evaluation.PairDistance evaluation.PointCoverage evaluation.RankCalibration
        evaluation.RegionCondition
        evaluation.SphereKernelDensity evaluation.TableRegion evaluation.TreesTest
        inference.AmortisedPosterior inference.Familiarity inference.LearntLikelihood
        inference.ParameterPrior inference.PosteriorByLikelihood inference.Reweighted laws.WrightFisherKernel
        samplers.Particles samplers.Solution spaces.Diffusion
        spaces.Jump
    """,
    "takes no argument": """
        objectives.VDM objectives.times.ImportanceTimes objectives.times.UniformTimes
        objectives.weightings.BoundWeighting objectives.weightings.SimpleWeighting processes.LargeVariance
        processes.SmallVariance processes.paths.Exploding processes.paths.Preserving processes.paths.Straight
        processes.paths.SubPreserving samplers.forms.NoiseForm samplers.grids.UniformGrid samplers.grids.UniformLogSNR
        spaces.Rotations
    """,
    "takes seconds; tests/samplers/test_tuning.py": "samplers.tune",
    "takes seconds, or writes; tests/inference": "inference.likelihood inference.posterior inference.simulate",
    "a warning": "chains.NotMixedWarning chains.UnreliableEstimate samplers.InaccurateSamplesWarning",
    "a function of tensors, which makes no object": """
        chains.conditional chains.diagnostics.agreement chains.diagnostics.conditional_curvature
        chains.diagnostics.curvature chains.snr_levels denoisers.likelihoods.log_twist denoisers.likelihoods.log_values
        evaluation.calibration evaluation.classifier_test evaluation.copying evaluation.density_coverage
        evaluation.energy_distance evaluation.entropy_bounds
        evaluation.fit_baselines
        evaluation.interval_coverage evaluation.local_test evaluation.point_coverage evaluation.rank_calibration
        evaluation.differing_regions
        evaluation.independent_log_prob evaluation.margin_distances evaluation.memorisation evaluation.pair_distances
        evaluation.trees_test objectives.snr_form.force
        objectives.snr_form.force_loss objectives.snr_form.level_loss objectives.snr_form.noise
        objectives.snr_form.noise_loss objectives.snr_form.rate_loss objectives.snr_form.step_loss
        objectives.snr_form.tweedie objectives.times.low_discrepancy objectives.times.stratum
        objectives.times.times_at objectives.weightings.factor_at processes.leaves processes.map_leaves
        processes.is_masked
        processes.require spaces.continuum processes.components_of
        processes.noised
    """,
}

# What is legal of the nonsense: its labels -> the arguments that may be so.
FINE = {
    # a class of laws is a function of their number
    "function class kind": "processes.DiffusionProcess.prior_law processes.JumpProcess.prior_law",
    # positive numbers
    "half": """
        laws.fit_latent_classes.time_limit
        schedules.Linear.end schedules.Geometric.end schedules.Exponential.scale schedules.Exponential.base
        schedules.PowerLogSNR.sigma_min schedules.PowerLogSNR.sigma_max schedules.PowerLogSNR.rho
        spaces.Lattice.step heads.X0.sigma_data heads.Eps.sigma_data heads.Preconditioned.sigma_data
        heads.Score.sigma_data heads.Fourier.sigma_data heads.V.sigma_data heads.Velocity.sigma_data
        heads.LatticeHead.sigma_data heads.CellHead.sigma_data
        processes.until_mixed.start processes.ImmigrationDeath.mean processes.PureDeath.mean
        processes.edm.sigma_min processes.edm.sigma_max processes.edm.rho processes.ornstein_uhlenbeck.horizon
        processes.variance_exploding.sigma_min processes.variance_exploding.sigma_max
        processes.WrightFisher.alpha processes.rates.GaussianTarget.reach
        denoisers.likelihoods.LinearGaussian.scale
        objectives.LogitNormalCells.step objectives.UniformCells.step
        objectives.times.LogNormalTimes.deviation objectives.times.OneLevel.sigma
        objectives.weightings.EDMWeighting.deviation objectives.weightings.EDMWeighting.sigma_data
        samplers.Adaptive.tolerance samplers.PredictorCorrector.stride samplers.PredictorCorrector.snr
        samplers.forms.VelocityForm.sigma_data samplers.forms.VelocityForm.power
        samplers.grids.Karras.rho samplers.grids.LogNormalGrid.deviation
        chains.Metropolis.step_size chains.Metropolis.jitter chains.Hamiltonian.step_size chains.Hamiltonian.jitter
        chains.RandomWalk.step_size chains.RandomWalk.jitter chains.NumberWalk.step_size chains.NumberWalk.jitter
        chains.Stretch.step_size
        chains.Annealed.epsilon chains.MALA.step_size chains.Geodesic.step_size chains.Langevin.step_size
        chains.Sequential.delta chains.Sequential.friction chains.equal_levels.sigma chains.growing_levels.sigma
        chains.BAOAB.step_size chains.BAOAB.friction chains.BAOAB.mass chains.Cheng.step_size
        chains.Cheng.friction chains.Cheng.mass chains.Sachs.step_size chains.Sachs.friction chains.Sachs.mass
        chains.AutoencoderChain.sigma chains.DiscreteWalkJump.sigma chains.DiscreteWalkJump.delta
        chains.DiscreteWalkJump.friction chains.WalkJump.sigma chains.WalkJump.delta chains.WalkJump.friction
        chains.diagnostics.zeta.sigma chains.diagnostics.zeta.radius chains.diagnostics.log_concave_sigma.radius
        chains.diagnostics.jump_bound.sigma chains.diagnostics.jump_variance.tau
        chains.diagnostics.jump_variance.level targets.Funnel.scale targets.Rings.scale targets.Modes.scale
        targets.TwoModes.scale targets.ring.scale targets.LogisticRegression.scale
        evaluation.ProbabilityFlow.tolerance evaluation.bits_per_dimension.step
        evaluation.sliced_wasserstein.order evaluation.wasserstein.order
    """,
    # what may be left out
    "none": """
        chains.Hamiltonian.factor chains.RandomWalk.factor chains.Stretch.coordinates
        denoisers.question.cond denoisers.ClassifierFree.unknown denoisers.Composed.unknown
        denoisers.Composed.precisions inference.Part.dtype
        denoisers.Answering.only heads.told.head evaluation.Posteriors.names
        evaluation.Posteriors.periods evaluation.Posteriors.observed_periods
        processes.erasing_betas.first processes.Binomial.schedule processes.Brownian.schedule
        processes.CTMC.schedule processes.WrightFisher.schedule networks.MLP.output_shape networks.ResNet.output_shape
        networks.SmallImage.output_shape networks.Transformer.output_shape networks.UNet.output_shape
        denoisers.Exact.weights
        denoisers.Neural.head denoisers.Started.head
        objectives.Implicit.probes samplers.DDIM.grid samplers.Ancestral.grid
        samplers.Perturbed.grid samplers.Euler.grid samplers.FirstHitting.grid samplers.Uniformisation.grid
        samplers.Heun.grid samplers.Multistep.order samplers.Multistep.form samplers.Multistep.grid
        samplers.dpm_solver_pp.grid samplers.linear_multistep.order samplers.linear_multistep.grid
        samplers.TauLeaping.grid samplers.TwistedSMC.grid  chains.AtNoise.cond
        chains.Density.space chains.Field.space chains.Localization.sigmas chains.Sequential.sigmas
        targets.EllipticalGaussian.axes evaluation.Bound.batch_size evaluation.RandomOrders.batch_size
        heads.Hidden.digits evaluation.Bound.decoder
        evaluation.ImplicitBound.probes evaluation.ImplicitBound.batch_size
        evaluation.ProbabilityFlow.batch_size evaluation.ImportanceWeighted.batch_size
        evaluation.StepBound.batch_size laws.fit_latent_classes.known laws.fit_latent_classes.weights
        laws.fit_latent_classes.time_limit laws.fit_latent_classes.on_step objectives.MaximumLikelihood.nearest
        laws.fit_latent_classes.together laws.ProductMixture.groups
    """,
    # counts from 0, and ends of intervals
    "zero": """
        denoisers.Pooled.share
        chains.Metropolis.jitter chains.Hamiltonian.jitter chains.RandomWalk.jitter chains.NumberWalk.jitter
        schedules.Linear.tau_min schedules.Cosine.tau_min schedules.Erasing.lost schedules.Exponential.tau_min
        laws.Categorical.event_ndim laws.Normal.event_ndim laws.BinomialBirths.event_ndim
        laws.BinomialThinning.event_ndim laws.WrappedNormal.event_ndim networks.MLP.cond_features
        networks.ResNet.cond_features networks.SmallImage.cond_features networks.Transformer.cond_features
        networks.UNet.cond_features
        samplers.PredictorCorrector.corrections samplers.forms.VelocityForm.power
        samplers.grids.LogNormalGrid.uniform chains.run.steps chains.run.keep
        evaluation.ProbabilityFlow.exact_up_to evaluation.sliced_wasserstein.seed evaluation.wasserstein.seed
    """,
    # any number
    "negative zero half": """
        schedules.LinearLogSNR.maximum schedules.LinearLogSNR.minimum schedules.Learned.maximum
        schedules.Learned.minimum spaces.Lattice.first heads.Logistic.log_scale denoisers.Guided.scale
        denoisers.ClassifierFree.scale
        objectives.times.LogNormalTimes.mean objectives.weightings.EDMWeighting.mean
        samplers.grids.LogNormalGrid.mean targets.TwoModes.separation targets.ring.radius targets.Phi4.mass
        targets.Potts.coupling targets.Ising.coupling targets.Ising.magnet evaluation.bits_per_dimension.nats
    """,
    # numbers from 0
    "zero half": """
        schedules.Linear.start denoisers.likelihoods.Masked.scale denoisers.likelihoods.noisy.scale
        samplers.DDIM.eta samplers.Euler.churn samplers.Heun.churn samplers.Heun.churn_noise
        samplers.dpm_solver_pp.churn samplers.TauLeaping.churn samplers.forms.DataForm.churn
        chains.Mean.precision chains.AutoencoderChain.spread chains.diagnostics.zeta.tau
        chains.diagnostics.log_concave_sigma.tau chains.diagnostics.enclosing_radius.tau targets.Phi4.coupling
    """,
    # flags
    "true": """
        schedules.Learned.learn_ends heads.Logistic.evidence heads.Logistic.relative
        processes.rates.BirthDeath.normalised
        processes.rates.Cyclic.normalised processes.rates.GaussianTarget.normalised
        processes.rates.RateMatrix.normalised processes.rates.RateMatrix.ordered networks.UNet.attention
        networks.Conditioned.optional networks.MLP.beside denoisers.Started.optional
        denoisers.Guided.warm samplers.Perturbed.warm chains.Annealed.jump chains.PlugIn.antithetic
        evaluation.BinDecoder.denoised evaluation.DequantisedLikelihood.weighted
        evaluation.StepBound.three_terms inference.Part.shares
    """,
    # functions
    "function": """
        processes.DiffusionProcess.drift processes.DiffusionProcess.scale
        processes.JumpProcess.rates denoisers.Guided.log_r
        objectives.Denoising.weighting objectives.Implicit.weighting samplers.Perturbed.log_r
        samplers.Multistep.quadrature samplers.TwistedSMC.log_r chains.Density.function chains.Field.function
        laws.fit_latent_classes.on_step
    """,
    # names
    "text": """
        inference.Part.name objectives.UniformCells.name evaluation.Bound.name evaluation.RandomOrders.name
        evaluation.ImplicitBound.name evaluation.MixtureDensity.name
        evaluation.DequantisedLikelihood.name evaluation.ProbabilityFlow.name evaluation.ImportanceWeighted.name
        evaluation.StepBound.name
    """,
    # no axes, none of them, one number
    "empty": """
        networks.MLP.input_shape networks.MLP.output_shape networks.ResNet.input_shape networks.ResNet.output_shape
        spaces.Euclidean.event_shape inference.Part.shape inference.Parameters.whole heads.Told.cells
        heads.Tangent.frequencies heads.Fourier.frequencies
        targets.Potts.field evaluation.Posteriors.categorical evaluation.Posteriors.observed_categorical
        evaluation.Posteriors.given
    """,
    # functions that may be left out
    "none function": """
        objectives.ScoreMatching.local chains.Density.gradient chains.run.on_step
    """,
    # an int for a tuple of places
    "negative zero": """
        heads.LatticeHead.atoms
    """,
    # the same, or none of them
    "negative zero empty": """
        heads.Logistic.atoms
    """,
    # positive, or left out
    "none half": """
        processes.rates.GaussianTarget.width
    """,
    # a flag, or left out
    "none true": """
        samplers.Multistep.corrected
    """,
    # any number, or left out
    "none negative zero half": """
        samplers.TwistedSMC.guidance
    """,
}


def made(name: str) -> Callable[..., Any]:
    """The class or function of a name."""
    module, _, attribute = name.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"unnoise.{module}"), attribute)
    return found


def public() -> Iterator[str]:
    """The classes that can be made, and the functions, of all packages."""
    for package in PACKAGES.split():
        module = importlib.import_module(f"unnoise.{package}")
        nested = "." in package and not hasattr(module, "__path__")
        for name, found in vars(module).items():
            own = getattr(found, "__module__", "") == module.__name__ if nested else True
            ours = getattr(found, "__module__", "").startswith(f"unnoise.{package.partition('.')[0]}")
            makes = inspect.isclass(found) or inspect.isfunction(found)
            if makes and own and ours and not name.startswith("_") and not inspect.isabstract(found):
                yield f"{package}.{name}"


@contextmanager
def seconds(most: float) -> Iterator[None]:
    """TimeoutError for what takes longer."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer within {most} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, most)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_every_public_name_has_an_example_or_a_reason() -> None:
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    assert set(public()) - elsewhere == set(MADE)
    arguments = {f"{name}.{argument}" for name, example in MADE.items() for argument in example}
    assert {name for names in FINE.values() for name in names.split()} <= arguments


@pytest.mark.parametrize("name", MADE)
def test_every_argument_has_a_value_in_the_example(name: str) -> None:
    made(name)(**MADE[name])
    signature = inspect.signature(made(name))
    assert set(signature.parameters) == set(MADE[name])


@pytest.mark.parametrize("name", MADE)
def test_nonsense_is_refused_in_one_sentence(name: str) -> None:
    found = {}
    for argument, value in MADE[name].items():
        fine = {
            label for labels, names in FINE.items() if f"{name}.{argument}" in names.split() for label in labels.split()
        }
        for label, nonsense in (NONSENSE | {"kind": type(value)}).items():
            try:
                with seconds(SECONDS):
                    made(name)(**(MADE[name] | {argument: nonsense}))
                got = "taken"
            except InputError as error:
                got = "refused" if "\n" not in str(error) and len(str(error)) < 300 else f"refused at length: {error}"
            except Exception as error:
                got = f"{type(error).__name__}: {error}"
            if got != ("taken" if label in fine else "refused"):
                found[argument, label] = got
    assert not found
