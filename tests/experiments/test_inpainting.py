"""Pictures with holes: the scores, the masks, the noise, and that a filling answers from what is given."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from experiments import fillings, masks
from experiments.base import Setting
from experiments.inpainting import LATTICE, RATES, SCHEDULE, Diffusing, Jumping, Missing, Painter, moments
from experiments.inpainting_rivals import NONE, RIDGE, Known
from experiments.mnist_inpainting import Digits, drawn, scores
from experiments.picture_scores import mean_and_error, psnr, similarity, spread_and_error, ssim
from unnoise.processes.rates import GaussianTarget
from unnoise.samplers import Ancestral
from unnoise.testing import ImprobableError, assert_frequencies, assert_law, assert_mean

ALL = torch.ones(28, 28, dtype=torch.bool)
GAUSSIAN_SSIM, UNIFORM_SSIM = 0.5828707829622953, 0.6383286686629188


def pictures(rng, n=3):
    return torch.rand(n, 28, 28, generator=rng)


class TestScores:
    def test_psnr_counts_the_error_of_the_region_alone(self):
        truth = torch.zeros(1, 28, 28)
        found = torch.where(masks.centre(), 0.1, truth)
        assert psnr(found, truth, masks.centre()).item() == pytest.approx(20, abs=1e-4)
        assert psnr(found, truth, ALL).item() == pytest.approx(20 + 10 * math.log10(4), abs=1e-4)
        assert psnr(truth, truth, ALL).isfinite().all()

    def test_similarity_is_the_formula_at_one_place(self, rng):
        x, y = pictures(rng, 2).double()
        place = np.arange(-5, 6)
        window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 1.5**2))
        window /= window.sum()
        a, b = (part[2:13, 4:15].numpy() for part in (x, y))  # around the pixel (7, 9)
        m, k = (window * a).sum(), (window * b).sum()
        va, vb, c = ((window * p).sum() - q for p, q in ((a * a, m * m), (b * b, k * k), (a * b, m * k)))
        expected = (2 * m * k + 1e-4) * (2 * c + 9e-4) / ((m * m + k * k + 1e-4) * (va + vb + 9e-4))
        assert similarity(x[None], y[None])[0, 2, 4].item() == pytest.approx(expected, rel=1e-9)

    def test_similarity_is_that_of_scikit_image(self):
        """And so are the numbers that it gave, version 0.26.0, where it is not installed."""
        row, column = np.mgrid[:28, :28]
        x, y = (0.5 + 0.5 * np.sin(row * column / 40)), (0.5 + 0.5 * np.sin(row * column / 40 + 0.3 * (row % 5)))
        a, b = torch.from_numpy(x)[None], torch.from_numpy(y)[None]
        assert ssim(a, b, ALL).item() == pytest.approx(GAUSSIAN_SSIM, abs=1e-9)
        assert ssim(a, b, ALL, uniform=True).item() == pytest.approx(UNIFORM_SSIM, abs=1e-9)
        metrics = pytest.importorskip("skimage.metrics")
        gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        whole, found = metrics.structural_similarity(x, y, data_range=1.0, full=True, **gaussian)
        assert whole == pytest.approx(GAUSSIAN_SSIM, abs=1e-9)
        np.testing.assert_allclose(similarity(a, b)[0], found[5:-5, 5:-5], atol=1e-9)
        whole, found = metrics.structural_similarity(x, y, data_range=1.0, full=True)
        assert whole == pytest.approx(UNIFORM_SSIM, abs=1e-9)
        np.testing.assert_allclose(similarity(a, b, uniform=True)[0], found[3:-3, 3:-3], atol=1e-9)
        assert psnr(a, b, ALL).item() == pytest.approx(metrics.peak_signal_noise_ratio(x, y, data_range=1.0))

    def test_scores_name_the_whole_and_the_missing_part(self, rng):
        truth = pictures(rng)
        found = scores("a", torch.where(masks.centre(), 0.0, truth), truth, masks.centre())
        assert found["a: missing part, psnr"] == pytest.approx(found["a: psnr"] - 10 * math.log10(4), abs=1e-4)
        assert found["a: missing part, ssim"] < found["a: ssim"] < 1
        assert mean_and_error(torch.tensor([1.0, 3.0])) == (2.0, pytest.approx(1.0))

    def test_draws_of_the_true_law_are_as_wide_as_their_mean_is_wrong(self, rng):
        """And others are not."""
        centre = pictures(rng, 200)
        truth, draws = (centre + torch.randn(*k, 200, 28, 28, generator=rng) for k in ((), (3,)))
        spread, error = spread_and_error(draws, truth)
        assert_mean(spread - error, 0.0)
        with pytest.raises(ImprobableError):
            assert_mean(torch.sub(*spread_and_error(centre + 1.1 * (draws - centre), truth)), 0.0)
        single = (draws - truth).square().mean((0, 2, 3))
        assert_mean(single - spread - error, 0.0)


class TestMasks:
    def test_the_centre_is_rows_and_columns_7_to_20(self):
        assert masks.centre().nonzero().aminmax() == (torch.tensor(7), torch.tensor(20))
        assert int(masks.centre().sum()) == 14 * 14

    def test_random_ones_leave_enough_to_ask_and_something_to_see(self, rng):
        found = masks.drawn(2000, rng)
        missing = found.flatten(1).sum(1)
        assert missing.min() >= 140
        assert missing.max() < 784
        centred = int((found == masks.centre()).flatten(1).all(1).sum())
        assert_frequencies(torch.tensor([centred, 2000 - centred]), torch.tensor([0.5, 0.5]))

    def test_those_that_are_asked_differ(self, rng):
        found = masks.asked(rng)
        assert {name: int(mask.sum()) for name, mask in found.items() if name != "random pixels"} == {
            "centre": 196,
            "lower half": 392,
            "right half": 392,
            "rows": 588,
        }


class TestNoise:
    def test_the_rates_are_the_published_ones(self):
        i = torch.arange(256, dtype=torch.float64)
        law = torch.exp(-((i - 127.5) ** 2) / (2 * 512**2))
        torch.testing.assert_close(RATES.stationary, law / law.sum())
        assert RATES.generator[30, 40].item() == pytest.approx(math.exp(-100 / 36))  # towards the middle
        assert RATES.generator[200, 190].item() == pytest.approx(math.exp(-100 / 36))
        assert RATES.generator[40, 30].item() == pytest.approx(math.exp(-100 / 36) * float(law[30] / law[40]))
        assert SCHEDULE.rate(torch.tensor(1.0)).item() == pytest.approx(3 * 100 * math.log(100), rel=1e-4)

    @pytest.mark.parametrize("integral", [1e-3, 1.0, 297.0])
    def test_transitions_are_exponentials(self, integral):
        expected = torch.matrix_exp(integral * RATES.generator)
        found = RATES.transition(torch.tensor([integral], dtype=torch.float64))[0]
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
        other = GaussianTarget(256, reach=5.0, width=512.0, normalised=False)
        wrong = other.transition(torch.tensor([integral], dtype=torch.float64))[0]
        assert (wrong - expected).abs().max() > 1e-4

    def test_the_table_is_the_transitions_at_the_times_of_training(self):
        t, x = moments()[[0, 100, 255]], torch.tensor([[0, 7], [128, 255], [3, 3]])
        integral = SCHEDULE.value(t.double()).float()[:, None]
        plain = GaussianTarget(256, width=512.0, normalised=False)
        for way in ("row", "column"):
            torch.testing.assert_close(getattr(RATES, way)(x, integral), getattr(plain, way)(x, integral))
            torch.testing.assert_close(getattr(RATES, way)(x, integral + 0.5), getattr(plain, way)(x, integral + 0.5))
        torch.testing.assert_close(
            RATES.words(integral[:, 0] * 1.001), RATES.words(integral[:, 0]), atol=0.05, rtol=0.05
        )

    def test_the_words_of_a_byte_are_the_moments_of_what_led_to_it(self):
        """A Gaussian times that of equally likely bytes."""
        integral, levels = torch.tensor([2.0, 40.0]), LATTICE.value(torch.arange(256), torch.empty(0))
        spoken, precision = RATES.words(integral).unbind(-1)
        even = levels.var(correction=0)
        law = RATES.transition(integral.double())[1, :, 200].float()
        mean = float((law / law.sum()) @ levels)
        variance = float((law / law.sum()) @ (levels - mean).square())
        assert float(1 / (precision[1, 200] + 1 / even)) == pytest.approx(variance, rel=1e-3)
        assert float((spoken[1, 200] + levels.mean() / even) * variance) == pytest.approx(mean, rel=1e-3)
        assert (precision[0] > precision[1]).all()


@pytest.fixture(params=[Jumping, Diffusing])
def filling(request):
    torch.manual_seed(0)
    found = request.param(Painter(8, request.param.start))
    for weight in found.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return found


def asked_for(filling, rng):
    missing = masks.centre()
    of_centre = filling.given(missing)
    picture = torch.randint(256, (2, 28, 28), generator=rng)
    x_0 = filling.states(picture[:, missing])
    t = torch.tensor(0.4)
    x_t = of_centre.process.marginal(x_0, t).sample(rng)
    return of_centre, x_t, t, {"picture": picture, "label": torch.tensor([3, NONE])}


class TestFillings:
    def test_what_stands_in_the_hole_is_not_looked_at(self, filling, rng):
        asked, x_t, t, cond = asked_for(filling, rng)
        before = asked(x_t, t, cond)
        inside = torch.where(masks.centre(), 255 - cond["picture"], cond["picture"])
        outside = torch.where(masks.centre(), cond["picture"], 255 - cond["picture"])
        torch.testing.assert_close(asked(x_t, t, cond | {"picture": inside}), before, rtol=0, atol=0)
        assert (asked(x_t, t, cond | {"picture": outside}) - before).abs().max() > 1e-5

    def test_the_digit_is_looked_at_and_may_be_untold(self, filling, rng):
        asked, x_t, t, cond = asked_for(filling, rng)
        before = asked(x_t, t, cond)
        after = asked(x_t, t, cond | {"label": torch.tensor([NONE, NONE])})
        assert (after[0] - before[0]).abs().max() > 1e-6
        torch.testing.assert_close(after[1], before[1])

    def test_a_hole_asked_alone_is_said_the_same_of_as_in_training(self, filling, rng):
        """What training prices, at pixels among others, is what sampling asks."""
        asked, x_t, t, cond = asked_for(filling, rng)
        whole = filling.states(cond["picture"].flatten(1))
        place = masks.centre().flatten()
        whole[:, place] = x_t
        missing = {"missing": masks.centre().expand(2, -1, -1)}
        said = filling.said(filling.noisy(whole, t.expand(2)), t.expand(2), cond | missing)[:, :, place]
        torch.testing.assert_close(asked(x_t, t, cond), filling.estimate(said, x_t, t.expand(2)))

    def test_the_truth_has_the_lowest_price(self, filling, rng):
        """Of a white picture, by networks that are sure of white and of black."""
        black, white = (6, 10) if isinstance(filling, Jumping) else (0, 4)  # where the weights of these bytes stand
        picture = torch.full((4, 28, 28), 255)
        points = filling.states(picture.flatten(1))
        _, cond = masks.Holed(picture, torch.zeros(4).long(), points).batch(torch.arange(4), rng)
        prices = {}
        for word in (black, white):
            with torch.no_grad():
                for weight in filling.parameters():
                    weight.zero_()
                filling.painter.start[word] = 8.0
                found = Missing()(filling, points, cond, torch.Generator().manual_seed(0))
                prices[word] = float(found.value.mean())
        assert prices[white] < prices[black]

    def test_draws_keep_what_is_given(self, filling, rng):
        digits = Digits(torch.randint(256, (3, 28, 28), generator=rng), torch.tensor([1, 2, 3]))
        sampler = Ancestral(filling.given(masks.centre()), 4)
        found, mean = drawn(sampler, digits, masks.centre(), 2, seed=0)
        assert found.shape == (2, 3, 28, 28)
        assert (found == digits.pictures)[:, :, ~masks.centre()].all()
        assert (found[0] != found[1])[:, masks.centre()].any()
        torch.testing.assert_close(mean, found.mean(0))
        torch.testing.assert_close((255 * found).round(), 255 * found, atol=1e-3, rtol=0)


class TestRivals:
    def test_the_gaussian_law_is_that_of_the_training_pictures(self):
        """Of two pixels that are noisy copies: draws of one given the other have its conditional law."""
        rng = torch.Generator().manual_seed(0)
        known = 0.5 * torch.ones(4000, 28, 28)
        known[:, 10, 10] += 0.1 * torch.randn(4000, generator=rng)
        known[:, 3, 3] = known[:, 10, 10] + 0.05 * torch.randn(4000, generator=rng)
        one = Known(known, torch.zeros(4000).long())
        truth = known[:1].clone()
        truth[:, 3, 3] = 0.6
        draws, mean = one.gaussian(truth, torch.tensor([NONE]), masks.centre(), 400, seed=1)
        centre, spread = _given(float(truth[0, 3, 3]), known)
        values = draws[:, 0, 10, 10]
        assert float(mean[0, 10, 10]) == pytest.approx(centre, abs=1 / 255)
        spread_out = values + (torch.rand(values.shape, generator=rng) - 0.5) / 255
        assert_law(spread_out, lambda x: torch.special.ndtr((x - centre) / spread))
        with pytest.raises(ImprobableError):  # the margin, as if the border said nothing
            assert_law(spread_out, lambda x: torch.special.ndtr((x - 0.5) / 0.1))

    def test_the_nearest_is_of_the_digit_that_is_told(self, rng):
        known = Known(pictures(rng, 20), torch.arange(20) % 2)
        truth = known.pictures[:1] + 0.01
        missing = masks.centre()
        (alone,) = known.nearest(truth, torch.tensor([NONE]), missing)
        (other,) = known.nearest(truth, torch.tensor([1]), missing)
        torch.testing.assert_close(alone[missing], known.pictures[0][missing])
        torch.testing.assert_close(alone[~missing], truth[0][~missing])
        assert not torch.equal(other[missing], known.pictures[0][missing])
        assert any(torch.equal(other[missing], one[missing]) for one in known.like(1))

    def test_a_histogram_of_what_never_varies_costs_nothing(self):
        known = Known(torch.zeros(1000, 28, 28), torch.zeros(1000).long())
        bits = known.histogram_bits(torch.zeros(2, 28, 28), torch.zeros(2).long(), masks.centre())
        assert bits.max() < 0.01


def _given(seen, known):
    """Mean and deviation of pixel (10, 10) given (3, 3), with the ridge."""
    pair = torch.stack([known[:, 10, 10], known[:, 3, 3]]).double()
    covariance, mean = torch.cov(pair) + RIDGE * torch.eye(2), pair.mean(1)
    gain = covariance[0, 1] / covariance[1, 1]
    return float(mean[0] + gain * (seen - mean[1])), float((covariance[0, 0] - gain * covariance[0, 1]) ** 0.5)


@pytest.mark.slow
def test_kept_weights_are_read_where_the_recipe_is_the_same(tmp_path, monkeypatch, rng):
    """Trained anew where it is not, and from the last round that is kept where only that is."""
    shown, labels = torch.randint(256, (8, 28, 28), generator=rng), torch.zeros(8).long()

    def made(cache, seed=0, rounds=(1, 1)):
        own = fillings.Recipe("Gaussian noise", seed, 8, rounds, width=8, batch_size=4, precision="float32")
        monkeypatch.setattr(fillings.Recipe, "of", lambda kind, setting, rows: own)
        return fillings.trained("Gaussian noise", Setting(cache=cache), shown, labels, lambda *_: None)

    def assert_same(one, other):
        pairs = zip(one.filling.parameters(), other.filling.parameters(), strict=True)
        assert all(torch.equal(*pair) for pair in pairs)

    short = made(tmp_path, rounds=(1,))
    first, second, fresh = made(tmp_path), made(tmp_path), made(None)
    assert (short.reused, first.reused, second.reused, fresh.reused) == (False, True, True, False)
    assert second.cpu_seconds == first.cpu_seconds > short.cpu_seconds
    assert_same(first, second)
    assert_same(first, fresh)
    assert not made(tmp_path, seed=1).reused
