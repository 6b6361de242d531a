"""What importing the package loads and chooses: nothing heavy, and the instruction set asked for."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import output_of, run_python

import ckmeans
from ckmeans import _core

IMPORTED = """
import sys, numpy
before = set(sys.modules)
import ckmeans
print(" ".join({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_import_loads_numpy_and_the_standard_library_alone():
    loaded = {name for name in output_of(IMPORTED).split() if not name.startswith(("cython_runtime", "_cython_"))}
    assert "ckmeans" in loaded
    assert loaded - set(sys.stdlib_module_names) - {"numpy"} == {"ckmeans"}


def test_public_names():
    assert all(hasattr(ckmeans, name) for name in ckmeans.__all__)
    assert {"KMeans", "KMeansResult", "assign", "kmeans", "kmeans_plusplus", "show_config"} <= set(ckmeans.__all__)
    assert {"ConvergenceWarning", "NotFittedError", "__version__"} <= set(ckmeans.__all__)


# --- Sub-interpreters -------------------------------------------------------------------------------------------

FIT_OR_REFUSAL = """
import warnings
warnings.simplefilter("ignore")  # NumPy's, about sub-interpreters
try:
    import ckmeans
except ImportError as error:
    print(str(error).splitlines()[-1], flush=True)
else:
    print(sorted(ckmeans.KMeans(2, random_state=0).fit([[0.0], [1.0], [9.0]]).cluster_sizes_.tolist()), flush=True)
"""
SUB_INTERPRETERS = """
import sys
try:
    import _interpreters  # Python 3.13
    create = _interpreters.create
except ImportError:
    import _xxsubinterpreters as _interpreters
    create = lambda kind: _interpreters.create(isolated=kind == "isolated")

for where in {order}:
    if where == "main":
        exec({program!r})
    else:
        assert _interpreters.run_string(create({kind!r}), {program!r}) is None
"""


@pytest.mark.parametrize("kind", ["legacy", "isolated"])
@pytest.mark.parametrize("order", ["main sub sub", "sub sub main"])
def test_one_interpreter_of_a_process_fits_and_the_others_get_an_import_error(kind, order):
    """NumPy lets itself be imported by one interpreter, which must be the main one where others are isolated."""
    program = SUB_INTERPRETERS.format(program=FIT_OR_REFUSAL, kind=kind, order=order.split())
    lines = output_of(program).splitlines()
    assert len(lines) == 3
    assert lines.count("[1, 2]") == 1
    for refusal in set(lines) - {"[1, 2]"}:
        assert re.search("once per process|not support loading in subinterpreters", refusal)


# --- Instruction sets -------------------------------------------------------------------------------------------

DIGESTS = """
import hashlib
import numpy as np
import ckmeans

print(ckmeans._core.isa())
rng = np.random.default_rng(0)
for n, d, k in ((3000, 3, 7), (2000, 40, 23), (500, 130, 5), (300, 1, 4)):
    rows = rng.normal(size=(n, d)) + 5 * rng.integers(4, size=(n, 1))
    for X in (rows, rows.astype(np.float32), (rows * 8 + 60).astype(np.uint8)):
        for weights in (None, rng.uniform(0, 2, n)):
            model = ckmeans.KMeans(k, random_state=1, max_iter=30).fit(X, sample_weight=weights)
            parts = model.labels_, model.cluster_centers_, model.inertia_, model.n_iter_, model.transform(X)
            print(hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    digests = {}
    for name in _core.runnable_isas():
        chosen, *lines = output_of(DIGESTS, CKMEANS_ISA=name, OMP_NUM_THREADS="1").split()
        assert chosen == name
        assert len(set(lines)) == 24
        digests[name] = lines
    assert "generic" in digests
    assert all(lines == digests["generic"] for lines in digests.values())


def test_the_fastest_measured_instruction_set_is_chosen_unless_told():
    unmeasured = {"avx512_amx", "neon_bf16"}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "AuthenticAMD" not in cpuinfo.read_text():
        unmeasured.add("avx512_bf16")
    fastest = next(name for name in _core.runnable_isas() if name not in unmeasured)
    for nothing in (None, ""):
        assert output_of("import ckmeans; print(ckmeans._core.isa())", CKMEANS_ISA=nothing).split() == [fastest]


@pytest.mark.parametrize("name", sorted({"neon", "avx2", "avx512", "AVX2", "sse9"} - set(_core.runnable_isas())))
def test_an_instruction_set_that_cannot_be_run_is_an_import_error(name):
    process = run_python("import ckmeans", CKMEANS_ISA=name)
    assert process.returncode == 1
    error = process.stderr.splitlines()[-1]
    assert error == (
        f"ImportError: CKMEANS_ISA={name!r} cannot be used: this machine and build run "
        + ", ".join(_core.runnable_isas())
    )


def shown(text):
    return dict(line.split("  ", 1) for line in text.splitlines())


def test_show_config(capsys, monkeypatch):
    monkeypatch.delenv("CKMEANS_ISA", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    ckmeans.show_config()
    lines = {name.strip(): value.strip() for name, value in shown(capsys.readouterr().out).items()}
    assert lines == {
        "ckmeans": ckmeans.__version__,
        "numpy": np.__version__,
        "instruction set": _core.isa(),
        "runnable here": ", ".join(_core.runnable_isas()),
        "threads run by": _core.parallel_backend(),
        "threads by default": "3",
    }
    assert lines["threads run by"] in ("POSIX threads", "Windows threads")


def test_show_config_says_what_was_forced():
    out = output_of("import ckmeans; ckmeans.show_config()", CKMEANS_ISA="generic")
    assert "instruction set" in out
    assert "generic (forced by CKMEANS_ISA)" in out
