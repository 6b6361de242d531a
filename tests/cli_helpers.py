"""What the tests of the command line share; their fixtures stand in conftest.py."""

import io
from pathlib import Path

PENGUINS = Path(__file__).parents[1] / "examples" / "penguins.csv"
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
BLOBS = "name,x,y\na,0,0\nb,0,1\nc,10,100\nd,10,101\ne,11,100\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def write(name, text):
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path):
    from pyarrow import csv, parquet  # here, for conftest.py needs this file where there is no pyarrow, too

    return parquet.read_table(path) if str(path).endswith("parquet") else csv.read_csv(path)


def table_of(out):
    """The printed table as rows of words, header first."""
    return [line.split() for line in out.split("\n\n")[1].splitlines()]


def assert_error(result, message):
    """The exit code is 2, and one line of words on stderr, no more, begins with the message."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith(f"ckmeans: error: {message}")
    assert err.count("\n") == 1 and err.endswith("\n") and err[:-1].isprintable()
