r"""
Walk-jump on sequences of letters
=================================

Proteins are letters, and Langevin needs a gradient. Discrete walk-jump sampling (Frey et al. 2023, for antibodies)
writes a sequence one-hot, blurs it with Gaussian noise, walks there, and jumps to the probability of each letter, of
which the largest is read. Two sequences that differ at h sites merge from :math:`\sigma = \sqrt{h/2}` on. The family
here has three ancestors, and each panel is what one long walk reads, every 20 steps from top to bottom: with little
noise it stays with one ancestor and shows its mutants; with more it goes from ancestor to ancestor, and a jump, the
average over many relatives, tells less of the mutants.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, spaces

rng = torch.Generator().manual_seed(0)
letters, length = 4, 24
ancestors = torch.randint(letters, (3, length), generator=rng)
family = ancestors[torch.randint(3, (400,), generator=rng)]
mutated = torch.rand(family.shape, generator=rng) < 0.12
family = torch.where(mutated, torch.randint(letters, family.shape, generator=rng), family)

# %%
# The denoiser is the closed form for the known family; a trained one takes its place for unseen sequences.

space = spaces.Finite(length, letters)
process = processes.edm(spaces.Euclidean((length, letters)))
smoothed = chains.AtNoise(denoisers.Exact(process, space.features(family).float()))
panels = {"40 of the family": family[:40]}
for sigma in (0.5, 1.0, 2.0):
    sampler = chains.DiscreteWalkJump(smoothed, sigma, space=space)
    walk = sampler.walk(family[:1], 800, torch.Generator().manual_seed(1), keep=20).kept[:, 0]
    panels[rf"$\sigma$ = {sigma}"] = sampler.jump(walk)

# %%

figure, axes = plt.subplots(1, 4, figsize=(7.2, 3.0), layout="constrained")
for panel, (name, sequences) in zip(axes, panels.items(), strict=True):
    panel.imshow(sequences.numpy(), cmap="viridis", interpolation="nearest", aspect="auto")
    distinct = len(sequences.unique(dim=0))
    panel.set(title=f"{name}\n{distinct} distinct", xticks=[], yticks=[], xlabel="site")
plt.show()
