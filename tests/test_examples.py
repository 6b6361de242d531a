"""The programs in examples/ run as they are and print what they promise."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDS = {"choose_k.py": "pandas"}
PROMISES = {
    "penguins.py": "342 penguins, inertia ",
    "choose_k.py": "Recommended: k = 2",
    "color_quantization.py": " colors became 8,",
}


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_example(name, tmp_path):
    pytest.importorskip(NEEDS.get(name, "ckmeans"))
    done = subprocess.run([sys.executable, EXAMPLES / name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert PROMISES[name] in done.stdout
    assert done.stderr == ""
