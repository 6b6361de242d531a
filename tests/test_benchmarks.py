"""The page of the benchmark: what it derives from measured times; and the contestant that has AVX2 alone."""

import json
import subprocess
import sys

from helpers import ROOT

from ckmeans import _core

AVX2 = "ckmeans (AVX2)"

PROGRAM = """
import json, sys
from benchmarks import report
mode, results = json.load(sys.stdin)
print("\\n\\n".join(report.SECTIONS[mode](results)))
"""


def page(mode, records, contestants=("ckmeans", AVX2, "scikit-learn", "faiss", "superkmeans")):
    introductions = {name: {"estimator": name not in ("faiss", "superkmeans")} for name in contestants}
    results = {"results": records, "introductions": introductions}
    question = json.dumps([mode, results])
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, input=question, capture_output=True, text=True, check=True)
    return done.stdout


def rows_of(page, *heading):
    """Of the table whose heading begins so, as dicts."""
    lines = page.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| " + " | ".join(heading)))
    names, rows = cut(lines[start]), []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(list(zip(names, cut(line), strict=True)))
    return rows


def cut(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def fits(**seconds):
    return {name: {"seconds": [2 * s, s], "n_iter": [10, 10], "inertia": [1.0, 1.0]} for name, s in seconds.items()}


def same_iterations(cell, seconds, **more):
    shape = {"cell": cell, "n": 1000, "d": 10, "k": 50, "dtype": "float32", "iterations": 10}
    return shape | {"contestants": fits(**seconds), "read_gb_per_s": [1.0]} | more


def test_both_of_ours_are_held_against_the_fastest_exact_peer():
    records = [
        same_iterations(
            "one",
            {"ckmeans": 1.0, AVX2: 2.0, "scikit-learn": 8.0, "faiss": 6.0, "superkmeans": 0.5},
            peak_gflops=[1e-3, 2e-3],
            avx2_peak_gflops=[1e-3],
            assign={"ckmeans": {"seconds": [1.0]}, AVX2: {"seconds": [2.0, 4.0]}},
        ),
        same_iterations(
            "two",
            {"ckmeans": 1.0, AVX2: 1.0, "scikit-learn": 1.5, "faiss": 9.0},
            peak_gflops=[2e-3],
            avx2_peak_gflops=[1e-3],
            assign={},
        ),
    ]
    text = page("same-iterations", records)
    one, two = (dict(row) for row in rows_of(text, "cell", "n x d, k"))
    # superkmeans is approximate, and the other of ours is no peer.
    assert [one[f"fastest exact peer / {ours}"] for ours in ("ckmeans", AVX2)] == ["6.00", "3.00"]
    assert [two[f"fastest exact peer / {ours}"] for ours in ("ckmeans", AVX2)] == ["1.50", "1.50"]
    assert "over ckmeans, 2 of 2 cells: geometric mean **3.00**, worst cell **1.50** (two)." in text
    assert f"over {AVX2}, 2 of 2 cells: geometric mean **2.12**, worst cell **1.50** (two)." in text
    # 1e6 operations in a second, or in two: each beside the best peak of its own instruction set.
    used = rows_of(text, "cell", "of")
    assert [[value for _, value in row[:7]] for row in used] == [
        ["one", "ckmeans", "0.0100", "500 %", "1.00 s", "0.00100", "50 %"],
        ["one", AVX2, "0.00500", "500 %", "2.00 s", "0.000500", "50 %"],
    ]


def test_where_there_is_no_more_than_avx2_it_is_one_contestant():
    record = same_iterations("one", {"ckmeans": 1.0, "scikit-learn": 3.0}, peak_gflops=[1.0], assign={})
    text = page("same-iterations", [record], contestants=["ckmeans", "scikit-learn"])
    assert "AVX2" not in text
    assert dict(rows_of(text, "cell")[0])["fastest exact peer / ckmeans"] == "3.00"


def test_default_fits_and_jobs_are_held_against_scikit_learn():
    seconds = {"ckmeans": 1.0, AVX2: 2.0, "scikit-learn": 6.0}
    record = same_iterations("one", seconds)
    row = dict(rows_of(page("default-fit", [record]), "cell")[0])
    assert (row["scikit-learn / ckmeans"], row[f"scikit-learn / {AVX2}"]) == ("6.00", "3.00")
    job = {"job": "j", "title": "a job", "contestants": fits(**seconds)}
    alone = {"job": "s", "title": "ours alone", "contestants": {"ckmeans": {"bytes": [2e6]}}}
    for mode in ("scores", "small-jobs"):
        first, second = (dict(row) for row in rows_of(page(mode, [job, alone]), "what" if mode == "scores" else "job"))
        assert (first["scikit-learn / ckmeans"], first[f"scikit-learn / {AVX2}"]) == ("6.00", "3.00")
        assert (second["ckmeans"], second["scikit-learn / ckmeans"]) == ("2.00 MB", "")


CONTESTANT = """
import json, sys
from benchmarks.contestants import CONTESTANTS
contestant = CONTESTANTS[sys.argv[1]]()
contestant.prepare(1)
from ckmeans import _core
print(json.dumps([[kernel.job, kernel.level] for kernel in _core.kernels() if kernel.in_use]))
"""


def test_the_avx2_contestant_runs_on_avx2_alone():
    # The checkout comes last: where the package was installed, its folder there has no core.
    program = f"import sys; sys.path.append({str(ROOT)!r})\n{CONTESTANT}"
    command = [sys.executable, "-c", program, AVX2]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True)
    if "avx512" in _core.runnable_isas():
        jobs = ("screen", "coarse", "settle", "quick", "rows")
        assert json.loads(done.stdout) == [[job, "avx2"] for job in jobs]
    else:
        assert done.returncode != 0 and "RuntimeError: this processor" in done.stderr
