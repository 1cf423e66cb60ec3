r"""
A posterior beside its reference
================================

Two beacons hear a sender and measure how far away it is, each with an error of a tenth. Where is it? The simulator has
three lines; a model learns from 4,000 of its runs, and then knows the answer to every pair of distances: here two
places, one on either side of the line between the beacons. For once the exact posterior is known, as the likelihood is:
the lines around half and 90 % of its mass. Training was short, so draws are a little too wide: the title says how many
lie inside. In the second picture the model judges itself, as it would where no reference exists, by simulations that it
has not learnt from: how often is the truth in its regions of 10, 20, ... %?
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

import unnoise
from unnoise import inference

BEACONS = np.array([[-0.4, 0.0], [0.4, 0.0]])


def distances(theta, seed):
    """What both beacons measure, of senders at places theta."""
    place = np.stack([theta["east"], theta["north"]], axis=-1)
    exact = np.linalg.norm(place[..., None, :] - BEACONS, axis=-1)
    return exact + 0.1 * np.random.default_rng(seed).normal(size=exact.shape)


# %%
# Learn from simulations, and ask for one observation.

prior = {"east": scipy.stats.uniform(-1, 2), "north": scipy.stats.uniform(-1, 2)}
small = unnoise.DenoisingMarkovModel(steps=1500, batch_size=128, ema=0.995, progress=False)
posterior = inference.posterior(prior, distances, simulations=4000, model=small, progress=False)
observed = np.array([0.85, 0.55])
draws = np.stack(list(posterior.sample(2000, observed, seed=0).values()), axis=-1)
calibration = posterior.calibrate(density_draws=0, trials=0)
print(calibration)

# %%

side = np.linspace(-1, 1, 201)
grid = np.stack(np.meshgrid(side, side), axis=-1)
misfit = np.linalg.norm(grid[..., None, :] - BEACONS, axis=-1) - observed
density = np.exp(-0.5 * (misfit / 0.1) ** 2).prod(-1)
ranked = np.sort(density, axis=None)[::-1]
levels = [ranked[np.searchsorted(ranked.cumsum(), share * ranked.sum())] for share in (0.9, 0.5)]
cells = np.rint(100 * (draws + 1)).astype(int)
inside = [(density[cells[:, 1], cells[:, 0]] > level).mean() for level in levels]

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), layout="constrained")
left.scatter(*draws.T, s=4, color="C0", linewidths=0, label="draws")
left.contour(side, side, density, levels=levels, colors="C5", linewidths=1.2)
left.scatter(*BEACONS.T, s=30, color="0.2", marker="^", label="beacons")
left.plot([], color="C5", label="exact: 50, 90 %")
left.legend(frameon=False, fontsize=7, loc="upper left")
left.set(
    aspect="equal", xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1), xlabel="east", ylabel="north"
)
left.set_title(f"of the draws {inside[1]:.0%} and {inside[0]:.0%} are inside", fontsize=9)
curve = calibration.points.curve
right.fill_between(curve.level, curve.lower, curve.upper, color="0.88", linewidth=0, label="what chance allows")
right.plot(curve.level, curve.share, color="C0", label="balls around points of reference")
right.set_title("its own judgement, on 300 simulations", fontsize=9)
right.legend(frameon=False, fontsize=8, loc="upper left")
right.set(aspect="equal", xlim=(0, 1), ylim=(0, 1), xlabel="level of the region", ylabel="share of truths inside")
plt.show()
