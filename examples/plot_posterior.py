r"""
A prior, a measurement, and the posterior
=========================================

Let x have a law p that is known through its denoiser, and let :math:`y = Ax + s\varepsilon` be measured. The law of x
given y is the product of p with a likelihood r. Guidance bends the reverse diffusion towards r and is only roughly
right: the points lie where they should, but the modes have the wrong shares. The perturbed kernels of Sohl-Dickstein et
al. (2015) multiply each step by r, which is right if r says little in one step. Steering bends as guidance does, with
many particles; it weighs them by what the bending has cost and copies the heavy ones. It becomes exact as particles
grow, and its weights also tell the evidence of y. Contours are the exact posterior.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, processes, samplers, spaces, targets

rng = torch.Generator().manual_seed(0)
prior = targets.ring(8, radius=2.0, scale=0.25)
denoiser = denoisers.ExactMixture(processes.variance_preserving(spaces.Euclidean(2)), prior.mixture)
r = denoisers.likelihoods.LinearGaussian(torch.tensor([[1.0, 0.4]]), torch.tensor([1.2]), scale=0.3)

# %%
# Four samplers, the same denoiser.

samples = {
    "prior": samplers.Ancestral(denoiser, 40).sample(1000, rng),
    "guided": samplers.Ancestral(denoisers.Guided(denoiser, r), 40).sample(1000, rng),
    "perturbed": samplers.Perturbed(denoiser, r, 40, warm=True).sample(1000, rng),
    "steered": samplers.TwistedSMC(denoiser, r, particles=24, steps=30)
    .weigh(500, rng)
    .draw(2, rng)
    .flatten(0, 1)[:1000],
}

# %%
# The share of samples in each mode against the exact posterior share tells what the eye may miss: its largest error is
# over each panel.

side = torch.linspace(-3, 3, 200)
grid = torch.cartesian_prod(side, side)
densities = {"prior": prior.log_prob(grid).exp()}
for name in ("guided", "perturbed", "steered"):
    densities[name] = densities["prior"] * r(grid).exp()
nearest = prior.responsibility(grid).argmax(1)
figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.15), layout="constrained", sharex=True, sharey=True)
for axes, (name, x) in zip(panels, samples.items(), strict=True):
    density = densities[name] / densities[name].sum()
    exact = torch.zeros(8).index_add(0, nearest, density)
    shares = torch.bincount(prior.responsibility(x).argmax(1), minlength=8) / len(x)
    axes.scatter(*x.T, s=2, color="C0", alpha=0.5, linewidths=0)
    levels = [0.02, 0.2, 0.5]
    axes.contour(side, side, (density / density.max()).reshape(200, 200).T, levels=levels, colors="C1", linewidths=0.9)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{name}: off by {float((shares - exact).abs().max()):.2f}", fontsize=9)
plt.show()
