"""The command line: every option, every bad input, and the numbers it prints."""

import gzip
import os
import re
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import BLOBS, MEASURES, PENGUINS, assert_error, read, table_of, write

import ckmeans
from ckmeans import cli
from ckmeans.cli import fit
from ckmeans.cli.scaling import scale

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

pytestmark = pytest.mark.usefixtures("in_empty_folder")


# --- What it computes -------------------------------------------------------------------------------------------


def test_summary_equals_numpy(run):
    code, out, err = run(
        *("fit", PENGUINS, "-k", 3, "--missing", "drop", "--columns", ",".join(MEASURES)),
        *("-o", "labels.parquet", "--centers", "centers.parquet"),
    )
    assert (code, err) == (0, "")
    table = read("labels.parquet")
    kept = table["cluster"].is_valid().to_numpy()
    labels = table["cluster"].drop_null().to_numpy()
    values = np.column_stack([table[name].to_numpy() for name in MEASURES])[kept].astype(float)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    means = np.array([values[labels == cluster].mean(axis=0) for cluster in range(3)])
    sizes = np.bincount(labels)

    header, *rows = table_of(out)
    assert header == ["cluster", "size", "share", *MEASURES]
    for cluster, row in enumerate(rows):
        assert row[:3] == [str(cluster), str(sizes[cluster]), f"{sizes[cluster] / 342:.1%}"]
        for text, mean in zip(row[3:], means[cluster], strict=True):
            assert abs(float(text) - mean) <= 0.5 * 10.0 ** -len(text.partition(".")[2]) + 1e-9

    centers = read("centers.parquet")
    assert centers.column_names == ["cluster", "cluster_size", "cluster_share", *MEASURES]
    assert centers["cluster"].to_pylist() == [0, 1, 2]
    assert centers["cluster_size"].to_pylist() == sizes.tolist()
    np.testing.assert_allclose(centers["cluster_share"], sizes / 342)
    # The fit may stop a little before the centers are the means of the final labels.
    own = np.column_stack([centers[name] for name in MEASURES])
    np.testing.assert_allclose(own, means, atol=0.02 * values.std(axis=0).max(), rtol=0.01)
    scaled_centers = (own - values.mean(axis=0)) / values.std(axis=0)
    inertia = ((scaled - scaled_centers[labels]) ** 2).sum()
    assert float(re.search(r"inertia +(\S+) ", out)[1]) == pytest.approx(inertia, rel=1e-5)
    assert "scaled columns" in out
    distances = ((scaled[:, np.newaxis] - scaled_centers) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == labels).all()


@pytest.mark.parametrize(
    ("method", "formula"),
    [
        ("standard", lambda x: (x - x.mean(axis=0)) / x.std(axis=0)),
        ("minmax", lambda x: (x - x.min(axis=0)) / np.ptp(x, axis=0)),
        ("none", lambda x: x),
    ],
)
@pytest.mark.parametrize("magnitude", [1.0, 2.0**-1000, 2.0**1000])
def test_scale_and_restore(method, formula, magnitude):
    plain = np.random.default_rng(1).normal(3, 2, (50, 4)) * [1, 10, 0.1, 7]
    scaled, scaling = scale(plain * magnitude, method)
    np.testing.assert_array_equal(scaled, formula(plain) * (magnitude if method == "none" else 1))
    np.testing.assert_allclose(scaling.restore(scaled), plain * magnitude, rtol=1e-12, atol=1e-14 * magnitude)


@pytest.mark.parametrize("method", ["standard", "minmax", "none"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 5e-324])
def test_constant_column(run, method, value):
    write("constant.csv", "a,b\n" + "".join(f"{value!r},{b}\n" for b in (1, 2, 30, 31, 32, 1.5)))
    code, out, err = run("fit", "constant.csv", "-k", 2, "--scale", method, "--centers", "centers.parquet")
    assert (code, err) == (0, "")
    assert "no effect, the same value in every row: a" in out
    centers = read("centers.parquet")
    np.testing.assert_allclose(centers["a"], [value, value], rtol=1e-15)
    assert sorted(centers["b"].to_pylist()) == pytest.approx([1.5, 31])


def test_unscaled_inertia(run, blobs):
    code, out, _ = run("fit", blobs, "-k", 2, "--scale", "none")
    assert code == 0
    assert "inertia   1.83333 (sum of squared distances to the centers, columns as they are)" in out
    assert "scale     none (columns as they are)" in out


