"""The command line in a shell: streams that are closed, full, broken or short of characters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import read, write

pytest.importorskip("pyarrow")

pytestmark = [
    pytest.mark.usefixtures("in_empty_folder", "blobs"),
    pytest.mark.skipif(sys.platform == "win32", reason="commands of POSIX shells"),
]
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
FIT = "ckmeans fit blobs.csv -k 2"
LABELS = '"name","x","y","cluster"\n"a",0,0,0\n"b",0,1,0\n"c",10,100,1\n"d",10,101,1\n"e",11,100,1\n'


def shell(command, **environment):
    """Run a line of a shell that knows the command `ckmeans`; `code` keeps its exit code in a pipeline."""
    begin = f'ckmeans() {{ "{sys.executable}" -m ckmeans "$@"; code=$?; echo $code > code; return $code; }}\n'
    environment = os.environ | {"COLUMNS": "100"} | environment
    done = subprocess.run(["sh", "-c", begin + command], capture_output=True, env=environment, timeout=60)
    return int(Path("code").read_text()), done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("redirected", "code", "message"),
    [
        (">&-", 2, "ckmeans: error: cannot print: the stream is closed\n"),
        (">&- 2>&-", 2, ""),
        ("2>&-", 0, ""),
        ("| true", 141, ""),
        pytest.param(">/dev/full", 2, "ckmeans: error: cannot print: No space left on device\n", marks=needs_full),
        pytest.param(">/dev/full 2>/dev/full", 2, "", marks=needs_full),
        pytest.param("--quiet >/dev/full 2>/dev/full", 0, "", marks=needs_full),
    ],
)
def test_what_cannot_be_printed_loses_no_result(redirected, code, message):
    # The reader of a pipe is gone for certain when the outputs have been waited for.
    line = f"mkfifo wait; (read x < wait; {FIT} -o labels.csv) | {{ exec <&-; echo > wait; }}"
    got, _, err = shell(line if redirected == "| true" else f"{FIT} -o labels.csv {redirected}")
    assert (got, err) == (code, message)
    assert Path("labels.csv").read_text() == LABELS


@pytest.mark.parametrize("redirected", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_errors_that_cannot_be_told_keep_their_code(redirected):
    assert shell(f"ckmeans fit blobs.csv -k 9 {redirected}") == (2, "", "")


@needs_full
@pytest.mark.parametrize("option", ["--help", "--version", "fit --help"])
def test_help_that_cannot_be_printed(option):
    assert shell(f"ckmeans {option} > /dev/full") == (
        2,
        "",
        "ckmeans: error: cannot print: No space left on device\n",
    )


def test_a_table_on_standard_output():
    code, out, err = shell(f"{FIT} -o /dev/stdout | cat")
    assert (code, out) == (0, LABELS)
    assert "inertia" in err and "wrote     /dev/stdout" in err
    assert shell(f"echo old > log; {FIT} -o /dev/stdout --quiet >> log; cat log") == (0, "old\n" + LABELS, "")
    assert shell(f"{FIT} -o same.csv --quiet > same.csv; cat same.csv") == (0, LABELS, "")
    assert shell(f"mkfifo wait; (read x < wait; {FIT} -o /dev/stdout --quiet) | {{ exec <&-; echo > wait; }}") == (
        141,
        "",
        "",
    )


def test_a_summary_in_few_characters():
    write("odd.csv", "naïve,€,\x1b[31mred\n1,2,3\n4,5,7\n")
    code, out, err = shell("ckmeans fit odd.csv -k 2 -o labels.csv", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert "columns   na?ve, ?, ?[31mred\n" in out
    assert read("labels.csv").column_names == ["naïve", "€", "\x1b[31mred", "cluster"]
    code, out, err = shell("ckmeans fit odd.csv --columns é", PYTHONIOENCODING="ascii:strict")
    assert (code, out) == (2, "")
    assert err.startswith("ckmeans: error: no column named '?'; there is ")
