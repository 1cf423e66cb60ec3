r"""
DDPM: an algorithm to train, an algorithm to sample
===================================================

Take :math:`\beta_1, \dots, \beta_T`, and let :math:`\bar\alpha_t = \prod_{s \le t}(1 - \beta_s)`. Algorithm 1 draws a
step t, makes :math:`x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\varepsilon`, and descends
:math:`\lVert\varepsilon - \varepsilon_\theta(x_t, t)\rVert^2`. Algorithm 2 goes back, :math:`x_{t-1} =
(x_t - \beta_t\,\varepsilon_\theta/\sqrt{1 - \bar\alpha_t})/\sqrt{1 - \beta_t} + \sigma_t z`, with no noise in the last
step (Ho et al. 2020). That is a draw from the posterior :math:`q(x_{t-1} \mid x_t, x_0)`, with the guess of
:math:`x_0` that the guessed noise implies. Above data are noised, in the middle a network that learnt for a second
undoes it, below the exact denoiser.
"""

import matplotlib.pyplot as plt
import torch

from unnoise import denoisers, heads, networks, objectives, processes, samplers, spaces, targets

rng = torch.Generator().manual_seed(0)
target, steps = targets.ring(5, radius=1.3, scale=0.15), 50
betas = processes.linear_betas(steps, 2e-3, 0.25)
chain = processes.chain_of_betas(spaces.Euclidean(2), betas)

# %%
# Algorithm 1.

network = networks.MLP((2,), 0, (2,), width=64, depth=2)
denoiser = denoisers.Neural(chain.process, network, heads.Eps())
loss, optimiser = objectives.ddpm(steps), torch.optim.Adam(network.parameters(), lr=0.01)
rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 400)
for _ in range(400):
    optimiser.zero_grad()
    loss(denoiser, target.sample(rng, (256,)), None, rng).value.mean().backward()
    optimiser.step()
    rate.step()

# %%
# Algorithm 2, and the same with the exact denoiser. ``ChainSteps`` takes the steps of a chain, with its variances;
# with the small ones, as here, ``Ancestral(denoiser, steps)`` is the same.

exact = denoisers.ExactMixture(chain.process, target.mixture)
seen, data = (1, 5, 10, 20, 50), target.sample(rng, (1200,))
rows = {"data, noised": {t: chain.marginal(data, torch.tensor(t)).sample(rng) for t in seen}}
for name, guesser in {"learnt": denoiser, "exact": exact}.items():
    sampler = samplers.ChainSteps(guesser, chain)
    states = {steps: sampler.start(1200, rng)}

    def keep(index, t, state, states=states):
        states[steps - 1 - index] = state.clone()

    sampler.run(states[steps], rng, on_step=keep)
    rows[name] = {t: states[t] for t in seen}

# %%
# One step, written out: the mean of algorithm 2 is that of ``chain.posterior``.

x_t, t = rows["learnt"][20][:3], torch.tensor(20)
alpha_bar, beta = (1 - torch.tensor(betas[:20])).prod(), betas[19]
estimate = denoiser(x_t, chain.time(t)).detach()
noise = objectives.snr_form.noise(chain.process, estimate, x_t, chain.time(t))
print((x_t - beta / (1 - alpha_bar).sqrt() * noise) / (1 - beta) ** 0.5 - chain.posterior(estimate, x_t, t).mean)

figure, panels = plt.subplots(3, 5, figsize=(7.2, 4.4), layout="constrained", sharex=True, sharey=True)
for line, (name, row) in zip(panels, rows.items(), strict=True):
    for axes, (t, x) in zip(line, row.items(), strict=True):
        axes.scatter(*x.T, s=1.5, color="C1" if name == "data, noised" else "C0", alpha=0.5, linewidths=0)
        axes.set(aspect="equal", xticks=[], yticks=[], xlim=(-3, 3), ylim=(-3, 3))
        if name == "data, noised":
            axes.set_title(f"t = {t}")
    line[0].set_ylabel(name)
plt.show()
