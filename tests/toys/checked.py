"""Which families of properties a check went through, by the lists of their own modules."""

from __future__ import annotations

from unnoise.testing import Findings, gaussian, generators, kernels, kl_rates, manifolds, reversal, spaces

OF_SPACE, OF_MANIFOLD = spaces.PROPERTIES, manifolds.PROPERTIES
OF_KERNEL = (*kernels.PROPERTIES, *reversal.PROPERTIES, *kl_rates.PROPERTIES)
OF_BRIDGE, OF_GAUSSIAN = kernels.BRIDGE_PROPERTIES, gaussian.PROPERTIES
OF_GENERATOR = (*generators.PROPERTIES, generators.reverse_undoes_the_noise)


def assert_checked(findings: Findings, *families: tuple) -> None:
    """All properties of these families were checked, no others, and all are kept."""
    meanings = [check.__doc__.strip().split("\n")[0] for family in families for check in family]
    assert sorted(finding.meaning for finding in findings.findings) == sorted(meanings)
    assert findings.failed == ()
