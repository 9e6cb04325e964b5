"""The benchmark's modules lie in a folder, not in a package: they run as scripts."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS / "mix"), str(BENCHMARKS)]
# Last: names that both folders have are the mix benchmark's.
sys.path.append(str(BENCHMARKS / "forecast"))
