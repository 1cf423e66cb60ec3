r"""
Many noisy measurements say where X is
======================================

Measure X again and again with the same large noise, :math:`Y_k = X + \sigma N_k`. All that m measurements say is in
their mean, which is one measurement at the level :math:`\sigma/\sqrt m`, so :math:`E[X \mid Y_{1:m}] = \bar Y +
\frac{\sigma^2}m\nabla\log q_{\sigma/\sqrt m}(\bar Y)` needs nothing but the smoothed density. These guesses approach X,
and their law that of X: the squared Wasserstein distance is at most :math:`\sigma^2 d/m`. The bound holds for every X;
where modes are apart the truth is far below it.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets
from unnoise.chains import diagnostics

rng = torch.Generator().manual_seed(0)
target, sigma, n = targets.TwoModes(1, scale=0.5), 3.0, 20_000
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
x = target.sample(rng, (n,))

# %%
# ``chains.Mean`` keeps the running mean; its ``level`` is the noise that is left in it.

mean, counts, guesses = chains.Mean(torch.zeros_like(x)), [1, 2, 4, 8, 16, 32, 64, 128, 256], {}
for m in range(1, 257):
    mean = mean.with_one_more(x + sigma * torch.randn(x.shape, generator=rng), sigma)
    if m in counts:
        guesses[m] = smoothed.denoise(mean.value, mean.level)
errors = [float((guesses[m] - x).square().mean()) for m in counts]
distances = [float((guesses[m].sort(0).values - x.sort(0).values).square().mean()) for m in counts]

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
left.hist(x[:, 0], bins=80, density=True, color="C1", alpha=0.4, label="X")
for m, shade in ((1, 0.35), (8, 0.65), (256, 1.0)):
    guess = guesses[m][:, 0]
    left.hist(guess, bins=80, density=True, histtype="step", color="C0", alpha=shade, label=f"guesses, m = {m}")
left.set(xlabel="x", yticks=[], xlim=(-5, 5))
left.legend()
right.loglog(counts, [diagnostics.jump_bound(sigma, 1, m) for m in counts], color="0.4", label=r"bound $\sigma^2 d/m$")
right.loglog(counts, errors, "o-", color="C1", markersize=4, label=r"$E|X - E[X|Y_{1:m}]|^2$")
right.loglog(counts, distances, "o-", color="C0", markersize=4, label="squared Wasserstein distance")
right.set(xlabel="measurements m")
right.legend()
plt.show()
