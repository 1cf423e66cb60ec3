"""What the sequence experiment reads and counts, on sequences small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments import sequence_scores as scores
from experiments.antibody_judge import Judge
from experiments.families import AMINO_ACIDS, Frame, antibodies, numbered, rna, spelled


def domain(before: int = 21, first: int = 10, middle: int = 60, end: int = 20) -> str:
    """A sequence with the conserved residues and blocks of these lengths."""
    return "A" * (before - 1) + "C" + "G" * first + "WVR" + "S" * (middle - 5) + "YC" + "T" * end


class TestFrame:
    frame = Frame.of([domain(), domain(first=14, end=12), domain(middle=66), "MISFIT"])

    def test_it_holds_the_widest_of_every_block(self):
        assert self.frame.widths == (21, 14, 66, 20)

    def test_conserved_residues_have_their_columns(self):
        rows = [self.frame.align(domain(before, *rest)) for before, *rest in ((21, 10, 60, 20), (18, 14, 54, 11))]
        for row in rows:
            assert row is not None
            assert (len(row), row[20], row[35], row[100]) == (121, "C", "W", "C")

    def test_without_gaps_it_is_the_sequence_again(self):
        sequence = domain(19, 7, 58, 17)
        row = self.frame.align(sequence)
        assert row is not None
        assert row.replace("-", "") == sequence

    @pytest.mark.parametrize(
        "sequence", ["", "MISFIT", domain(first=19), domain(before=26), domain().replace("C", "S")]
    )
    def test_what_it_does_not_hold(self, sequence):
        assert self.frame.align(sequence) is None


def test_letters_are_numbers_and_back():
    rows = ["-ACD", "WY--"]
    assert spelled(numbered(rows, AMINO_ACIDS), AMINO_ACIDS) == rows


def test_antibodies_are_read_as_they_were_split(shared_data):
    chains = antibodies(shared_data / "antibody/sabdab_chains.csv.gz")
    family = chains.family
    assert len(family.train) + len(family.held_out) + chains.left_out == 900
    assert chains.left_out < 20
    assert family.columns == sum(chains.frame.widths)
    assert (len(chains.heavy), len(chains.heavy_held_out)) == (len(family.train), len(family.held_out))
    assert 0.4 < float(chains.heavy.double().mean()) < 0.6
    cysteine, tryptophan = chains.frame.widths[0] - 1, sum(chains.frame.widths[:2])
    assert (family.train[:, cysteine] == AMINO_ACIDS.index("C")).all()
    assert (family.train[:, tryptophan] == AMINO_ACIDS.index("W")).all()


def test_no_rna_is_in_two_parts(shared_data):
    family = rna(shared_data / "rf00379/RF00379.fasta.gz", 0)
    rows = torch.cat([family.train, family.held_out])
    assert rows.shape == (3646, 136)
    assert len(rows.unique(dim=0)) == len(rows)


class TestScores:
    rows = torch.tensor([[0, 1], [0, 1], [2, 0], [0, 0]])

    def test_frequencies(self):
        assert scores.frequencies(self.rows, 3).tolist() == [0.75, 0, 0.25, 0.5, 0.5, 0]

    def test_pair_covariances_are_those_of_the_joint_frequencies(self):
        found = scores.pair_covariances(self.rows, 3).reshape(3, 3)  # of letter a first and b second
        joint = torch.tensor([[1, 2, 0], [0, 0, 0], [1, 0, 0]]) / 4
        expected = joint - joint.sum(1, keepdim=True) * joint.sum(0)
        torch.testing.assert_close(found, expected)

    def test_distances_to_the_nearest(self):
        known = torch.tensor([[0, 1], [2, 2]])
        assert scores.distances(self.rows, known, 3).tolist() == [0, 0, 1, 1]

    def test_properties(self):
        found = scores.properties(["KKDA", "II", ""])
        expected = [[4, (2 * -3.9 - 3.5 + 1.8) / 4, 1], [2, 4.5, 0], [0, 0, 0]]
        np.testing.assert_allclose(found, expected)

    def test_a_shift_of_a_property_is_its_distance(self):
        """Two letters more, of the same kind: only the length differs, by two."""
        assert scores.property_distance(["AA"], ["AAAA"], np.ones(3)) == pytest.approx(2 / 3)


@pytest.fixture(scope="module")
def judge(shared_data) -> Judge:
    return Judge(antibodies(shared_data / "antibody/sabdab_chains.csv.gz"))


class TestJudge:
    def test_real_chains_pass(self, judge):
        rows = judge.family.train
        assert judge.valid(rows).all()
        assert judge.gaps_in_place(rows).all()
        assert ((judge.heavy(judge.family.held_out) > 0.5) == judge.chains.heavy_held_out).double().mean() > 0.97

    def test_a_lost_cysteine_is_seen(self, judge):
        rows = judge.family.train[:50].clone()
        rows[:, judge.chains.frame.widths[0] - 1] = AMINO_ACIDS.index("S")
        assert judge.valid(rows).double().mean() < 0.1

    def test_a_gap_out_of_place_is_seen(self, judge):
        rows = judge.family.train[:50].clone()
        rows[:, 10] = 0
        assert judge.valid(rows).double().mean() > 0.9
        assert not judge.gaps_in_place(rows).any()

    def test_other_chains_have_other_properties(self, judge):
        rows, heavy = judge.family.train, judge.chains.heavy
        halves = judge.property_distance(rows[heavy][::2], rows[heavy][1::2])
        assert judge.property_distance(rows[heavy], rows[~heavy]) > 5 * halves
