"""What importing the package loads and chooses: nothing heavy, and the instruction set asked for."""

import re
import shutil
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest
from helpers import output_of, run_python

import ckmeans
from ckmeans import _core
from ckmeans._input import default_threads

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


# --- Sources without what is compiled ---------------------------------------------------------------------------


@pytest.fixture
def sources_alone(tmp_path):
    """A copy of the package as a checkout has it before anything is built in place."""
    package = Path(ckmeans.__file__).parent
    return Path(shutil.copytree(package, tmp_path / "ckmeans", ignore=shutil.ignore_patterns("*.so", "*.pyd")))


WITHOUT_EDITABLE_INSTALLS = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "Editable" not in getattr(finder, "__name__", "")]
import ckmeans
"""  # which would lend their compiled module to the copy


def import_error(package):
    process = run_python(WITHOUT_EDITABLE_INSTALLS, PYTHONPATH=str(package.parent))
    assert process.returncode == 1
    return process.stderr.splitlines()[-1]


def test_sources_that_were_not_built_say_so_and_what_to_do(sources_alone):
    assert import_error(sources_alone) == (
        f"ImportError: {sources_alone} holds the sources of ckmeans without its compiled module, and hides an "
        f"installed ckmeans if there is one: start Python in another folder than {sources_alone.parent}, "
        "or build the module there by `pip install -e .`"
    )


@pytest.mark.parametrize("suffix", [EXTENSION_SUFFIXES[0], EXTENSION_SUFFIXES[-1]])
def test_a_compiled_module_that_cannot_be_loaded_keeps_its_own_error(sources_alone, suffix):
    broken = sources_alone / f"_core{suffix}"
    broken.write_bytes(b"no library")
    error = import_error(sources_alone)
    assert error.startswith("ImportError: ")
    assert "_core" in error
    assert "sources" not in error


def test_a_compiled_module_for_another_python_is_not_said_to_be_missing(sources_alone):
    (sources_alone / f"_core.cpython-39-other{EXTENSION_SUFFIXES[-1]}").touch()
    assert "sources" not in import_error(sources_alone)


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


IN_USE = """
from ckmeans import _core
print(*(f"{kernel.job}={kernel.level}" for kernel in _core.kernels() if kernel.in_use))
"""


def in_use(what):
    """The kernels that a process takes which is told so."""
    return dict(item.split("=") for item in output_of(IN_USE, CKMEANS_ISA=what).split())


def kernels_of(job):
    return [kernel for kernel in _core.kernels() if kernel.job == job]


JOBS = ("screen", "coarse", "settle", "quick", "rows")


def test_each_job_takes_the_best_measured_kernel_unless_told():
    expected = {}
    for job in JOBS:
        runnable = [kernel.level for kernel in kernels_of(job) if kernel.runs and kernel.measured]
        expected |= {job: runnable[0]} if runnable else {}
    assert expected.keys() >= set(JOBS) - {"coarse"}
    for nothing in (None, ""):
        assert in_use(nothing) == expected
    unmeasured = {"avx512_amx", "avx_vnni", "neon_i8mm", "neon_dotprod", "neon_bf16"}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and "AuthenticAMD" not in cpuinfo.read_text():
        unmeasured.add("avx512_bf16")
    assert {kernel.level for kernel in _core.kernels() if not kernel.measured} <= unmeasured
    fastest = next(name for name in _core.runnable_isas() if name in expected.values())
    assert output_of("import ckmeans; print(ckmeans._core.isa())", CKMEANS_ISA=None).split() == [fastest]


def best_of(kernels):
    """The first of each job."""
    return {kernel.job: kernel.level for kernel in reversed(kernels)}


# Levels do not nest where one has a unit that another lacks, whichever comes first in their list.
WITHOUT = {
    "avx512_amx": ("avx512_vnni", "avx_vnni"),
    "avx512_bf16": ("avx512_vnni", "avx_vnni"),
    "avx512_vnni": ("avx_vnni",),
    "avx512": ("avx_vnni",),
    "neon_i8mm": ("neon_dotprod", "neon_bf16"),
    "neon_dotprod": ("neon_bf16",),
}


@pytest.mark.parametrize("level", _core.runnable_isas())
def test_a_level_takes_its_own_kernels_where_it_has_some_and_the_next_below_elsewhere(level):
    levels = _core.runnable_isas()
    allowed = set(levels[levels.index(level) :]) - set(WITHOUT.get(level, ()))
    chosen = in_use(level)
    assert level in chosen.values()
    assert chosen == best_of([kernel for kernel in _core.kernels() if kernel.level in allowed])


# The levels whose kernels need a feature begin with these.
NEEDED_BY = {
    "avx2": ("avx",),
    "fma": ("avx",),
    "avx512": ("avx512",),
    "avx512_bf16": ("avx512_bf16", "avx512_amx"),
    "avx512_vnni": ("avx512_vnni",),
    "avx_vnni": ("avx_vnni",),
    "neon_i8mm": ("neon_i8mm",),
    "neon_dotprod": ("neon_dotprod",),
    "neon": ("neon",),
    "neon_bf16": ("neon_bf16",),
}


@pytest.mark.parametrize("feature", _core.features())
def test_kernels_that_need_a_feature_can_be_left_out(feature):
    gone = NEEDED_BY.get(feature, ())
    left = [kernel for kernel in _core.kernels() if kernel.runs and kernel.measured]
    assert in_use(f"-{feature}") == best_of([kernel for kernel in left if not kernel.level.startswith(gone)])


def test_several_features_can_be_left_out_and_of_a_level_too():
    found = _core.features()
    everything = ",".join(f"-{name}" for name in found) or None
    assert set(in_use(everything).values()) == {"generic"} or not found
    for level in _core.runnable_isas():
        units = [f"-{name}" for name in found if name.startswith(("avx512_", "avx_", "neon_"))]
        plain = "avx2" if level == "avx_vnni" else level.split("_")[0]
        assert in_use(",".join([level, *units])) == in_use(plain)
        assert in_use(f"{level},-amx_int8") == in_use(level)  # nothing needs it
        without = {job: name for job, name in in_use(level).items() if job != "coarse"}
        assert in_use(f"{level},-coarse") == without
    assert "coarse" not in in_use("-coarse")


NO_CHOICE = (
    "neon",
    "avx2",
    "avx512",
    "AVX2",
    "sse9",
    "fma",
    "-sse9",
    "-",
    ",",
    "generic,",
    "generic,avx2",
    "-fma,generic",
)


@pytest.mark.parametrize("name", [name for name in NO_CHOICE if name not in _core.runnable_isas()])
def test_an_instruction_set_that_cannot_be_run_is_an_import_error(name):
    process = run_python("import ckmeans", CKMEANS_ISA=name)
    assert process.returncode == 1
    error = process.stderr.splitlines()[-1]
    assert error == (
        f"ImportError: CKMEANS_ISA={name!r} cannot be used: this machine and build run "
        + ", ".join(_core.runnable_isas())
        + "; features can be left out of one of these, or of all: "
        + ",".join(f"-{feature}" for feature in (*_core.features(), "coarse"))
    )


def test_what_was_chosen_before_comes_back():
    before = _core.choose_isa("generic")
    kernels = [kernel for kernel in _core.kernels() if kernel.in_use]
    with pytest.raises(ImportError, match="'sse9' cannot be used"):
        _core.choose_isa("sse9")
    assert [kernel for kernel in _core.kernels() if kernel.in_use] == kernels
    assert _core.choose_isa(before) == "generic"


def shown(text):
    return dict(line.split("  ", 1) for line in text.splitlines())


def test_show_config(capsys, monkeypatch):
    monkeypatch.delenv("CKMEANS_ISA", raising=False)
    monkeypatch.delenv("CKMEANS_THREADING", raising=False)
    ckmeans.show_config()
    chosen = {kernel.job: kernel.level for kernel in _core.kernels() if kernel.in_use}
    formats = {kernel.job: kernel.format for kernel in _core.kernels() if kernel.in_use}
    lines = {name.strip(): value.strip() for name, value in shown(capsys.readouterr().out).items()}
    assert lines == {
        "ckmeans": ckmeans.__version__,
        "numpy": np.__version__,
        "instruction set": _core.isa(),
        "runnable here": ", ".join(_core.runnable_isas()),
        "features found": ", ".join(_core.features()) or "none",
        "kernels: float32 screen": chosen["screen"],
        "kernels: coarse screen": f"{chosen['coarse']}, {formats['coarse']}" if "coarse" in chosen else "none",
        "kernels: float64": chosen["settle"],
        "kernels: quick distances": chosen["quick"],
        "kernels: copies of rows": chosen["rows"],
        **lines_of_threads(_core.threading_info()),
        "threads by default": str(default_threads()),
    }


def lines_of_threads(now):
    if now.lender == "crew":
        assert now.runtime in ("POSIX threads", "Windows threads")
        return {"threads lent by": "crew", "threads: runtime": now.runtime}
    assert now.openmp >= 201511 and re.search(r"gomp|omp|vcomp", Path(now.file).name)
    return {
        "threads lent by": "openmp",
        "threads: runtime": f"{now.runtime}, used as of {now.openmp // 100}-{now.openmp % 100:02}",
        "threads: file": str(Path(now.file).resolve()),
        "threads: its limits": f"{now.max_threads} a region, any number in all, {now.processors} processors seen, "
        "bound: no",
    }


def test_threading_can_be_forced():
    program = "import ckmeans; ckmeans.show_config()"
    for lender in _core.lenders():
        assert f"{lender} (CKMEANS_THREADING={lender})" in output_of(program, CKMEANS_THREADING=lender)


@pytest.mark.parametrize("nonsense", ["nobody", "OPENMP", "openmp,crew", " ", "\udcff", "x" * 10_000])
def test_threading_that_there_is_not(nonsense):
    refused = run_python("import ckmeans", CKMEANS_THREADING=nonsense)
    assert refused.returncode == 1
    said = refused.stderr.splitlines()[-1]
    assert said == f"ImportError: CKMEANS_THREADING={nonsense!r} cannot be used: this build has " + ", ".join(
        _core.lenders()
    )


def test_show_config_says_what_was_forced():
    out = output_of("import ckmeans; ckmeans.show_config()", CKMEANS_ISA="generic")
    assert "instruction set" in out
    assert "generic (CKMEANS_ISA=generic)" in out