def test_empty_cluster_is_told(run):
    write("same.csv", "a,b\n1,2\n1,2\n3,4\n")
    code, out, err = run("fit", "same.csv", "-k", 3, "--centers", "centers.csv")
    assert code == 0
    assert err.startswith("ckmeans: warning: ") and err.count("\n") == 1
    sizes = [int(row[1]) for row in table_of(out)[1:]]
    assert sum(sizes) == 3
    assert [row[3:] for row in table_of(out)[1:] if row[1] == "0"] == [["-", "-"]] * sizes.count(0)
    assert np.isfinite(np.column_stack([read("centers.csv")[name] for name in "ab"])).all()


def test_huge_values_are_told(run):
    write("huge.csv", "a\n1.7e308\n-1.7e308\n1.6e308\n")
    code, out, err = run("fit", "huge.csv", "-k", 2)
    assert (code, err) == (0, "")
    assert sorted(row[-1] for row in table_of(out)[1:]) == ["-1.700e+308", "1.650e+308"]


# --- Options ----------------------------------------------------------------------------------------------------


def test_options_reach_kmeans(run, blobs, monkeypatch):
    received = {}

    class Recorder(ckmeans.KMeans):
        def __init__(self, n_clusters, **options):
            received.update(options, n_clusters=n_clusters)
            super().__init__(n_clusters, **options)

    monkeypatch.setattr(fit, "KMeans", Recorder)
    defaults = {"n_clusters": 8, "n_init": 1, "max_iter": 300, "random_state": 0, "n_threads": None, "callback": None}
    write("eight.csv", "a\n" + "".join(f"{i}\n" for i in range(8)))
    assert run("fit", "eight.csv")[0] == 0
    assert received == defaults
    assert run("fit", blobs, *"-k 2 --n-init 3 --max-iter 9 --seed 5 --threads 1".split())[0] == 0
    assert received == defaults | {"n_clusters": 2, "n_init": 3, "max_iter": 9, "random_state": 5, "n_threads": 1}


def test_same_seed_and_any_threads_give_the_same_output(run):
    command = ["fit", PENGUINS, "--missing", "drop", "--seed", 3]
    assert run(*command) == run(*command) == run(*command, "--threads", 2)


def test_unconverged_fit_says_so(run):
    values = np.random.default_rng(0).random(500)
    write("uniform.csv", "a\n" + "".join(f"{value}\n" for value in values))
    assert (
        "ended     after 1 iteration, not converged: raise --max-iter\n"
        in run("fit", "uniform.csv", "--max-iter", 1)[1]
    )
    assert re.search(r"ended     after \d+ iterations, converged\n", run("fit", "uniform.csv")[1])


def test_quiet(run, blobs):
    assert run("fit", blobs, "-k", 2, "--quiet", "-o", "labels.csv") == (0, "", "")
    assert read("labels.csv").num_rows == 5


def test_version_and_help(capsys):
    for args, text in (["--version"], f"ckmeans {ckmeans.__version__}\n"), (["fit", "--help"], "usage: ckmeans fit"):
        with pytest.raises(SystemExit) as ending:
            cli.main(args)
        assert ending.value.code == 0
        assert capsys.readouterr().out.startswith(text)


def test_columns(run, blobs):
    _, out, _ = run("fit", blobs, "-k", 2)
    assert "columns   x, y\nnot used  name (not numeric)\n" in out
    _, out, _ = run("fit", blobs, "-k", 2, "--columns", "y")
    assert "columns   y\nscale " in out
    write("comma.csv", '"a, b",c d\n1,2\n3,4\n')
    _, out, _ = run("fit", "comma.csv", "-k", 2, "--columns", '"a, b", c d')
    assert "columns   a, b, c d\n" in out


def test_blanks_at_the_ends_of_names(run):
    write("blanks.csv", "  a ,b, c ,c,d\n1,2,3,4,1\n5,6,7,9,2\n")
    for wanted, named in (
        ('"  a "', ["  a "]),
        ("b , d", ["b", "d"]),
        ('"  a ",b," c "', ["  a ", "b", " c "]),
        ('c," c "', ["c", " c "]),
    ):
        code, _, err = run("fit", "blanks.csv", "-k", 2, "--columns", wanted, "--centers", "centers.parquet")
        assert (code, err) == (0, "")
        assert read("centers.parquet").column_names[3:] == named
    assert_error(run("fit", "blanks.csv", "--columns", "b, b "), "--columns names a column twice: 'b', 'b'")
    assert_error(run("fit", "blanks.csv", "--columns", '" "'), "no column named ''")


