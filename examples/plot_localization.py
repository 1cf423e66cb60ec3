r"""
Stochastic localization, and its link with measurements
=======================================================

Observe :math:`Z_t = tX + B_t`, a signal that grows faster than its noise. Then :math:`Z_t/t` is X plus noise of
variance 1/t and settles at X, and it can be run without knowing X: :math:`dZ = E[X \mid Z_t]\,dt + dB`. On the left,
paths find their mode early on and then close in on a point.

Cut time into pieces of length :math:`\delta = 1/\sigma^2`: the increments :math:`(Z_{k\delta} -
Z_{(k-1)\delta})/\delta` are measurements :math:`X + \sigma N`. So sequential measurements, drawn exactly, *are*
stochastic localization, and its Euler steps are where each of their chains starts. On the right, the running mean of
both after some measurements, and the law that theory gives to both.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets

target, n = targets.TwoModes(1, weight=0.7), 5000
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
levels = chains.growing_levels(8.0, 60, last=0.1)
times = torch.tensor(levels).pow(-2).cumsum(0)

# %%
# Both samplers report the mean of the measurements so far, which is :math:`Z_t/t`.

localized, measured = [], []
start = torch.full((n, 1), 1.2)  # E[X]
chains.Localization(smoothed, levels).sample(
    start, torch.Generator().manual_seed(0), on_step=lambda k, mean: localized.append(mean.value)
)
chains.Sequential(smoothed, levels[:120], steps=2, first=50).sample(
    start, torch.Generator().manual_seed(1), on_step=lambda k, mean: measured.append(mean.value)
)

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained", sharey=True, width_ratios=[2, 1])
paths = torch.cat(localized, 1)[:40]
for path in paths:
    left.plot(times, path, color="C0" if path[-1] > 0 else "C1", linewidth=0.8, alpha=0.6)
left.set(xscale="log", xlabel="time t", ylabel=r"$Z_t/t$", ylim=(-12, 12))
k = 119
left.axvline(float(times[k]), color="0.6", linewidth=0.8, linestyle="--")
for name, means, color in (("localization", localized, "C0"), ("sequential", measured, "C1")):
    right.hist(
        means[k][:, 0],
        bins=80,
        range=(-12, 12),
        density=True,
        orientation="horizontal",
        histtype="step",
        color=color,
        label=name,
    )
y = torch.linspace(-12, 12, 400)
law = targets.Modes(target.weights, target.means, float((1 + 1 / times[k]) ** 0.5))
right.plot(law.log_prob(y[:, None]).exp(), y, color="0.3", linewidth=1, label="exact")
right.set(xticks=[], xlabel=f"at t = {float(times[k]):.1f}")
right.legend(loc="lower right")
plt.show()
