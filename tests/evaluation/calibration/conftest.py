"""A Gaussian linear model, whose posterior is known, and posteriors that are wrong in one way each."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
