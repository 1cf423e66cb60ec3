"""What only antibodies are judged by: conserved residues, lengths, chemistry, heavy or light chain."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from experiments import sequence_scores as scores
from experiments.families import GAP, Antibodies, spelled


class Judge:
    """Tells heavy from light chains, valid sequences from others, and how far properties are from those held out.

    Heavy and light chains are told apart by logistic regression on the training rows.
    """

    def __init__(self, chains: Antibodies) -> None:
        from sklearn.linear_model import LogisticRegression

        self.chains, self.family = chains, chains.family
        self.heavy_held_out = self.family.held_out[chains.heavy_held_out]
        self.scale = scores.properties(self.words(self.family.train)).std(0)
        self.classifier = LogisticRegression(max_iter=1000).fit(self._seen(self.family.train), chains.heavy.numpy())

    def words(self, rows: Tensor) -> list[str]:
        """Sequences without their gaps."""
        return [row.replace(GAP, "") for row in spelled(rows, self.family.letters)]

    def heavy(self, rows: Tensor) -> Tensor:
        """The probability that each is a heavy chain."""
        return torch.from_numpy(self.classifier.predict_proba(self._seen(rows))[:, 1])

    def valid(self, rows: Tensor) -> Tensor:
        """Whether the conserved residues are found again without the gaps, and the length is one of the training's."""
        lengths, known = (rows > 0).sum(1), (self.family.train > 0).sum(1)
        found = [self.chains.frame.align(word) is not None for word in self.words(rows)]
        return torch.tensor(found) & (lengths >= known.min()) & (lengths <= known.max())

    def gaps_in_place(self, rows: Tensor) -> Tensor:
        """Whether the frame would put the gaps where they are."""
        aligned = [self.chains.frame.align(word) for word in self.words(rows)]
        return torch.tensor(np.equal(np.array(aligned, dtype=object), spelled(rows, self.family.letters)).astype(bool))

    def property_distance(self, rows: Tensor, real: Tensor) -> float:
        """See `scores.property_distance`; in units of the training data's deviation."""
        return scores.property_distance(self.words(rows), self.words(real), self.scale)

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """All of it."""
        heavy, family = self.heavy(samples), self.family
        shares = {
            "valid": self.valid(samples),
            "gaps_in_place": self.gaps_in_place(samples),
            "heavy_share": heavy > 0.5,
        }
        found = scores.with_errors(shares)
        found["classifier_confidence"] = float(torch.maximum(heavy, 1 - heavy).mean())
        found["W_property"] = self.property_distance(samples, family.held_out)
        chosen = samples[heavy > 0.5]
        if len(chosen) > 1:
            found |= {
                f"heavy_{name}": value for name, value in scores.compared(chosen, family, self.heavy_held_out).items()
            }
            found["heavy_W_property"] = self.property_distance(chosen, self.heavy_held_out)
        return found

    def floors(self) -> dict[str, float]:
        """What the training rows score, as if they had been sampled."""
        train, of_heavy = self.family.train, self.family.train[self.chains.heavy]
        right = (self.heavy(self.family.held_out) > 0.5) == self.chains.heavy_held_out
        found = {
            "W_property": self.property_distance(train, self.family.held_out),
            "heavy_share": float(self.chains.heavy_held_out.double().mean()),
            "classifier_accuracy": float(right.double().mean()),
            "heavy_W_property": self.property_distance(of_heavy, self.heavy_held_out),
        }
        correlations = scores.correlations(of_heavy, self.heavy_held_out, len(self.family.letters))
        return found | {f"heavy_{name}": value for name, value in correlations.items()}

    def _seen(self, rows: Tensor) -> Any:
        return torch.nn.functional.one_hot(rows, len(self.family.letters)).flatten(1).numpy()
