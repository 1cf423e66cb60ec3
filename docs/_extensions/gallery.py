"""How the gallery is made: in which order, in which look, and which figures belong to an example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cycler import cycler

from unnoise.report.plots._style import STYLE

# The order of the story; what is not named here comes last, by its name.
ORDER = [
    "plot_completed_digits.py",
    "plot_poses.py",
    "plot_two_places.py",
    "plot_langevin.py",
    "plot_mala.py",
    "plot_underdamped.py",
    "plot_agreement.py",
    "plot_sphere.py",
    "plot_ornstein_uhlenbeck.py",
    "plot_markov_model.py",
    "plot_sdes.py",
    "plot_latent_chain.py",
    "plot_ddpm.py",
    "plot_snr_form.py",
    "plot_discrete_time.py",
    "plot_learned_betas.py",
    "plot_importance.py",
    "plot_binomial.py",
    "plot_solvers.py",
    "plot_tweedie.py",
    "plot_autoencoder_chain.py",
    "plot_energy_model.py",
    "plot_annealed.py",
    "plot_walk_jump.py",
    "plot_sequences.py",
    "plot_measurements.py",
    "plot_log_concave.py",
    "plot_joint_or_sequential.py",
    "plot_localization.py",
    "plot_simulator.py",
    "plot_questions.py",
    "plot_posterior.py",
    "plot_targets.py",
]
COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"]  # Okabe and Ito


class Order:
    """Sorts the examples of a folder, as sphinx-gallery asks for it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, file: str) -> tuple[int, str]:
        """Where an example stands."""
        return ORDER.index(file) if file in ORDER else len(ORDER), file


def restyle(gallery_conf: Any, file: str | Path) -> None:
    """Start every example afresh: one look, one seed, one thread."""
    import matplotlib.pyplot as plt
    import torch

    plt.rcdefaults()
    plt.rcParams.update(STYLE | {"text.parse_math": True, "axes.prop_cycle": cycler(color=COLORS)})
    torch.manual_seed(0)
    torch.set_num_threads(1)
