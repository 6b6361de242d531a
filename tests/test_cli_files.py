"""Files of the command line: rows of any length, names of any kind, and outputs that are whole or not there."""

import contextlib
import gzip
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import BLOBS, assert_error, read, write

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet

from ckmeans.cli import files
from ckmeans.cli.tables import to_matrix

pytestmark = pytest.mark.usefixtures("in_empty_folder")
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
FIT = "fit", "blobs.csv", "-k", 2, "--quiet"


def partial_files():
    return [name for name in os.listdir() if name.endswith(".partial")]


# --- Reading ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3_000_000, 17_000_000])
@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,{}\n4,5\n",
        "a,b\n1,2\n3,5\n4,{}",
        'a,b\n1,2\n3,"\n{}\n"\n4,5\n',
        "a,{}\n1,2\n3,4\n5,6\n",
    ],
    ids=["middle", "unended", "quoted", "header"],
)
def test_rows_may_be_long(run, length, text):
    write("long.csv", text.format("x" * length))
    code, out, err = run("fit", "long.csv", "-k", 2, "--columns", "a")
    assert (code, err) == (0, "")
    assert out.startswith("rows      3\n")


@pytest.mark.parametrize("name", ["long.csv.gz", "long.tsv.gz"])
def test_packed_rows_may_be_long(run, name):
    text = BLOBS.replace("d,10,101", "d" * 3_000_000 + ",10,101").replace(",", "\t" if "tsv" in name else ",")
    write(name, gzip.compress(text.encode(), 1))
    assert run("fit", name, "-k", 2, "-o", "labels.csv")[0] == 0
    assert read_lines("labels.csv") == 6


def read_lines(name):
    return Path(name).read_bytes().count(b"\n")


@pytest.mark.heavy
@pytest.mark.parametrize("packed", [False, True])
def test_the_process_ends_after_an_error_of_the_reader(packed):
    text = ("a,b\n" + "1,2\n" * 4_000_000 + "3," + "x" * 3_000_000 + "\n1,2,3\n").encode()
    name = "late.csv.gz" if packed else "late.csv"
    write(name, gzip.compress(text, 1) if packed else text)
    command = [sys.executable, "-m", "ckmeans", "fit", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"ckmeans: error: cannot read {name}: CSV parse error: Row #4000003: Expected 2 col")


def test_text_is_read_on_one_thread(run, blobs, monkeypatch):
    """After an error pyarrow would wait at exit for what its threads have not begun, which shows now and then only."""
    received = {}

    def recorder(*args, read_options, **options):
        received.update(threads=read_options.use_threads, block=read_options.block_size)
        raise pa.ArrowInvalid("enough")

    monkeypatch.setattr(pa.csv, "read_csv", recorder)
    assert_error(run("fit", blobs), "cannot read blobs.csv: enough")
    assert received == {"threads": False, "block": 2**20}


def test_cut_off_gzip(run):
    write("cut.csv.gz", gzip.compress(BLOBS.encode() * 1000)[:-20])
    assert_error(run("fit", "cut.csv.gz"), "cannot read cut.csv.gz: ")


def test_errors_are_short_whatever_a_file_holds(run):
    write("cell.csv", "a,b\n1,2\n3," + "y" * 2_000_000 + "\n")
    write("name.csv", "z" * 2_000_000 + ",b\n1,2\n3,4\n")
    for args in (["cell.csv", "--columns", "b"], ["name.csv", "--columns", "zz"], ["name.csv"]):
        result = run("fit", *args)
        assert_error(result, "")
        assert len(result[2]) < 1100


