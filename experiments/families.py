r"""Aligned families of related sequences: a column is the same place in all of them.

The RNA data is aligned. Antibody variable domains are aligned here by a simple rule: the three conserved residues Cys
23, Trp 41 and Cys 104 (numbering of Lefranc et al. 2003) cut a sequence into four blocks, and each block has its gaps
at one place, in its most variable loop.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from unnoise._seeding import generator

GAP = "-"
AMINO_ACIDS = GAP + "ACDEFGHIKLMNPQRSTVWY"
BASES = GAP + "ACGU"
BLOCKS = re.compile(r"(.{14,29}?C)(.{6,20}?)(W.[RQKLH].{48,72}?[YFHS]C)(.{10,42})")
SHARES = (0.8, 0.9)  # of the rows, where training data end and where validation data end


@dataclass(frozen=True)
class Family:
    """Aligned sequences as numbers of letters, int64, (n, columns).

    Attributes:
        letters: the alphabet; the first one is the gap.
        train: what is learnt from.
        validation: what decides when to stop.
        test: what is compared with.
    """

    letters: str
    train: Tensor
    validation: Tensor
    test: Tensor

    @property
    def columns(self) -> int:
        """How many there are."""
        return self.train.shape[1]

    @cached_property
    def held_out(self) -> Tensor:
        """Validation and test."""
        return torch.cat([self.validation, self.test])


def numbered(rows: Sequence[str], letters: str) -> Tensor:
    """Rows of letters of equal length as numbers."""
    place = {letter: number for number, letter in enumerate(letters)}
    return torch.tensor([[place[letter] for letter in row] for row in rows])


def spelled(rows: Tensor, letters: str) -> list[str]:
    """The letters of every row, gaps included."""
    return ["".join(letters[number] for number in row) for row in rows.tolist()]


@dataclass(frozen=True)
class Frame:
    """How variable domains are written in columns: the width of each of the four blocks.

    >>> frame = Frame.of([f"{'A' * 20}C{'G' * 10}WYQ{'S' * 51}YC{'T' * 18}"])
    >>> frame.widths
    (21, 10, 56, 18)
    >>> frame.align(f"{'A' * 19}C{'G' * 7}WYQ{'S' * 51}YC{'T' * 16}")
    '-AAAAAAAAAAAAAAAAAAACGGGG---GGGWYQSSS...'
    """

    widths: tuple[int, ...]

    @classmethod
    def of(cls, sequences: Sequence[str]) -> Frame:
        """Wide enough for all of these; those without the conserved residues do not count."""
        blocks = [found for found in map(_blocks, sequences) if found]
        return cls(tuple(max(map(len, column)) for column in zip(*blocks, strict=True)))

    def align(self, sequence: str) -> str | None:
        """The sequence with its gaps, or None where conserved residues are missing or a block is too long."""
        blocks = _blocks(sequence)
        if not blocks or any(len(block) > width for block, width in zip(blocks, self.widths, strict=True)):
            return None
        # before the domain, in the middle of the first loop, in the second, in the middle of the third
        heads = (0, (len(blocks[1]) + 1) // 2, 20, (len(blocks[3]) - 10) // 2)
        parts = zip(blocks, heads, self.widths, strict=True)
        return "".join(block[:head] + GAP * (width - len(block)) + block[head:] for block, head, width in parts)


def _blocks(sequence: str) -> tuple[str, ...]:
    found = BLOCKS.fullmatch(sequence)
    return found.groups() if found else ()


@dataclass(frozen=True)
class Antibodies:
    """Variable domains of antibodies, heavy and light chains in one frame.

    Attributes:
        family: those that the frame holds.
        frame: how they are written in columns.
        heavy: which training rows are heavy chains, (n,).
        heavy_held_out: which held-out rows are.
        left_out: how many sequences the frame does not hold.
    """

    family: Family
    frame: Frame
    heavy: Tensor
    heavy_held_out: Tensor
    left_out: int


def antibodies(path: Path) -> Antibodies:
    """The chains of a table with the columns split (train, val, test), v_gene and sequence, as split there."""
    with gzip.open(path, "rt") as lines:
        table = list(csv.DictReader(lines))
    frame = Frame.of([row["sequence"] for row in table if row["split"] == "train"])
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    heavy: dict[str, list[bool]] = {"train": [], "val": [], "test": []}
    for row in table:
        aligned = frame.align(row["sequence"])
        if aligned is not None:
            rows[row["split"]].append(aligned)
            heavy[row["split"]].append(row["v_gene"].startswith("IGH"))
    family = Family(AMINO_ACIDS, *(numbered(part, AMINO_ACIDS) for part in rows.values()))
    held = len(family.train) + len(family.held_out)
    return Antibodies(
        family, frame, torch.tensor(heavy["train"]), torch.tensor(heavy["val"] + heavy["test"]), len(table) - held
    )


def rna(path: Path, seed: int) -> Family:
    """The distinct sequences of an alignment, 80/10/10 at random."""
    with gzip.open(path, "rt") as lines:
        entries = lines.read().split(">")[1:]
    rows = numbered(sorted({"".join(entry.split("\n")[1:]) for entry in entries}), BASES)
    shuffled = rows[torch.randperm(len(rows), generator=generator(seed))]
    train, validation, test = torch.tensor_split(shuffled, [int(share * len(rows)) for share in SHARES])
    return Family(BASES, train, validation, test)