def test_many_columns_are_not_all_listed(run):
    write("many.csv", ",".join(f"c{i}" for i in range(20)) + "\n" + "1," * 19 + "1\n" + "2," * 19 + "2\n")
    assert "c10, c11 and 8 more\n" in run("fit", "many.csv", "-k", 2)[1]


# --- Missing values ---------------------------------------------------------------------------------------------


def test_missing_values_are_refused(run):
    code, out, err = run("fit", PENGUINS, "-o", "labels.csv")
    assert (code, out) == (2, "")
    assert err == (
        "ckmeans: error: 2 of 344 rows have a missing or infinite value, the first is row 4 after the header; columns:"
        " bill_length_mm (2), bill_depth_mm (2), flipper_length_mm (2), body_mass_g (2);"
        " leave them out with --missing drop\n"
    )
    assert not os.listdir()


@pytest.mark.parametrize("output", ["labels.csv", "labels.parquet"])
def test_dropped_rows_have_no_cluster(run, output):
    write("gaps.csv", "a,b\n1,1\n,2\ninf,3\nnan,4\n9,9\n-inf,7\n")
    assert run("fit", "gaps.csv", "-k", 2)[2].startswith("ckmeans: error: 4 of 6 rows have")
    code, out, _ = run("fit", "gaps.csv", "-k", 2, "--missing", "drop", "-o", output)
    assert code == 0
    assert "rows      2 (4 left out, a value missing or infinite)\n" in out
    clusters = read(output)["cluster"].to_pylist()
    assert clusters in ([0, None, None, None, 1, None], [1, None, None, None, 0, None])


# --- Files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.csv", "t.CSV", "t.tsv", "t.csv.gz", "t.tsv.gz"])
def test_text_formats(run, name):
    text = BLOBS.replace(",", "\t") if "tsv" in name else BLOBS
    write(name, gzip.compress(text.encode()) if name.endswith("gz") else text)
    code, out, _ = run("fit", name, "-k", 2)
    assert code == 0
    assert sorted(row[1] for row in table_of(out)[1:]) == ["2", "3"]


def test_quoted_newlines_and_byte_order_mark(run):
    write("odd.csv", b'\xef\xbb\xbfa,b\r\n1,"two\r\nlines"\r\n3,x\r\n')
    assert run("fit", "odd.csv", "-k", 2, "--columns", "a", "-o", "labels.csv")[0] == 0
    assert read("labels.csv").column_names == ["a", "b", "cluster"]


def test_parquet_keeps_its_types(run):
    table = pa.table(
        {
            "small": pa.array([1, 2, 200], pa.uint8()),
            "half": pa.array(np.array([1, 2, 3], np.float16)),
            "money": pa.array([Decimal("1.25"), Decimal("2.50"), None]),
            "big": pa.array([2**63 - 1, 5, 6]),
            "flag": pa.array([True, False, True]),
            "day": pa.array([1, 2, 3]).cast(pa.int32()).cast(pa.date32()),
            "word": pa.array(["a", None, "c"]).dictionary_encode(),
        }
    )
    pa.parquet.write_table(table, "types.parquet")
    code, out, _ = run("fit", "types.parquet", "-k", 2, "--missing", "drop", "-o", "labels.parquet")
    assert code == 0
    assert "columns   small, half, money, big\nnot used  flag, day, word (not numeric)\n" in out
    labeled = read("labels.parquet")
    assert labeled.drop_columns("cluster").equals(table)
    assert labeled.schema.field("cluster").type == pa.int32()
    assert sorted(labeled["cluster"].to_pylist()[:2]) == [0, 1] and labeled["cluster"].to_pylist()[2] is None


def test_folder_names_are_not_columns(run):
    Path("year=2007").mkdir()
    pa.parquet.write_table(pa.table({"a": [1, 2]}), "year=2007/part.parquet")
    assert "columns   a\n" in run("fit", "year=2007/part.parquet", "-k", 2)[1]


