"""Makes `tiny_training` importable here as it is when it runs as a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
