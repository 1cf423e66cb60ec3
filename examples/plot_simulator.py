r"""
From a simulator to a calibrated posterior
==========================================

A simulator says what follows from parameters, with chance in it; seldom does it say how likely an observation was. Here
an epidemic runs through a town, and what is reported are the cases of ten weeks, some of them missing. A model learns
from simulations alone what the cases say of the rate of contacts and of recovery: the posterior of any observation, so
a new one takes a moment. Both rates keep the bounds of their prior. Then come the two questions that decide whether to
believe it. Is what was observed like anything that was simulated? Are draws as spread as the truth, over many
epidemics: does the 90 % interval hold it in 90 of 100?
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

import unnoise
from unnoise import inference, networks


def epidemic(theta, seed):
    """The logarithm of the cases of each week in a town of a thousand, about every tenth of them not reported."""
    rng = np.random.default_rng(seed)
    well, ill, cases = 990, 10, []
    for _ in range(10):
        caught = rng.binomial(well, 1 - np.exp(-theta["contacts"] * ill / 1000))
        well, ill = well - caught, ill + caught - rng.binomial(ill, theta["recovery"])
        cases.append(np.where(rng.random(np.shape(caught)) < 0.1, np.nan, np.log1p(caught)))
    return np.stack(cases, axis=-1)


# %%
# A prior, simulations, and a small network that learns from them for a few seconds.

prior = {"contacts": scipy.stats.uniform(0.2, 1.8), "recovery": scipy.stats.beta(2, 3)}
simulations = inference.simulate(prior, epidemic, 2000)
small = unnoise.DenoisingMarkovModel(
    steps=600, batch_size=128, ema=0.99, network=partial(networks.MLP, width=64), progress=False
)
posterior = inference.posterior(prior, simulations, model=small)

truth = {"contacts": np.array([1.2]), "recovery": np.array([0.4])}
observed = epidemic(truth, seed=3)[0]
draws = posterior.sample(1500, observed, seed=0)
print(posterior.check(observed))
print(posterior.check(observed + np.log(20)))  # as of a town twenty times as large

# %%
# Whether to believe them is one call, on simulations that the network did not learn from.

calibration = posterior.calibrate(density_draws=0, trials=0)
print(calibration)

# %%
# Left, what the cases say of the rates, beside the prior. The other curves are on the diagonal if all is well, and
# within the band but for chance.

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.8), layout="constrained")
panels[0].scatter(*list(simulations.theta.values()), s=3, color="0.8", linewidths=0, label="prior")
panels[0].scatter(*draws.values(), s=3, color="C0", linewidths=0, label="posterior")
panels[0].scatter(*truth.values(), s=120, color="C1", edgecolors="white", marker="*", label="truth", zorder=3)
panels[0].legend(fontsize=7, frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.45, 1), handletextpad=0)
panels[0].set(xlabel="contacts", ylabel="recovery", xlim=(0.2, 2), ylim=(0, 1))
curves = {one.name: one.curve for one in calibration.intervals.columns}
for axes, kind in zip(panels[1:], (curves, {"points of reference": calibration.points.curve}), strict=True):
    first = next(iter(kind.values()))
    axes.fill_between(first.level, first.lower, first.upper, color="0.9", linewidth=0)
    for name, curve in kind.items():
        axes.plot(curve.level, curve.share, label=name)
    axes.legend(frameon=False, fontsize=7)
    axes.set(aspect="equal", xlim=(0, 1), ylim=(0, 1), xlabel="level of the region", ylabel="share of truths")
plt.show()
