"""Long fuzzing, behind the marker: python -m pytest -m slow."""

import secrets
import subprocess
from pathlib import Path

import pytest


@pytest.mark.slow
def test_c_core_on_fresh_seeds():
    """A seed that fails is printed with the failure: tests/c/run.sh ROUNDS SEED repeats it."""
    root = Path(__file__).parent.parent
    for _ in range(5):
        seed = str(secrets.randbelow(2**63))
        run = subprocess.run(["bash", "tests/c/run.sh", "2000", seed], cwd=root, capture_output=True, text=True)
        assert run.returncode == 0, f"seed {seed}\n{run.stdout}\n{run.stderr}"
