r"""
A chain of latent variables, from noise to data
===============================================

A diffusion model is a Markov chain of latent variables, :math:`p(x_0, \dots, x_1) = p(x_1)\prod p(x_s \mid x_t)`, whose
every step undoes a little noise. Given the data a step is known, :math:`q(x_s \mid x_0, x_t)`; the model puts its guess
:math:`E[X_0 \mid x_t]` in the place of :math:`x_0`. That is a good step if it is a small one: in a large one the true
law of :math:`x_s` has several modes and the step has one. So the number of latents matters, and not the network alone;
the denoiser here is exact.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, processes, samplers, schedules, spaces, targets

target = targets.ring(8, radius=1.3, scale=0.12)
process = processes.variance_preserving(spaces.Euclidean(2), schedules.Cosine())
denoiser = denoisers.ExactMixture(process, target.mixture)

# %%
# Every latent of two chains, one of 5 and one of 50 steps.

figure, panels = plt.subplots(2, 5, figsize=(7.2, 3.4), layout="constrained", sharex=True, sharey=True)
for line, steps in zip(panels, (5, 50), strict=True):
    rng = torch.Generator().manual_seed(0)
    sampler = samplers.Ancestral(denoiser, steps)
    latents = [(1.0, sampler.start(1200, rng))]
    data = sampler.run(latents[0][1], rng, on_step=lambda index, t, x, latents=latents: latents.append((t, x)))
    latents = [latents[i] for i in torch.linspace(0, steps - 2, 4).round().int().tolist()] + [(None, data)]
    for axes, (t, x) in zip(line, latents, strict=True):
        axes.scatter(*x.T, s=1.5, color="C0", alpha=0.5, linewidths=0)
        axes.set(title="data" if t is None else f"t = {t:.2f}", aspect="equal", xticks=[], yticks=[])
        axes.set(xlim=(-3, 3), ylim=(-3, 3))
    line[0].set_ylabel(f"{steps} steps")
plt.show()
