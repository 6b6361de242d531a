"""Who may know whom. The rules stand in docs/design.md; here they are held, by reading the sources."""

import ast
import html
import importlib.util
import re
import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest
from helpers import ROOT

_spec = importlib.util.spec_from_file_location("rooms", ROOT / "docs" / "rooms.py")
rooms = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rooms)

PYTHON = sorted((ROOT / "ckmeans").rglob("*.py"))
C_SOURCES = sorted((ROOT / "src_c").rglob("*.[ch]"))

MAY_INCLUDE = {
    "fit": {"fit", "seed", "prune", "data", "assign", "screen", "settle", "threads", "base"},
    "seed": {"seed", "prune", "data", "assign", "screen", "settle", "threads", "base"},
    "prune": {"prune", "data", "assign", "screen", "settle", "threads", "base"},
    "data": {"data", "assign", "screen", "settle", "threads", "base"},
    "score": {"score", "assign", "screen", "settle", "threads", "base"},
    "assign": {"assign", "screen", "settle", "threads", "base"},
    "threads": {"threads", "base"},
    "src_c": {"src_c", "screen", "settle", "base"},  # kernels.c
    "screen": {"screen", "base"},
    "settle": {"settle", "base"},
    "base": {"base"},
}
# By room of the package, a folder or a single file: whom it may know beside itself. "ckmeans" is the front door.
BOTTOM = {"_core", "_types"}
FITTING = BOTTOM | {"_input", "_show", "_statistics", "_fitting"}
PUBLIC = FITTING | {"estimators", "metrics"}
MAY_KNOW = {
    "_core": set(),
    "_types": set(),
    "_version": set(),
    "_show": set(),
    "_statistics": {"_types"},
    "_input": BOTTOM,
    "_fitting": FITTING - {"_fitting"},
    "_config": {"_core", "_input", "_show", "_version"},
    "estimators": FITTING,
    "metrics": FITTING,
    "plot": PUBLIC,
    "explain": PUBLIC,
    "selection": PUBLIC | {"plot"},
    "diagnosis": {"explain"},
    "profiling": {"explain"},
    "ckmeans": PUBLIC | {"_config", "_version", "diagnosis", "profiling", "selection"},
    "cli": {"ckmeans", "_show", "_types"},
    "__main__": {"cli"},
}
OPTIONAL = {"matplotlib", "pandas", "polars", "pyarrow", "scipy", "sklearn"}


def name_of(path):
    return str(path.relative_to(ROOT))


MODULES = rooms.modules()


def test_there_is_something_to_read():
    assert {rooms.python_room(module) for module in MODULES} == MAY_KNOW.keys()
    assert {path.parent.name for path in C_SOURCES} >= {*MAY_INCLUDE, "src_c"}


# --- C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", C_SOURCES, ids=name_of)
def test_includes_go_downward(path):
    included = re.findall(r'^\s*#\s*include\s+"(.*)"', path.read_text(), re.M)
    places = [(path.parent / name).resolve() for name in included]
    assert [place for place in places if not place.is_file()] == []
    headers = {ROOT / "src_c" / name for name in ("ck.h", "ck_test.h")}  # the API knows nobody, everybody may know it
    if path in headers:
        assert set(places) <= headers
    else:
        folders = {place.parent.name for place in places if place not in headers}
        assert folders <= MAY_INCLUDE[path.parent.name]


def test_what_kernels_there_are_is_decided_in_one_file():
    exported = re.compile(r"&ck_(?:screen|coarse|settle|quick|rows)_(?!generic)\w+")
    assert {name_of(path) for path in C_SOURCES if exported.search(path.read_text())} == {"src_c/kernels.c"}


def test_threads_of_the_system_and_of_openmp_live_in_one_file_each():
    patterns = {
        "os_threads.h": r"<(?:pthread|windows|dispatch/dispatch|threads)\.h>|\bdispatch_apply",
        "openmp.c": r"#\s*pragma\s+omp|\bomp_\w+\(|<omp\.h>",
    }
    for name, pattern in patterns.items():
        users = [name_of(path) for path in C_SOURCES if re.search(pattern, path.read_text())]
        assert users == [f"src_c/threads/{name}"]
    includers = {name_of(path) for path in C_SOURCES if '"os_threads.h"' in path.read_text()}
    assert includers == {"src_c/threads/board.h", "src_c/threads/watch.c"}


def test_simd_headers_are_those_of_the_instruction_sets():
    pattern = re.compile(r"<(?:immintrin|arm_neon|x86intrin|arm_sve)\.h>")
    users = {path.name for path in C_SOURCES if pattern.search(path.read_text())}
    assert users
    assert all(re.fullmatch(r"(?:isa|settle|target)_\w+\.[ch]", name) for name in users), users


def test_the_core_knows_nothing_of_python():
    assert [name_of(path) for path in C_SOURCES if re.search(r"Python\.h|\bPy[A-Z]\w+|numpy", path.read_text())] == []


# At the start of a line: a type, then a name that other files can see.
EXPORTED = re.compile(r"^(?!static|typedef|struct|enum|CK_INLINE)(?:\w+[ *]+)+(\w+) ?[\[(=;]", re.M)


def test_names_that_are_exported_say_whose_they_are():
    names = {name: name_of(path) for path in C_SOURCES for name in EXPORTED.findall(path.read_text())}
    assert EXPORTED.findall("int twice(int x)\nstatic int own(int x)\nconst double *table[3] = {0};") == [
        "twice",
        "table",
    ]
    assert {"ck_fit", "ck_assign", "ck_arena_alloc", "ck_settle_table", "ck_seconds"} <= names.keys()
    assert {name: path for name, path in names.items() if not name.startswith("ck_")} == {}


