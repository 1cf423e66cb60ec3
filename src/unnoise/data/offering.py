"""What holds between the columns of a table in every row, and its schema does not keep yet."""

from __future__ import annotations

from typing import Any

from unnoise.data.constraints import offered
from unnoise.data.schema import Schema


def offered_by(schema: Schema, rows: Any) -> list[str]:
    """Sentences about what could be kept, among columns of the same unit."""
    kept = {*schema.conditions, *(name for step in schema.chart.steps for name in (step.target, *step.sources))}
    columns = schema.container.split(rows)
    units = {name: schema.container.unit(name) for name in columns}
    alike = ({name: columns[name] for name in columns if units[name] == unit} for unit in dict.fromkeys(units.values()))
    return [sentence for part in alike for sentence in offered(part, kept)]
