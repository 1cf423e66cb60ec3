r"""
Learning a score is learning to denoise
=======================================

Blur a law with noise, :math:`Y = X + \sigma N`. Tweedie's formula (Robbins 1956, Miyasawa 1961) says that the best
guess of X is a step along the score of the blurred law, :math:`E[X \mid Y = y] = y + \sigma^2\nabla\log q_\sigma(y)`. A
network D that is trained by least squares to undo the noise, a denoising autoencoder, learns exactly this mean. So
:math:`(D(y) - y)/\sigma^2` is a learnt score, although nobody ever saw a density: denoising score matching (Vincent
2011).
"""

import matplotlib.pyplot as plt
import torch

from unnoise import chains, denoisers, networks, objectives, processes, targets

torch.manual_seed(0)
rng = torch.Generator().manual_seed(0)
sigma = 0.6
target = targets.Modes(torch.tensor([0.5, 0.2, 0.3]), torch.tensor([[-2.0], [0.5], [2.5]]), 0.25)
exact = chains.AtNoise(denoisers.ExactMixture(processes.edm(target.space), target.mixture))

# %%
# Training sees samples only. The objective is the squared error after fresh noise, always of the one level.

denoiser = denoisers.Neural(exact.process, networks.MLP((1,), width=32, depth=1))
objective = objectives.Denoising(times=objectives.times.OneLevel(sigma))
optimiser = torch.optim.LBFGS(denoiser.parameters(), max_iter=80, line_search_fn="strong_wolfe")
data = target.sample(rng, (6000,))


def loss():
    optimiser.zero_grad()
    value = objective(denoiser, data, None, torch.Generator().manual_seed(1)).value.mean()
    value.backward()
    return value


optimiser.step(loss)
learnt = chains.AtNoise(denoiser)

# %%
# Both panels show the same two functions: the closed form of the mixture, and what the network has learnt.

y = torch.linspace(-4, 4.5, 400)[:, None]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.0), layout="constrained")
for axes, of, name in ((left, "denoise", r"$E[X \mid Y = y]$"), (right, "score", r"$\nabla\log q_\sigma(y)$")):
    axes.plot(y, getattr(exact, of)(y, sigma), color="C1", linewidth=4, alpha=0.6, label="exact")
    axes.plot(y, getattr(learnt, of)(y, sigma).detach(), color="C0", label="learnt from samples")
    blurred = targets.Modes(target.weights, target.means, (0.25**2 + sigma**2) ** 0.5).log_prob(y).exp()
    axes.fill_between(y[:, 0], axes.get_ylim()[0], axes.get_ylim()[0] + 6 * blurred, color="0.9", linewidth=0, zorder=0)
    axes.set(xlabel="y", title=name)
left.plot(y, y, color="0.7", linewidth=0.8, zorder=0)
left.legend()
plt.show()
