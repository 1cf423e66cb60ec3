r"""What is counted on aligned sequences, made and held out: letters, pairs of letters, neighbours, properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.families import Family

Numbers = NDArray[np.float64]
HYDROPATHY = dict(  # Kyte and Doolittle 1982
    zip(
        "ARNDCQEGHILKMFPSTWYV",
        (
            1.8,
            -4.5,
            -3.5,
            -3.5,
            2.5,
            -3.5,
            -3.5,
            -0.4,
            -3.2,
            4.5,
            3.8,
            -3.9,
            1.9,
            2.8,
            -1.6,
            -0.8,
            -0.7,
            -0.9,
            -1.3,
            4.2,
        ),
        strict=True,
    )
)
CHARGE = {"K": 1.0, "R": 1.0, "D": -1.0, "E": -1.0}


def frequencies(rows: Tensor, states: int) -> Tensor:
    """How often each letter stands in each column, (columns x states,)."""
    return torch.nn.functional.one_hot(rows, states).double().mean(0).flatten()


def pair_covariances(rows: Tensor, states: int) -> Tensor:
    r"""$f_{ij}(a, b) - f_i(a)f_j(b)$ of all letters a, b at all pairs of columns $i < j$."""
    columns = rows.shape[1]
    onehot = torch.nn.functional.one_hot(rows, states).flatten(1).float()
    centred = onehot - onehot.mean(0)
    covariances = (centred.T @ centred / len(rows)).reshape(columns, states, columns, states).transpose(1, 2)
    first, second = torch.triu_indices(columns, columns, 1)
    return covariances[first, second].flatten()


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's."""
    return float(torch.corrcoef(torch.stack([first, second]).double())[0, 1])


def distances(rows: Tensor, known: Tensor, states: int) -> Tensor:
    """In how many columns every row differs from the known row nearest to it, (n,)."""
    ours, theirs = (torch.nn.functional.one_hot(part, states).flatten(1).float() for part in (rows, known))
    return rows.shape[1] - (ours @ theirs.T).max(1).values


def correlations(rows: Tensor, real: Tensor, states: int) -> dict[str, float]:
    """Of the letters in each column, and of pairs of letters in pairs of columns: the field's own check."""
    return {
        "frequency_correlation": correlation(frequencies(rows, states), frequencies(real, states)),
        "covariance_correlation": correlation(pair_covariances(rows, states), pair_covariances(real, states)),
    }


def compared(samples: Tensor, family: Family, real: Tensor) -> dict[str, float]:
    """What samples of any family are judged by: statistics of the real rows, repeats, and nearness to training rows."""
    nearest = distances(samples, family.train, len(family.letters))
    return correlations(samples, real, len(family.letters)) | {
        "unique": len(torch.unique(samples, dim=0)) / len(samples),
        "nearest_training_distance": float(nearest.median()),
        "closest_training_distance": float(nearest.min()),
    }


def with_errors(shares: Mapping[str, Tensor]) -> dict[str, float]:
    """Shares of yes among answers (n,), each with its standard error."""
    found = {name: float(answers.double().mean()) for name, answers in shares.items()}
    return found | {
        f"{name}_se": float(answers.double().std()) / len(answers) ** 0.5 for name, answers in shares.items()
    }


def properties(sequences: Sequence[str]) -> Numbers:
    """Length, mean hydropathy (Kyte and Doolittle) and net charge of every sequence without gaps, (n, 3)."""
    return np.array(
        [
            (
                len(sequence),
                sum(HYDROPATHY[letter] for letter in sequence) / max(len(sequence), 1),
                sum(CHARGE.get(letter, 0.0) for letter in sequence),
            )
            for sequence in sequences
        ]
    )


def property_distance(sequences: Sequence[str], real: Sequence[str], scale: Numbers) -> float:
    """The mean over properties of their Wasserstein-1 distance, each in units of its `scale`."""
    from scipy.stats import wasserstein_distance

    ours, theirs = properties(sequences) / scale, properties(real) / scale
    return float(np.mean([wasserstein_distance(*pair) for pair in zip(ours.T, theirs.T, strict=True)]))
