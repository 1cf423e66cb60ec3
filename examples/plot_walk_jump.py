r"""
Walk on noisy digits, jump to clean ones
========================================

One noise level is enough to generate (Saremi, Hyvärinen 2019). The walk stays among noisy images, whose law is smooth
enough for it to go from digit to digit; whenever a clean image is wanted, it jumps to :math:`E[X \mid Y = y]` and the
walk goes on as if nothing had happened. More noise lets the walk travel and blurs the jumps; less noise sharpens the
jumps and keeps the walk at home. The denoiser is the closed form for 1,797 real digits, so jumps are averages of these;
a trained one takes its place in ``chains.WalkJump`` without another change.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits

from unnoise import chains, denoisers, processes, spaces

digits = torch.tensor(load_digits().images / 16, dtype=torch.float32)
smoothed = chains.AtNoise(denoisers.Exact(processes.edm(spaces.Euclidean((8, 8))), digits))

# %%
# One chain per noise level, both from the same digit; a jump after every 25 steps. Pixels lie between 0 and 1.

rows = []
for sigma in (0.5, 0.25):
    rng = torch.Generator().manual_seed(3)
    sampler = chains.WalkJump(smoothed, sigma)
    walk = sampler.walk(digits[:1], 300, rng, keep=25).kept[:, 0]
    rows += [(f"walk, $\\sigma$ = {sigma}", walk[:, 0]), ("jump", sampler.jump(walk))]

# %%

figure, panels = plt.subplots(4, 12, figsize=(7.2, 2.7), layout="constrained")
for line, (name, images) in zip(panels, rows, strict=True):
    for axes, image in zip(line, images, strict=True):
        axes.imshow(image.numpy(), cmap="gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