def test_csv_round_trip(run, blobs):
    _, out, _ = run("fit", blobs, "-k", 2, "-o", "labels.csv", "--centers", "centers.csv")
    assert "wrote     labels.csv" in out and "wrote     centers.csv" in out
    assert read("labels.csv").drop_columns("cluster").equals(read(blobs))
    by_size = {row["cluster_size"]: (row["x"], row["y"]) for row in read("centers.csv").to_pylist()}
    assert by_size == {2: pytest.approx((0, 0.5)), 3: pytest.approx((31 / 3, 301 / 3))}
    assert sorted(os.listdir()) == ["blobs.csv", "centers.csv", "labels.csv"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_write_leaves_the_old_file(run, blobs, monkeypatch, format, failure):
    def half_write(table, file):
        file.write(b"half")
        raise failure

    monkeypatch.setattr(pa.csv, "write_csv", half_write)
    monkeypatch.setattr(pa.parquet, "write_table", half_write)
    old = write(f"old.{format}", "old")
    code, _, err = run("fit", blobs, "-k", 2, "-o", old)
    interrupted = isinstance(failure, KeyboardInterrupt)
    assert code == (130 if interrupted else 2)
    assert interrupted or err == f"ckmeans: error: cannot write {old}: No space left on device\n"
    assert old.read_text() == "old"
    assert sorted(os.listdir()) == ["blobs.csv", old.name]


def test_output_replaces_the_target_of_a_link(run, blobs):
    old = write("old.csv", "old")
    Path("link.csv").symlink_to(old)
    assert run("fit", blobs, "-k", 2, "-o", "link.csv")[0] == 0
    assert Path("link.csv").is_symlink()
    assert read("old.csv").num_rows == 5


def test_what_csv_cannot_hold(run):
    pa.parquet.write_table(pa.table({"a": [1, 2], "list": [[1], [2]]}), "nested.parquet")
    code, out, err = run("fit", "nested.parquet", "-k", 2, "-o", "labels.csv")
    assert code == 2 and "inertia" in out
    assert err.startswith("ckmeans: error: cannot write labels.csv: Unsupported Type")
    assert os.listdir() == ["nested.parquet"]


# --- Bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "cannot read empty.csv: Empty CSV file"),
        ("header.csv", "a,b\n", "header.csv has no rows"),
        (
            "ragged.csv",
            "a,b\n1,2\n3,4,5\n",
            "cannot read ragged.csv: CSV parse error: Row #3: Expected 2 columns, got 3: 3,4,5",
        ),
        (
            "binary.csv",
            b"\x89PNG\r\n\x1a\n\x00\x00,1\n",
            "cannot read binary.csv: CSV parse error: Row #3: ",
        ),
        (
            "escape.csv",
            b"a\n1,\x1b[31m\n",
            "cannot read escape.csv: CSV parse error: Row #2: Expected 1 columns, got 2: 1,?[31m",
        ),
        ("latin.csv", b"\xe9,b\n1,2\n", "cannot read latin.csv: it is not UTF-8 text"),
        ("words.csv", "a;b\n1;2\n", "no numeric column among 'a;b'"),
        ("twice.csv", "a,b,a\n1,2,3\n", "twice.csv has more than one column named 'a'"),
        ("empty.parquet", "", "cannot read empty.parquet: "),
        ("broken.parquet", "PAR1 and then nothing of the kind", "cannot read broken.parquet: "),
        ("plain.csv.gz", "a,b\n1,2\n", "cannot read plain.csv.gz: "),
        ("sheet.xlsx", "", "sheet.xlsx must end in .csv, .tsv, .csv.gz, .tsv.gz or .parquet"),
        ("small.csv", "a\n1\n2\n", "cannot make 8 clusters of 2 rows"),
        ("gaps.csv", "a,b\n1,\n,2\n", "2 of 2 rows have a missing or infinite value, the first is row 1 after"),
    ],
)
def test_bad_files(run, name, content, message):
    write(name, content)
    assert_error(run("fit", name, "-o", "labels.csv"), message)
    assert os.listdir() == [name]


def test_files_that_cannot_be_read(run, blobs, monkeypatch):
    assert_error(run("fit", "none.csv"), "none.csv does not exist")
    Path("folder.csv").mkdir()
    assert_error(run("fit", "folder.csv"), "folder.csv is a folder, not a file")

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", "blobs.csv")

    monkeypatch.setattr(pa.csv, "read_csv", refuse)
    assert_error(run("fit", blobs), "cannot read blobs.csv: Permission denied")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("body_mass", "no column named 'body_mass'; there is 'body_mass_g'"),
        ("zzz", "no column named 'zzz'; there is 'species', 'island', 'bill_length_mm'"),
        ("species", "column 'species' is not numeric: it holds 'Adelie'"),
        ("year,,body_mass_g", "argument --columns: 'year,,body_mass_g' has an empty or repeated name"),
        ("year,year", "argument --columns: 'year,year' has an empty or repeated name"),
        ("", "argument --columns: '' has an empty or repeated name"),
    ],
)
def test_bad_columns(run, columns, message):
    assert_error(run("fit", PENGUINS, "--columns", columns), message)


