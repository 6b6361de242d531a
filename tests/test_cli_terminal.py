"""The command line on a terminal: progress, Ctrl-C, and the layout of its table."""

import os
import re
import subprocess
import sys
import types
import warnings

import numpy as np
import pytest
from cli_helpers import PENGUINS, Terminal, assert_error, read, write

import ckmeans
from ckmeans import cli
from ckmeans._show.progress import FitLine, ProgressLine
from ckmeans._show.tables import compact
from ckmeans._show.text import printable
from ckmeans.cli import fit
from ckmeans.cli.fit import summary_table
from ckmeans.cli.terminal import Printer

pytest.importorskip("pyarrow")

pytestmark = pytest.mark.usefixtures("in_empty_folder")


# --- Progress and Ctrl-C ----------------------------------------------------------------------------------------


def progress_of(iteration, restart=0):
    return types.SimpleNamespace(restart=restart, iteration=iteration, inertia=12.5, center_shift=0.5, changed=1234)


def test_progress_waits_then_shows_then_goes():
    terminal, now = Terminal(), 0.0
    with FitLine(Printer(terminal).write, 1, clock=lambda: now) as progress:
        now = 0.9
        progress(progress_of(1))
        assert terminal.getvalue() == ""
        now = 1.0
        progress(progress_of(2))
        now = 1.05
        progress(progress_of(3))
        now = 1.2
        progress(progress_of(4))
    shown = terminal.getvalue().split("\r")
    lines = [f"iteration {i}, inertia 12.5, 1,234 rows moved" for i in (2, 4)]
    assert shown == ["", *lines, " " * len(lines[1]), ""]