def test_columns_that_python_cannot_show(run):
    text = [pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    table = {"broken": pa.Array.from_buffers(pa.string(), 2, [None, *text])}
    table |= {"where": pa.array([1, 2], pa.timestamp("ms", "No/Where")), "late": pa.array([2**31 - 1, 2], pa.date32())}
    pa.parquet.write_table(pa.table(table), "odd.parquet")
    for name, kind in ("broken", "string"), ("where", "timestamp[ms, tz=No/Where]"), ("late", "date32[day]"):
        message = f"column {name!r} is not numeric: its type is {kind}"
        assert_error(run("fit", "odd.parquet", "--columns", name), message)


def test_columns_become_numbers_whatever_their_chunks():
    chunks = [
        pa.array([0, 1, None, 3])[1:3],
        pa.Array.from_buffers(pa.int64(), 0, [None, None]),
        pa.array([7, None, 2]),
    ]
    table = pa.table({"chunks": pa.chunked_array(chunks), "slice": pa.array([5.0, 1, None, 2, 3, 9])[1:]})
    nan = float("nan")
    expected = [[1, 1], [nan, nan], [7, 2], [nan, 3], [2, 9]]
    np.testing.assert_array_equal(to_matrix(table, ["chunks", "slice"]), expected)
    np.testing.assert_array_equal(to_matrix(table.slice(2, 2), ["slice", "chunks"]), [[2, 7], [3, nan]])


def test_pandas_is_not_imported(blobs):
    """It takes longer than all the rest, and Ctrl-C in the middle of it is lost or aborts the process."""
    program = "import sys; from ckmeans.cli import main; main(sys.argv[1:]); raise SystemExit('pandas' in sys.modules)"
    for output in "labels.csv", "labels.parquet":
        subprocess.run([sys.executable, "-c", program, *map(str, FIT), "-o", output, "--centers", "c.csv"], check=True)


@on_posix
def test_a_fifo_is_read(run, blobs):
    os.mkfifo("fifo.csv")
    content = BLOBS.replace("a,0", "a" * 3_000_000 + ",0").encode()
    thread = threading.Thread(target=Path("fifo.csv").write_bytes, args=(content,))
    thread.start()
    code, out, _ = run("fit", "fifo.csv", "-k", 2)
    thread.join()
    assert code == 0 and out.startswith("rows      5\n")


# --- Names and places -------------------------------------------------------------------------------------------


@on_posix
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["fit", "loop.csv"], "cannot read loop.csv: Too many levels"),
        (["fit", "blobs.csv", "-k", 2, "-o", "loop.csv"], "cannot write loop.csv: Too many levels"),
        (["fit", "blobs.csv", "-k", 2, "--centers", "loop.csv"], "cannot write loop.csv: Too many levels"),
        (["fit", "n" * 296 + ".csv"], f"cannot read {'n' * 296}.csv: File name too long"),
        (["fit", "blobs.csv", "-o", "n" * 296 + ".csv"], f"cannot write {'n' * 296}.csv: File name too long"),
        (["fit", "blobs.csv", "--centers", "n" * 296 + "/c.csv"], f"cannot write {'n' * 296}/c.csv: File name too"),
        (["fit", "blobs.csv/x.csv"], "cannot read blobs.csv/x.csv: Not a directory"),
        (["fit", "blobs.csv", "-o", "blobs.csv/x.csv"], "cannot write blobs.csv/x.csv: Not a directory"),
        (["fit", "blobs.csv", "-o", "lost.csv"], "cannot write lost.csv: there is no folder "),
        (["fit", "bl\0obs.csv"], "cannot read bl?obs.csv: embedded null byte"),
        (["fit", "blobs.csv", "-o", "bl\0obs.csv"], "cannot write bl?obs.csv: embedded null byte"),
        (["fit", "none\udce9.csv"], "none?.csv does not exist"),
        (["fit", "blobs.csv", "-o", "no\udce9/x.csv"], "cannot write no?/x.csv: there is no folder no?"),
        (["fit", "blobs.csv", "--columns", "x\udce9"], r"no column named 'x\udce9'; there is 'x'"),
        (["fit", "blobs.csv", "--columns", "x\ny"], r"argument --columns: 'x\ny' has a line break outside double"),
        (["fit", "blobs.csv", "--columns", "x\ry"], r"argument --columns: 'x\ry' has a line break outside double"),
        (["fit", "blobs.csv", "--columns", '"x'], "argument --columns: '\"x' has a line break outside double quotes,"),
        (["fit", "blobs.csv", "-k", "9" * 5000], "argument -k/--clusters: '9999"),
    ],
)
def test_unusable_names(run, blobs, args, message):
    Path("loop.csv").symlink_to("loop.csv")
    Path("lost.csv").symlink_to("nowhere/lost.csv")
    assert_error(run(*args), message)
    assert sorted(os.listdir()) == ["blobs.csv", "loop.csv", "lost.csv"]


def test_a_column_name_with_a_line_break_can_be_chosen(run):
    write("odd.csv", '"new\nline",b\n1,2\n3,4\n')
    assert "columns   new?line\n" in run("fit", "odd.csv", "-k", 2, "--columns", '"new\nline"')[1]


@pytest.mark.parametrize("length", [250, 255])
def test_the_longest_names_are_written(run, blobs, length):
    name = "n" * (length - 4) + ".csv"
    for _ in range(2):
        assert run(*FIT, "-o", name) == (0, "", "")
    assert sorted(os.listdir()) == ["blobs.csv", name]


def test_a_name_may_be_all_suffix(run, blobs):
    assert run(*FIT, "-o", ".parquet") == (0, "", "")
    assert pa.parquet.read_table(".parquet").num_rows == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf_8(run):
    write(b"caf\xe9.csv".decode(errors="surrogateescape"), BLOBS)
    outputs = "labels\udcff.csv", "centers\udcff.parquet"
    code, out, err = run("fit", "caf\udce9.csv", "-k", 2, "-o", outputs[0], "--centers", outputs[1])
    assert (code, err) == (0, "")
    assert "wrote     labels?.csv" in out and "wrote     centers?.parquet" in out
    assert sorted(os.listdir(b".")) == [b"caf\xe9.csv", b"centers\xff.parquet", b"labels\xff.csv"]


