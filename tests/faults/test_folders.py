"""A folder from elsewhere, sealed by whoever made it, is refused in a sentence also when its training is to go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from _faults_models import DATA, content, tiny

from unnoise import InputError
from unnoise._sealed import seal
from unnoise.model import load_model
from unnoise.model.estimator import load_unfitted
from unnoise.storage import CONFIG


def network(name: str, **keywords: Any) -> dict[str, Any]:
    return {"partial": {"name": f"unnoise.{name}"}, "arguments": [], "keywords": {"dict": keywords}}


NETWORKS = {
    "another kind of object": network("heads.gaussian:Eps", width=8),
    "another network": network("networks.mlp:MLP", width=9, depth=1, embedding=8),
    "too wide": network("networks.mlp:MLP", width=10**12, depth=1, embedding=8),
    "too deep": network("networks.mlp:MLP", width=8, depth=10**9, embedding=8),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_does_not_fit_is_never_built(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    tiny(steps=3).fit(DATA, folder=folder)
    config = json.loads((folder / CONFIG).read_text())
    config["params"]["dict"]["network"] = NETWORKS[name]
    (folder / CONFIG).write_text(json.dumps(config))
    seal(folder / CONFIG)
    before = content(folder)
    with pytest.raises(InputError, match=r"config.json|weights.safetensors"):
        load_model(folder)
    with pytest.raises(
        InputError,
        match=r"config\.json: |no model can be made from|The checkpoint .* cannot be resumed: .*(holds|tensors)",
    ):
        load_unfitted(folder).set_params(steps=5).fit(DATA, folder=folder, resume=True)
    assert content(folder) == before
