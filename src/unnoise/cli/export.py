"""unnoise export: the denoiser of a model, and a sampler that needs torch alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unnoise.cli import common, samplers


@common.reports_errors
def export(
    model: common.Model,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="For the three files.")],
    sampling_steps: samplers.SamplingSteps = None,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Write the denoiser of MODEL by torch.export, with a sampler that needs torch alone.

    FOLDER gets denoiser.pt2, which takes any number of rows (law.pt of a quick
    model); plan.json, what the sampler has to know; and sampler.py, which makes
    the same rows from the same seed as 'unnoise sample', up to the rounding of
    float32. It is for tables of numbers and levels, with holes if need be; for
    numbers and images under Gaussian noise; and for conditions with levels.

    Examples:
      unnoise export model -o exported          # to serve rows without unnoise
      python exported/sampler.py -n 1000 --seed 0 -o rows.csv
    """
    common.check_there(model)
    fitted = common.opened(model, "cpu", trust)
    fitted.export(output, steps=sampling_steps, overwrite=overwrite)
    told = f"wrote {output}; next:\n  python {output / 'sampler.py'} -n 1000 --seed 0 -o rows.csv"
    common.result(json, {"output": str(output), "model": str(model)}, told)
