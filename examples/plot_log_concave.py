r"""
How much noise makes a law easy to walk on
==========================================

Noise merges modes. If X is a normal of variance :math:`\tau^2` around points of a ball of radius R, then from
:math:`\sigma = \sqrt{R^2 - \tau^2}` on the blurred law is log-concave, so it has a single mode (for the number of modes
alone see Loog et al. 2001). For two equal modes this is sharp: the left panel shows them just below, at, and above the
threshold. And it is enough to begin there. The curvature of the log density of the m-th measurement given those before
is :math:`-\sigma^{-2}(1 - \sigma^{-2}\mathrm{cov}(X \mid Y_{1:m}))`, at most :math:`\zeta(m)`, which falls with m: once
log-concave, always log-concave.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets
from unnoise.chains import diagnostics

target = targets.TwoModes(1, weight=0.5)
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
radius, tau = 3.0, 1.0
threshold = diagnostics.log_concave_sigma(radius, tau)
shares = (0.7, 1.0, 1.3)  # of the threshold

# %%
# ``diagnostics.conditional_curvature`` measures what ``diagnostics.zeta`` bounds. These two modes attain the bound
# where the mean of all measurements lies in the middle between them.

counts = range(1, 41)
measured = {}
for share in shares:
    sigma = share * threshold
    pasts = [chains.Mean(torch.zeros(1, 1), (m - 1) / sigma**2) for m in counts]
    measured[share] = [
        float(diagnostics.conditional_curvature(smoothed, torch.zeros(1, 1), past, sigma)) for past in pasts
    ]

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
y = torch.linspace(-9, 9, 500)[:, None]
for share, color in zip(shares, ("C3", "C1", "C0"), strict=True):
    sigma = share * threshold
    density = targets.Modes(target.weights, target.means, (tau**2 + sigma**2) ** 0.5).log_prob(y).exp()
    left.plot(y, density, color=color, label=rf"$\sigma$ = {share} $\times \sqrt{{R^2 - \tau^2}}$")
    right.plot(counts, [diagnostics.zeta(m, sigma, radius, tau) for m in counts], color=color)
    right.plot(list(counts)[::3], measured[share][::3], "o", color=color, markersize=4)
left.set(xlabel="y", yticks=[], ylim=(0, 0.15))
left.legend(loc="upper center")
right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
right.set(xlabel="measurement m", ylabel="curvature: bound and measured", xscale="log")
plt.show()
