"""Draws as ArviZ reads them."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.walking import exported
from unnoise.walking.exported import inference_data
from unnoise.walking.record import Annealing, Record

X = torch.arange(24.0, dtype=torch.float64).reshape(2, 6, 2)
RECORD = Record(
    X, torch.arange(12).reshape(2, 6) % 3, torch.ones(2, 3) / 3, torch.zeros(2), None, Annealing([0.0], [], [], [])
)


@pytest.fixture
def arviz():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("arviz", reason="ArviZ is not installed")


def test_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "arviz", None)
    with pytest.raises(InputError, match=r"needs ArviZ: pip install 'unnoise\[arviz\]'"):
        inference_data(RECORD, 4, {})


@pytest.mark.filterwarnings("ignore")  # of ArviZ
def test_chains_are_populations(arviz):
    data = inference_data(RECORD, 6, {"log_z": 1.5, "trusted": 1})
    assert data.posterior["x"].dims[:2] == ("chain", "draw")
    assert (data.posterior["x"].values == X[:, ::2].numpy()).all()
    assert (data.sample_stats["mode"].values == RECORD.labels[:, ::2].numpy()).all()
    assert data.posterior.attrs["log_z"] == 1.5


@pytest.mark.filterwarnings("ignore")
def test_a_walk_is_read_again(arviz, tmp_path, monkeypatch):
    module = importlib.import_module("unnoise.walking.attempting")
    monkeypatch.setattr(module, "PARTICLES", 256)
    monkeypatch.setattr(module, "EFFORTS", module.EFFORTS[:1])
    found = unnoise.walk(lambda x: -0.5 * x.square().sum(-1), dimension=2, n=400)
    found.to_arviz().to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    read = arviz.from_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    assert dict(read.posterior.sizes) == {"chain": 4, "draw": 100, "x_dim_0": 2}
    assert read.posterior.attrs["trusted"] == int(found.trusted)
    assert read.posterior.attrs["log_z"] == found.log_z
    known = found.record.particles.flatten(0, 1)
    first = torch.tensor(read.posterior["x"].values[0, 0])
    assert bool((known == first).all(1).any())


def test_what_arviz_is_given(monkeypatch):
    """As many draws of every population as make up n, with their labels; also where ArviZ is not installed."""
    library = SimpleNamespace(from_dict=lambda **given: given)
    monkeypatch.setattr(exported, "check_arviz", lambda: library)
    given = inference_data(RECORD, 5, {"log_z": 1.5})
    assert (given["posterior"]["x"] == X[:, ::2].numpy()).all()
    assert (given["sample_stats"]["mode"] == RECORD.labels[:, ::2].numpy()).all()
    assert given["posterior_attrs"] == {"inference_library": "unnoise", "log_z": 1.5}
