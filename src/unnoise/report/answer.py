"""The answer to a question about a model: a sentence, a number, and whether it is good."""

from __future__ import annotations

from dataclasses import dataclass, replace

LEVEL = 0.005  # p-value from which an answer is bad: so often a perfect model gets one
FEWEST = 100  # held-out rows, of fewer "no more than chance" says nothing
REPEATED = 0.5  # share of the held-out rows among the training rows, from which they were not held out


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    Attributes:
        key: a word for it.
        question: in words.
        number: the number that answers it, in words.
        sentence: what it means.
        good: whether one can trust the model in this; None if it was not measured.
        beside: what rivals get, in words.
    """

    key: str
    question: str
    number: str
    sentence: str
    good: bool | None
    beside: str = ""

    def measured_on(self, rows: int, repeated: float = 0.0) -> Answer:
        """The answer, or none: few rows, or rows that were trained on, show no fault, and prove no virtue.

        Args:
            rows: that were held out.
            repeated: the share of them that are training rows by more than chance.
        """
        if self.good is not True or (rows >= FEWEST and repeated <= REPEATED):
            return self
        why = (
            f"{rows:,} held-out rows are too few to show a difference; give {FEWEST} or more."
            if repeated <= REPEATED
            else f"{100 * repeated:.0f} % of these rows are training rows; give rows that were held out."
        )
        return replace(self, good=None, sentence=f"{why} {self.sentence}")