def test_a_shorter_line_takes_the_longer_one_away(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    line = ProgressLine(terminal.write)
    for text in ("longer", "short", "other"):
        line.show(text)
    assert terminal.getvalue() == "\rlonger\rshort \rother"
    line.keep()
    assert terminal.getvalue().endswith("\rother\n")


def test_short_fits_show_no_progress():
    terminal = Terminal()
    with FitLine(Printer(terminal).write, 1, clock=lambda: 0.0) as progress:
        progress(progress_of(1))
    assert terminal.getvalue() == ""


def test_progress_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(FitLine, "patience", 0.0)
    terminal = Terminal()
    FitLine(Printer(terminal).write, 10, clock=lambda: 0.0)(progress_of(1, restart=3))
    assert terminal.getvalue() == "\rrun 4 of 10, iterat"


def on_terminal(monkeypatch):
    """From here on stderr is a terminal and progress is shown at once."""
    monkeypatch.setattr(FitLine, "patience", 0.0)
    monkeypatch.setattr(FitLine, "interval", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_progress_of_a_fit(blobs, monkeypatch):
    terminal = on_terminal(monkeypatch)
    assert cli.main(["fit", str(blobs), "-k", "2", "--n-init", "2"]) == 0
    shown = [text.rstrip() for text in terminal.getvalue().split("\r")]
    assert shown[-2:] == ["", ""]
    for run in 1, 2:
        assert any(re.fullmatch(rf"run {run} of 2, iteration 1, inertia \S+, \d+ rows moved", text) for text in shown)


def test_quiet_shows_no_progress(blobs, monkeypatch):
    terminal = on_terminal(monkeypatch)
    assert cli.main(["fit", str(blobs), "-k", "2", "--quiet"]) == 0
    assert terminal.getvalue() == ""


def test_no_progress_without_a_terminal(run, blobs, monkeypatch):
    monkeypatch.setattr(FitLine, "patience", 0.0)
    assert run("fit", blobs, "-k", 2)[2] == ""


def test_ctrl_c(blobs, monkeypatch):
    terminal = on_terminal(monkeypatch)
    show = FitLine.__call__

    def show_and_interrupt(self, progress):
        show(self, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(FitLine, "__call__", show_and_interrupt)
    assert cli.main(["fit", str(blobs), "-k", "2", "-o", "labels.csv"]) == 130
    assert terminal.getvalue().endswith(" \rckmeans: interrupted\n")
    assert os.listdir() == ["blobs.csv"]


# --- Streams that fail ------------------------------------------------------------------------------------------


class Failing(Terminal):
    """A terminal that takes some writes and then no more."""

    def __init__(self, error, takes=0):
        super().__init__()
        self.error, self.takes = error, takes

    def write(self, text):
        if self.takes == 0:
            raise self.error
        self.takes -= 1
        return super().write(text)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed file")])
@pytest.mark.parametrize("takes", [0, 1])
def test_a_fit_survives_its_progress_line(blobs, monkeypatch, error, takes):
    on_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stderr", Failing(error, takes))
    assert cli.main(["fit", str(blobs), "-k", "2", "-o", "labels.csv"]) == 0
    assert sorted(os.listdir()) == ["blobs.csv", "labels.csv"]


@pytest.mark.parametrize("takes", [0, 1, 5, 8, 9])
def test_results_are_written_when_the_summary_cannot_be_printed(blobs, capsys, monkeypatch, takes):
    monkeypatch.setattr(sys, "stdout", Failing(OSError(5, "Input/output error"), takes))
    command = ["fit", str(blobs), "-k", "2", "-o", "labels.csv", "--centers", "centers.csv"]
    complete = cli.main(command) == 0
    assert complete == (takes == 9)
    assert complete or capsys.readouterr().err == "ckmeans: error: cannot print: Input/output error\n"
    assert sorted(os.listdir()) == ["blobs.csv", "centers.csv", "labels.csv"]


def test_streams_that_are_not_there(blobs, monkeypatch):
    for name in "stdout", "stderr":
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["fit", str(blobs), "-k", "2", "--quiet"]) == 0
    assert cli.main(["fit", str(blobs), "-k", "2"]) == 2
    assert cli.main(["fit", str(blobs), "-k", "9"]) == 2
    assert cli.main(["--help"]) == 2


def test_a_stream_that_was_closed(blobs, capsys, monkeypatch):
    for name in "stdout", "stderr":
        closed = Terminal()
        closed.close()
        monkeypatch.setattr(sys, name, closed)
    assert cli.main(["fit", str(blobs), "-k", "2", "-o", "labels.csv"]) == 2
    assert sorted(os.listdir()) == ["blobs.csv", "labels.csv"]


# --- Only what can be printed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 数\u3000\u00a0", "plain é 数\u3000\u00a0"),
        ("\x1b[2Jgone\x07", "?[2Jgone?"),
        ("a\r\nb\tc", "a??b?c"),
        ("\u202eright to left\u2028\x9b", "?right to left??"),
        ("\udcff", "?"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


EVIL = "\x1b[2J{}\nx\u202e"


def test_names_of_columns_reach_files_as_they_are_and_the_terminal_as_text(run):
    names = [EVIL.format(i) for i in range(3)]
    rows = "1,7,a\n2,7,b\n9,7,c\n"
    write("evil.csv", ",".join(f'"{name}"' for name in names) + "\n" + rows)
    write("gaps.csv", ",".join(f'"{name}"' for name in names) + "\n,1,2\n" + rows)
    code, out, err = run("fit", "evil.csv", "-k", 3, "-o", "labels.csv", "--centers", "centers.csv")
    assert code == 0
    assert all(line.isprintable() for line in (out + err).splitlines())
    assert "columns   ?[2J0?x?, ?[2J1?x?\nnot used  ?[2J2?x? (not numeric)\n" in out
    assert "note      no effect, the same value in every row: ?[2J1?x?\n" in out
    assert out.split("\n\n")[1].splitlines()[0].split() == ["cluster", "size", "share", "?[2J0?x?", "?[2J1?x?"]
    assert read("labels.csv").column_names == [*names, "cluster"]
    assert read("centers.csv").column_names[3:] == names[:2]
    assert_error(run("fit", "gaps.csv"), "1 of 4 rows have a missing or infinite value, the first is row 1 after")
    assert_error(run("fit", "evil.csv", "--columns", "x"), "no column named 'x'; there is '")


def test_warnings_are_printed_as_text(run, blobs, monkeypatch):
    class Warner(ckmeans.KMeans):
        def fit(self, rows):
            warnings.warn("\x1b[2Jodd", stacklevel=1)
            return super().fit(rows)

    monkeypatch.setattr(fit, "KMeans", Warner)
    code, _, err = run("fit", blobs, "-k", 2)
    assert (code, err) == (0, "ckmeans: warning: ?[2Jodd\n")


def test_names_may_be_empty_or_long(run):
    write("odd.csv", f",{'long' * 100}\n1,2\n3,4\n")
    code, out, _ = run("fit", "odd.csv", "-k", 2)
    assert code == 0
    assert "columns   '', longlonglonglonglonglonglon ... " in out
    assert max(map(len, out.splitlines())) <= 100


# --- Layout -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ([46.158, 41.573, 49.25], ["46.16", "41.57", "49.25"]),
        ([4896.8, 3688.4, 5172.4], ["4897", "3688", "5172"]),
        ([2007.4762, 2007.9858, 2008.6866], ["2007.48", "2007.99", "2008.69"]),
        ([1234567.25, 1234567.5], ["1234567", "1234568"]),
        ([0.00123, 0.00456], ["0.00123", "0.00456"]),
        ([1e-9, 2e-9], ["1.000e-09", "2.000e-09"]),
        ([1e12, 2e12], ["1.000e+12", "2.000e+12"]),
        ([-0.001, 10.0], ["0.0", "10.0"]),
        ([0.0, 0.0], ["0.00", "0.00"]),
        ([5.0, np.nan], ["5.00", "-"]),
        ([np.nan], ["-"]),
    ],
)
def test_compact_numbers(column, texts):
    assert compact(np.array(column)) == texts


def test_table_lies_down_where_it_fits():
    sizes, means = np.array([1200, 3]), np.array([[1.5, 20.0], [2.5, 10.0]])
    assert summary_table(["a", "long_name"], sizes, means, 80).splitlines() == [
        "cluster   size  share     a  long_name",
        "0        1,200  99.8%  1.50       20.0",
        "1            3   0.2%  2.50       10.0",
    ]
    assert summary_table(["a", "long_name"], sizes, means, 30).splitlines() == [
        "cluster        0     1",
        "size       1,200     3",
        "share      99.8%  0.2%",
        "a           1.50  2.50",
        "long_name   20.0  10.0",
    ]
    assert summary_table(["a", "long_name"], sizes, means, 20).splitlines() == [
        "cluster        0",
        "size       1,200",
        "share      99.8%",
        "a           1.50",
        "long_name   20.0",
        "",
        "cluster       1",
        "size          3",
        "share      0.2%",
        "a          2.50",
        "long_name  10.0",
    ]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("k", [1, 3, 8, 40])
def test_output_fits_the_terminal(run, monkeypatch, width, k):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run("fit", PENGUINS, "-k", k, "--missing", "drop", "-o", "labels.csv")
    assert max(map(len, out.splitlines())) <= width


def test_module_runs_as_the_command(blobs):
    command = [sys.executable, "-m", "ckmeans", "fit", blobs, "-k", "2", "-o", "labels.csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "wrote     labels.csv" in done.stdout and done.stderr == ""
    failed = subprocess.run([*command, "--scale", "log"], capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.startswith("ckmeans: error: argument --scale: invalid choice")
