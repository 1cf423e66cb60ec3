r"""
Do the chains agree?
====================

A chain that never left the mode where it began looks perfectly well by itself. Several chains that start apart give it
away: :math:`\hat R` compares the spread between chains with the spread within them, and above 1.01 they have not
forgotten where they started (Vehtari et al. 2021). On top, Langevin on two far modes; below, the same walk on the law
blurred by noise, from which :doc:`walk-jump <plot_walk_jump>` sampling would jump. The verdicts over the panels are
what ``diagnostics.agreement`` prints.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets
from unnoise.chains import diagnostics

rng = torch.Generator().manual_seed(0)
target, sigma = targets.TwoModes(1, weight=0.5), 3.0
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))
start = torch.linspace(-4, 4, 8)[:, None]

# %%
# ``keep`` keeps positions, ``diagnostics.agreement`` judges them (print it, and it says what to do), and
# ``report.plots.mixing`` draws them with their autocorrelations.

runs = {
    "Langevin on p": chains.run(chains.Langevin(target, 0.1), start, 2000, rng, keep=2).kept,
    "underdamped on blurred p": chains.run(
        chains.Sachs(smoothed.at(sigma), 0.5 * sigma, 0.5), start, 2000, rng, keep=2
    ).kept,
}

# %%

figure, panels = plt.subplots(2, 2, figsize=(7.2, 3.8), layout="constrained", width_ratios=[5, 1], sharey="row")
for (paths, side), (name, kept) in zip(panels, runs.items(), strict=True):
    paths.plot(torch.arange(1, len(kept) + 1) * 2, kept[:, ::2, 0], linewidth=0.5, alpha=0.8)
    paths.set(ylabel="x", xlabel="step")
    found = diagnostics.agreement(kept)
    paths.set_title(rf"{name}: $\hat R$ = {float(found.r_hat):.2f}, {float(found.bulk):,.0f} effective draws")
    side.hist(kept.flatten(), bins=60, orientation="horizontal", color="C0", alpha=0.5, density=True)
    side.set(xticks=[])
plt.show()
