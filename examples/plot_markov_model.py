r"""
The theorem by sums
===================

On thirty states every expectation of denoising Markov models is a sum, so the theorem can be seen without training
(Benton et al. 2024, arXiv 2211.03595). Noise moves to neighbours until all states are alike. Its reverse has the rates
:math:`K(x, y) = L(y, x)\,q_t(y)/q_t(x)`, and the ratio follows from :math:`p(x_0 | x_t)` alone: solved back from noise,
the master equation returns to the data. Right, three objectives of a model :math:`\beta` of :math:`q_t`, each written
as in the paper: explicit, denoising and implicit. They differ by constants, so all have their least value where the
model knows the data; that of denoising is not zero but the information about :math:`x_0` that noise destroys just then.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import processes, spaces

STATES, STEPS = 30, 200
space = spaces.Finite(1, STATES)
process = processes.CTMC(space, processes.rates.BirthDeath(STATES))
x, place = torch.arange(STATES)[:, None], torch.arange(STATES, dtype=torch.float64)
data = 0.7 * torch.softmax(-((place - 6) ** 2) / 8, 0) + 0.3 * torch.softmax(-((place - 21) ** 2) / 4, 0)


def kernel(t):
    """q(x_t | x_0), a row for each x_0."""
    return process.marginal(x, t).probs[:, 0]


def posterior(law, t):
    """p(x_0 | x_t) of data with this law, a row for each x_t: what a denoiser learns."""
    joint = law[:, None] * kernel(t)
    return (joint / joint.sum(0)).T


# %%
# Noise forward, by the kernel, and back, by small steps of the reverse.

times = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
forward = torch.stack([data @ kernel(t) for t in times])
back = [forward[-1]]
for t in (times[1:] + times[:-1]).flip(0) / 2:
    rates = process.reverse(x, posterior(data, t)[:, None], t).rates[:, 0]
    back.append(back[-1] @ torch.linalg.matrix_exp((rates - torch.diag(rates.sum(1))) / STEPS))
print(f"the reverse returns to the data within {(back[-1] - forward[0]).abs().max():.0e}")

# %%
# Models that mix even states into the data, w of them, at one time. A function of states is a table of its values.

t = torch.tensor(0.5, dtype=torch.float64)
noise, q = process.forward(x, t), data @ kernel(t)
weights, found = torch.linspace(0, 0.95, 20, dtype=torch.float64), {"explicit": [], "denoising": [], "implicit": []}
for w in weights:
    law = (1 - w) * data + w / STATES
    beta, learnt = law @ kernel(t), posterior(law, t)
    explicit = space.phi(noise, lambda y, beta=beta: (q / beta).log()[y[..., 0]], x)
    given = [space.phi(noise, lambda y, of=of, beta=beta: (of / beta).log()[y[..., 0]], x) for of in kernel(t)]
    implicit = space.implicit(
        lambda y: process.forward(y, t), lambda y, learnt=learnt: process.reverse(y, learnt[y], t), x
    )
    found["explicit"].append(q @ explicit)
    found["denoising"].append((data[:, None] * kernel(t) * torch.stack(given)).sum())
    found["implicit"].append(q @ implicit)


def information(t):
    """I(X_0; X_t) in nats."""
    joint = data[:, None] * kernel(t)
    return (joint * (kernel(t) / joint.sum(0)).log()).sum()


lost = (information(t - 1e-4) - information(t + 1e-4)) / 2e-4
print(f"least denoising objective {found['denoising'][0]:.4f}, information lost {lost:.4f} nats per unit of time")

# %%

figure, panels = plt.subplots(1, 3, figsize=(7.2, 2.8), layout="constrained")
for axes, laws, title in zip(panels, (forward, torch.stack(back).flip(0)), ("noise", "its reverse"), strict=False):
    axes.imshow(laws.T.sqrt().numpy(), aspect="auto", origin="lower", extent=(0, 1, -0.5, STATES - 0.5), cmap="Blues")
    axes.set(title=title, xlabel="t", ylabel="state")
for name, values in found.items():
    panels[2].plot(weights, torch.stack(values), label=name)
panels[2].set(title="objectives", xlabel="w", ylabel="nats per unit of time")
panels[2].legend(frameon=False, fontsize=8)
plt.show()