# --- Python -----------------------------------------------------------------------------------------------------


def trespasses(module, source, is_package=False):
    """What is wrong with a module: a room without rules, rooms that it may not know, optional libraries on import."""
    room = rooms.python_room(module)
    if room not in MAY_KNOW:
        return [f"{module} belongs to no room: give it one, or give {room} a line in MAY_KNOW"]
    known = MODULES.keys() | {module}
    seen = {rooms.python_room(name) for name in rooms.imported(module, source, is_package, known)}
    libraries = set(imports_on_import(ast.parse(source).body)) & OPTIONAL
    return [f"{module} knows {other}" for other in sorted(seen - {room} - MAY_KNOW[room])] + [
        f"{module} imports {library} outside its functions" for library in sorted(libraries)
    ]


@pytest.mark.parametrize("module", [module for module in MODULES if module != "_core"])
def test_modules_keep_to_their_rooms(module):
    path = MODULES[module]
    assert trespasses(module, path.read_text(), path.stem == "__init__") == []


def test_no_room_or_module_knows_itself_by_a_detour():
    TopologicalSorter(MAY_KNOW).prepare()  # raises where there is a circle
    files = {
        module: set(rooms.imported(module, path.read_text(), path.stem == "__init__", set(MODULES))) - {module}
        for module, path in MODULES.items()
        if module != "_core"
    }
    TopologicalSorter(files).prepare()
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


STRAY = """
import matplotlib.pyplot as plt
from ._core import fit
from .cli import main
from . import plot
def later():
    from ckmeans.selection import choose_k
"""


def test_a_stray_module_is_found_wherever_it_lies():
    assert trespasses("stray", STRAY) == [
        "stray belongs to no room: give it one, or give stray a line in MAY_KNOW",
    ]
    deeper = STRAY.replace("from .", "from ..")
    assert trespasses("_input.stray", deeper) == [
        *(f"_input.stray knows {room}" for room in ("cli", "plot", "selection")),
        "_input.stray imports matplotlib outside its functions",
    ]
    assert trespasses("_show.stray", deeper) == [
        *(f"_show.stray knows {room}" for room in ("_core", "cli", "plot", "selection")),
        "_show.stray imports matplotlib outside its functions",
    ]
    assert trespasses("metrics", STRAY)[:3] == [f"metrics knows {room}" for room in ("cli", "plot", "selection")]
    assert trespasses("estimators.new", "from ._base import CenterEstimator\nfrom .. import KMeans") == [
        "estimators.new knows ckmeans"
    ]
    assert trespasses("estimators.new", "from .. import _core\nfrom .._fitting.fit import fit") == []


def test_imports_are_understood():
    def read(module):
        path = MODULES[module]
        return set(rooms.imported(module, path.read_text(), path.stem == "__init__", set(MODULES)))

    assert read("cli") >= {"", "_show.text", "cli.errors", "cli.fit", "cli.terminal"}
    assert read("__main__") == {"cli"}
    assert read("diagnosis") == {"explain.diagnosis", "explain.findings"}
    assert {"_core", "_input", "_fitting.sampling"} <= read("metrics")
    assert {"_core", "_input", "_types", "metrics", "estimators.kmeans"} <= read("selection.scores")


def test_the_picture_of_the_rooms_shows_them_as_they_are():
    """Else: ``python docs/rooms.py``."""
    picture = rooms.PICTURE.read_text()
    told = html.unescape(re.search("<desc>(.*?)</desc>", picture, re.S)[1])
    assert told == "\n".join(f"{title}\n{rooms.text(edges)}" for title, edges in rooms.both().items())
    shown = set(re.findall(r"<text x[^>]*>([^<]+)</text>", picture))
    assert shown == {room for edges in rooms.both().values() for room in edges}
    assert "![" in (design := (ROOT / "docs" / "design.md").read_text()) and "rooms.svg" in design


def test_every_package_is_installed():
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in PYTHON}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(declared) == packages


def test_the_binding_imports_nothing_of_ours():
    text = (ROOT / "ckmeans" / "_core.pyx").read_text()
    imports = re.findall(r"^\s*(?:from|import|cimport)\s+(\S+)", text, re.M)
    assert "numpy" in imports
    assert [name for name in imports if name.startswith((".", "ckmeans"))] == ["ckmeans.ck"]  # what ck.h declares


def test_the_front_door_holds_no_logic():
    tree = ast.parse((ROOT / "ckmeans" / "__init__.py").read_text())
    docstring, *statements = tree.body
    assert isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant)
    assert {type(statement) for statement in statements} == {ast.ImportFrom, ast.Assign}
    assigned = [statement for statement in statements if isinstance(statement, ast.Assign)]
    assert [ast.unparse(statement.targets[0]) for statement in assigned] == ["__all__"]


def imports_on_import(body):
    """Top-level names imported when the module is: outside functions, and not for type checkers alone."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_on_import(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for field in ("body", "orelse", "finalbody", "handlers"):
                yield from imports_on_import(getattr(node, field, []))


# --- Files ------------------------------------------------------------------------------------------------------


def test_files_stay_short():
    ours = [
        *PYTHON,
        *C_SOURCES,
        *(ROOT / "ckmeans").glob("*.py[xi]"),
        *(ROOT / "docs").glob("*.py"),
        *(ROOT / "tests").glob("*.py"),
    ]
    ours += [path for path in (ROOT / "benchmarks").glob("*") if path.suffix in (".py", ".c", ".h")]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in ours}
    assert len(lengths) > 60
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}