def test_columns_that_are_not_numeric(run):
    write("odd.csv", "marked,empty,flag\n1,,true\n?,,false\n3,,true\n")
    pa.parquet.write_table(pa.table({"digits": ["1", "2"]}), "digits.parquet")
    assert_error(run("fit", "odd.csv", "--columns", "marked"), "column 'marked' is not numeric: it holds '?'")
    assert_error(
        run("fit", "odd.csv", "--columns", "empty"), "column 'empty' is not numeric: all its values are missing"
    )
    assert_error(run("fit", "odd.csv", "--columns", "flag"), "column 'flag' is not numeric: it holds 'True'")
    assert_error(
        run("fit", "digits.parquet", "--columns", "digits"), "column 'digits' is not numeric: its type is string"
    )


def test_every_row_incomplete(run):
    write("gaps.csv", "a,b\n1,\n,2\n")
    message = "every row has a missing or infinite value; choose other columns with --columns"
    assert_error(run("fit", "gaps.csv", "--missing", "drop"), message)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "the following arguments are required: COMMAND (see ckmeans --help)"),
        (["guess"], "argument COMMAND: invalid choice: 'guess'"),
        (["fit"], "the following arguments are required: FILE (see ckmeans fit --help)"),
        (["fit", "blobs.csv", "--speed"], "unrecognized arguments: --speed"),
        (["fit", "blobs.csv", "-k", "0"], "argument -k/--clusters: '0' is not a whole number from 1 to 2147483647"),
        (["fit", "blobs.csv", "-k", "2.5"], "argument -k/--clusters: '2.5' is not"),
        (["fit", "blobs.csv", "-k", "6"], "cannot make 6 clusters of 5 rows"),
        (["fit", "blobs.csv", "--n-init", "0"], "argument --n-init: '0' is not"),
        (["fit", "blobs.csv", "--max-iter", "-1"], "argument --max-iter: '-1' is not"),
        (["fit", "blobs.csv", "--threads", "0"], "argument --threads: '0' is not"),
        (["fit", "blobs.csv", "--seed", "one"], "argument --seed: 'one' is not a whole number from 0 to 2147483647"),
        (["fit", "blobs.csv", "--scale", "log"], "argument --scale: invalid choice: 'log'"),
        (["fit", "blobs.csv", "--missing", "guess"], "argument --missing: invalid choice: 'guess'"),
        (["fit", "blobs.csv", "-o", "labels.txt"], "argument -o/--output: 'labels.txt' must end in .csv or .parquet"),
        (["fit", "blobs.csv", "--centers", "x.csv.gz"], "argument --centers: 'x.csv.gz' must end in .csv or .parquet"),
        (["fit", "blobs.csv", "-o", "./blobs.csv"], "blobs.csv is the input file; write to another one"),
        (["fit", "blobs.csv", "--centers", "blobs.csv"], "blobs.csv is the input file; write to another one"),
        (["fit", "blobs.csv", "-o", "a.csv", "--centers", "./a.csv"], "--output and --centers both name a.csv"),
        (["fit", "blobs.csv", "-o", "no/a.csv"], "cannot write no/a.csv: there is no folder no"),
        (["fit", "blobs.csv", "-o", "folder.csv"], "cannot write folder.csv: it is a folder"),
    ],
)
def test_wrong_usage(run, blobs, args, message):
    Path("folder.csv").mkdir()
    assert_error(run(*args), message)
    assert sorted(os.listdir()) == ["blobs.csv", "folder.csv"]


def test_columns_that_outputs_would_double(run):
    write("labeled.csv", "cluster,a\n0,1\n1,2\n")
    message = "cannot write new.csv: labeled.csv has a column 'cluster' already"
    assert_error(run("fit", "labeled.csv", "-k", 2, "-o", "new.csv"), message)
    assert_error(run("fit", "labeled.csv", "-k", 2, "--centers", "new.csv"), message)
    assert run("fit", "labeled.csv", "-k", 2, "--columns", "a", "--centers", "new.csv")[0] == 0


def test_without_pyarrow(run, blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert_error(run("fit", blobs), "reading and writing tables needs pyarrow: install ckmeans-native[cli]")


def test_other_import_errors_are_not_hidden(blobs, monkeypatch):
    def broken(args):
        raise ImportError("not ours", name="other")

    monkeypatch.setattr(fit, "read_table", broken)
    with pytest.raises(ImportError, match="not ours"):
        cli.main(["fit", str(blobs)])


def test_out_of_memory(run, blobs, monkeypatch):
    def exhaust(table, names):
        raise MemoryError

    monkeypatch.setattr(fit, "to_matrix", exhaust)
    assert_error(run("fit", blobs), "not enough memory")
