r"""
The generative chain of a denoising autoencoder
===============================================

Spoil a point with noise, rebuild it, and again: so a denoising autoencoder makes new data (Bengio et al. 2013). The
rebuilt point must be *drawn*, not only computed: without noise from the decoder a step is a Langevin step with twice
the drift, and on a Gaussian the variance comes out at :math:`\tau^4/(2\tau^2 + \sigma^2)`, about half of what it should
be. The denoiser here is the exact one, so what is seen is the chain and no fault of a network.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, processes, targets

rng = torch.Generator().manual_seed(0)
target, sigma = targets.ring(8, radius=2.0, scale=0.25), 0.15
data = target.sample(rng, (2000,))
smoothed = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))

# %%
# The noise of the decoder is what denoising leaves: the mean squared error per coordinate, which is also what the loss
# of a trained autoencoder says.

noisy = data + sigma * torch.randn(data.shape, generator=rng)
spread = float((smoothed.denoise(noisy, sigma) - data).square().mean().sqrt())
drawn = {
    "data": data,
    "rebuilt by the mean": chains.run(chains.AutoencoderChain(smoothed, sigma, 0.0), data, 200, rng).x,
    "rebuilt by a draw": chains.run(chains.AutoencoderChain(smoothed, sigma, spread), data, 200, rng).x,
}

# %%
# The number over each panel is the standard deviation within the modes, 0.25 in the data.

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.8), layout="constrained", sharex=True, sharey=True)
for axes, (name, x), color in zip(panels, drawn.items(), ("C1", "0.5", "C0"), strict=True):
    within = (x - target.means[target.responsibility(x).argmax(1)]).square().mean().sqrt()
    axes.scatter(*x.T, s=2, color=color, alpha=0.5, linewidths=0)
    axes.set(title=f"{name}: {within:.2f}", aspect="equal", xticks=[], yticks=[])
plt.show()
