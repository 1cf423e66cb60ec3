"""Digits: the reader of IDX files, the kept denoiser, and the numbers that the digit experiments rest on."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace

import pytest
import torch
from noisy import of_mixture

from experiments import keeping, mnist, products, walk_jump_digits
from experiments.base import Setting
from unnoise._errors import InputError
from unnoise.laws import GaussianMixture
from unnoise.testing import ImprobableError, assert_law


def idx(path, code, sizes, numbers):
    header = bytes((0, 0, code, len(sizes))) + b"".join(size.to_bytes(4, "big") for size in sizes)
    path.write_bytes(gzip.compress(header + bytes(numbers)))
    return path


class TestFiles:
    def test_bytes_are_read_in_order(self, tmp_path):
        found = mnist.read_idx(idx(tmp_path / "a.gz", 8, (2, 1, 3), range(6)), 3)
        assert torch.equal(found, torch.arange(6, dtype=torch.uint8).reshape(2, 1, 3))

    @pytest.mark.parametrize(
        ("code", "sizes", "numbers", "match"),
        [
            (
                13,
                (2,),
                range(2),
                "begins with 00 00 0d 01; an IDX file of bytes in 1 dimensions begins with 00 00 08 01",
            ),
            (8, (2, 1), range(2), "begins with 00 00 08 02"),
            (8, (3,), range(2), "holds 2 numbers, but says it has 3"),
        ],
    )
    def test_other_files_are_refused(self, tmp_path, code, sizes, numbers, match):
        with pytest.raises(InputError, match=match):
            mnist.read_idx(idx(tmp_path / "a.gz", code, sizes, numbers), 1)

    def test_a_file_cut_short_is_refused(self, tmp_path):
        path = idx(tmp_path / "a.gz", 8, (500,), [i % 251 for i in range(500)])
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(InputError, match="must be a whole gzipped IDX file"):
            mnist.read_idx(path, 1)

    def test_labels_that_do_not_belong_are_refused(self, tmp_path):
        (tmp_path / "mnist").mkdir()
        for part in ("train", "t10k"):
            idx(tmp_path / f"mnist/{part}-images-idx3-ubyte.gz", 8, (1, 28, 28), [0] * 784)
            idx(tmp_path / f"mnist/{part}-labels-idx1-ubyte.gz", 8, (1,), [11])
        with pytest.raises(InputError, match=r"1 labels up to 11; expected .* labels from 0 to 9"):
            mnist.read(Setting(data=tmp_path))

    def test_the_digits_are_those_that_were_published(self, shared_data):
        train, test = mnist.read(Setting(data=shared_data))
        counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert torch.bincount(train.labels).tolist() == counts
        assert test.images.shape == (10_000, 1, 28, 28)
        assert float(train.images.mean()) == pytest.approx(0, abs=1e-3)
        assert float(train.images.std()) == pytest.approx(1, abs=1e-3)
        assert torch.equal(mnist.rounded(test.images[:5]), test.images[:5])


class TestKept:
    """A denoiser is read again only where the same recipe made it."""

    RECIPE = mnist.Recipe(0, 8, width=8, multipliers=(1,), steps=2, batch_size=4, precision="float32")

    @pytest.fixture
    def kept(self, tmp_path):
        denoiser = self.RECIPE.train(torch.randn(8, *mnist.SHAPE), lambda share, words: None)
        keeping.keep(tmp_path / "cache" / "d.safetensors", "this recipe", denoiser.state_dict(), seconds="3.0")
        return tmp_path / "cache" / "d.safetensors", denoiser

    def test_it_is_the_same(self, kept):
        path, denoiser = kept
        found = mnist._kept(path, "this recipe", self.RECIPE)
        x, t = torch.randn(3, *mnist.SHAPE), torch.tensor(0.4)
        assert torch.equal(found.denoiser(x, t), denoiser(x, t))
        assert found.seconds == 3.0
        assert "read from the cache" in found.note

    def test_another_recipe_or_a_damaged_file_is_not_read(self, kept):
        path, _ = kept
        assert mnist._kept(path, "another recipe", self.RECIPE) is None
        path.write_bytes(path.read_bytes()[:40])
        assert mnist._kept(path, "this recipe", self.RECIPE) is None

    def test_the_second_experiment_finds_what_the_first_kept(self, tmp_path, monkeypatch):
        monkeypatch.setattr(mnist.Recipe, "of", classmethod(lambda cls, setting, train: TestKept.RECIPE))
        digits = mnist.Digits(torch.randn(8, *mnist.SHAPE), torch.arange(8))
        setting = Setting(cache=tmp_path)
        made = [mnist.trained(setting, digits, lambda share, words: None) for _ in range(2)]
        assert [one.reused for one in made] == [False, True]
        monkeypatch.setattr(mnist.Recipe, "of", classmethod(lambda cls, *_: replace(TestKept.RECIPE, seed=1)))
        assert not mnist.trained(setting, digits, lambda share, words: None).reused


class TestNumbers:
    def test_ranks_of_one_more_draw_are_uniform_and_of_narrow_draws_are_not(self, rng):
        """Rounded, so that there are ties."""
        draws, truth = (torch.randn(shape, generator=rng).mul(2).round() for shape in ((2000, 9, 1), (2000, 1)))
        assert_law(products.ranks(draws, truth, rng), lambda u: u)
        with pytest.raises(ImprobableError):
            assert_law(products.ranks(draws / 2, truth, rng), lambda u: u)

    def test_the_linear_filter_is_exact_for_a_gaussian(self, rng):
        rows = torch.randn(50, 3, generator=rng).double() @ torch.tensor([[1.0, 0.5, 0], [0, 1, 0], [0, 0, 2]]).double()
        law = GaussianMixture(torch.ones(1).double(), rows.mean(0)[None], torch.cov(rows.T)[None])
        y = torch.randn(4, 3, generator=rng).double()
        found = walk_jump_digits.Linear.fit(rows).denoise(y, 0.7)
        torch.testing.assert_close(found, of_mixture(law).denoise(y, 0.7))

    def test_the_baselines_are_those_of_a_gaussian_and_of_the_training_digits(self, rng):
        train = torch.randn(2000, *mnist.SHAPE, generator=rng).double()
        task = products.Task(torch.ones(mnist.SHAPE, dtype=torch.bool), 0.5)
        seen = task.see(train[:2], rng)
        found = products.baselines(task, seen, train)
        filtered = walk_jump_digits.Linear.fit(train).denoise(seen, mnist.level(0.5))
        torch.testing.assert_close(found["gaussian"].mean, filtered, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found["training_digits"].mean, train[:2], atol=1e-4, rtol=1e-4)

    def test_a_start_from_data_begins_where_its_noise_is(self):
        times = products.Onwards(mnist.level(0.5))(mnist.PROCESS, 5)
        _, sigma = mnist.PROCESS.alpha_sigma(times[:1])
        assert float(sigma) == pytest.approx(mnist.level(0.5))
        assert float(times[-1]) == 0.0

    def test_a_reader_reads_and_its_gradient_is_known(self, shared_data):
        train, test = mnist.read(Setting(quick=True, data=shared_data))
        reader = mnist.Reader.fit(train)
        assert float((reader(test.images).argmax(1) == test.labels).double().mean()) > 0.6
        x = test.images[:2].clone().requires_grad_()
        reader.log_probabilities(x)[:, 3].sum().backward()
        assert float(x.grad.abs().sum()) > 0
        assert math.isclose(float(reader(test.images[:1]).sum()), 1, rel_tol=1e-5)