def test_places_without_permission(run, blobs, monkeypatch):
    Path("secret").mkdir()
    ask = os.stat

    def refuse(path, **options):
        if "secret" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return ask(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert_error(run("fit", "secret/x.csv"), "cannot read secret/x.csv: Permission denied")
    assert_error(run(*FIT, "-o", "secret/x.csv"), "cannot write secret/x.csv: Permission denied")


@pytest.mark.parametrize(
    ("protected", "message"), [("old.csv", "it is write-protected"), (".", "its folder is write-protected")]
)
def test_write_protection_is_respected(run, blobs, monkeypatch, protected, message):
    old = write("old.csv", "old")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != Path(protected).resolve())
    assert_error(run(*FIT, "-o", "old.csv"), f"cannot write old.csv: {message}")
    assert old.read_text() == "old"


# --- Replacing a file -------------------------------------------------------------------------------------------


@on_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o777])
def test_the_mode_stays(run, blobs, mode):
    write("old.csv", "old").chmod(mode)
    assert run(*FIT, "-o", "old.csv")[0] == 0
    assert stat.S_IMODE(os.stat("old.csv").st_mode) == mode
    assert read("old.csv").num_rows == 5


@on_posix
def test_a_new_file_has_the_usual_mode(run, blobs):
    before = os.umask(0o027)
    try:
        assert run(*FIT, "-o", "new.csv")[0] == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("new.csv").st_mode) == 0o640


@on_posix
def test_nobody_else_can_read_what_is_being_written_to_a_private_file():
    write("old.csv", "old").chmod(0o600)
    with files.open_output(Path("old.csv")):
        (partial,) = partial_files()
        assert stat.S_IMODE(os.stat(partial).st_mode) == 0o600


@on_posix
@pytest.mark.parametrize(("permitted", "mode"), [(True, 0o664), (False, 0o644)])
def test_the_owner_stays_where_permitted(run, blobs, monkeypatch, permitted, mode):
    old = write("old.csv", "old")
    old.chmod(0o664)
    asked = []

    def chown(path, owner, group):
        asked.append((owner, group))
        if not permitted:
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", chown)
    status = old.stat()
    assert run(*FIT, "-o", "old.csv") == (0, "", "")
    assert asked == [(-1, status.st_gid), (status.st_uid, -1)]
    assert stat.S_IMODE(old.stat().st_mode) == mode


def killed_run(name):
    """What a run that was killed while it wrote leaves behind."""
    with contextlib.suppress(ZeroDivisionError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *args, **options: None)
        with files.open_output(Path(name)) as file:
            file.write(b"half")
            raise ZeroDivisionError


@pytest.mark.parametrize("succeeds", [True, False])
def test_the_next_run_removes_what_killed_ones_left(run, blobs, monkeypatch, succeeds):
    killed_run("labels.csv")
    killed_run("other.csv")
    assert len(partial_files()) == 2 and all(name.startswith(".ckmeans-") for name in partial_files())
    if not succeeds:
        with monkeypatch.context() as patch:
            patch.setattr(pa.csv, "write_csv", lambda table, file: file.read())
            assert_error(run(*FIT, "-o", "labels.csv"), "cannot write labels.csv: read")
    else:
        assert run(*FIT, "-o", "labels.csv")[0] == 0
        assert read("labels.csv").num_rows == 5
    assert len(partial_files()) == 1
    assert run(*FIT, "-o", "other.csv")[0] == 0
    assert partial_files() == []


def test_of_two_runs_at_once_the_later_one_writes():
    write("labels.csv", "old")
    with pytest.raises(Exception, match=r"cannot write labels\.csv: another run has begun to write it"):
        with files.open_output(Path("labels.csv")) as first:
            first.write(b"first")
            with files.open_output(Path("labels.csv")) as second:
                second.write(b"sec")
                first.write(b"more")
                second.write(b"ond")
    assert Path("labels.csv").read_bytes() == b"second"
    assert os.listdir() == ["labels.csv"]


# --- Streams ----------------------------------------------------------------------------------------------------


@on_posix
@pytest.mark.parametrize("name", ["fifo.csv", "fifo.parquet", "fifo"])
@pytest.mark.parametrize("option", ["-o", "--centers"])
def test_a_fifo_is_written_into(run, blobs, name, option):
    os.mkfifo(name)
    received = []
    thread = threading.Thread(target=lambda: received.append(Path(name).read_bytes()))
    thread.start()
    assert run(*FIT, option, name) == (0, "", "")
    thread.join()
    assert stat.S_ISFIFO(os.stat(name).st_mode)
    assert run(*FIT, option, "file.parquet" if "parquet" in name else "file.csv")[0] == 0
    assert received[0] == Path("file.parquet" if "parquet" in name else "file.csv").read_bytes()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_devices_are_written_into(run, blobs):
    Path("null.csv").symlink_to("/dev/null")
    for name in "null.csv", "/dev/null":
        assert run(*FIT, "-o", name) == (0, "", "")
    assert_error(run(*FIT, "-o", "/dev/full"), "cannot write /dev/full: No space left on device")
    assert all(stat.S_ISCHR(os.stat(name).st_mode) for name in ("null.csv", "/dev/null", "/dev/full"))


@on_posix
def test_sockets_are_refused(run, blobs):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.csv")
        assert_error(run(*FIT, "-o", "socket.csv"), "cannot write socket.csv: it is neither a file nor a stream")
        assert stat.S_ISSOCK(os.stat("socket.csv").st_mode)
