"""Who may know whom. The rules stand in docs/design.md; here they are held, by reading the sources."""

import ast
import re
import tomllib

import pytest
from helpers import ROOT

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
# Modules of ckmeans by their names within it; "" is the public API.
MAY_IMPORT = {
    "": {"_config", "_functions", "_kmeans", "_validation", "_version", "diagnosis", "profiling", "selection"},
    "_config": {"_core", "_threads", "_version"},
    "_validation": {"_core", "_tables", "_threads"},
    "_tables": set(),
    "_threads": set(),
    "_version": set(),
    "_fit": {"_core", "_validation"},
    "_functions": {"_core", "_validation", "_fit"},
    "_kmeans": {"_core", "_validation", "_fit", "_tables"},
    "_sweep": {"_core", "_validation", "_fit"},
    "_gap": {"_validation", "_sweep"},
    "metrics": {"_core", "_validation", "_gap", "_sweep"},
    "_selection_result": {"_kmeans", "_validation", "plot"},
    "selection": {
        "_core",
        "_validation",
        "_fit",
        "_gap",
        "_kmeans",
        "_selection_result",
        "_sweep",
        "_tables",
        "metrics",
    },
    "profiling": {"_validation", "_functions", "_tables"},
    "_structures": {"_core", "profiling"},
    "diagnosis": {"_core", "_validation", "_functions", "_kmeans", "_structures", "metrics", "profiling"},
    "_drawing": {"_validation"},
    "plot": {"_validation", "_drawing", "metrics", "profiling"},
    "__main__": {"cli"},
    "cli": {"", "cli.errors", "cli.fit", "cli.terminal"},
    "cli.fit": {"", "cli.arguments", "cli.errors", "cli.files", "cli.scaling", "cli.tables", "cli.terminal"},
    "cli.arguments": {"cli.files"},
    "cli.tables": {"cli.errors", "cli.files", "cli.terminal"},
    "cli.files": {"cli.errors"},
    "cli.terminal": {"cli.errors"},
    "cli.scaling": set(),
    "cli.errors": set(),
}
OPTIONAL = {"matplotlib", "pandas", "polars", "pyarrow", "scipy", "sklearn"}


def name_of(path):
    return str(path.relative_to(ROOT))


def module_of(path):
    """The name of a Python file as a module within ckmeans."""
    parts = path.relative_to(ROOT / "ckmeans").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PYTHON}


def test_there_is_something_to_read():
    assert MODULES.keys() == MAY_IMPORT.keys()
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


def test_threads_of_the_system_live_in_one_file():
    pattern = re.compile(
        r"#\s*pragma\s+omp|\bomp_\w+\(|<(?:pthread|windows|dispatch/dispatch|threads)\.h>|\bdispatch_apply"
    )
    users = [name_of(path) for path in C_SOURCES if pattern.search(path.read_text())]
    assert users == ["src_c/threads/os_threads.h"]
    includers = {name_of(path) for path in C_SOURCES if '"os_threads.h"' in path.read_text()}
    assert includers == {f"src_c/threads/{name}.c" for name in ("crew", "loops", "watch")}


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


def own_imports(module, path):
    """Modules of the package that a file imports, anywhere in it, by their names within it."""
    package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
    known = MODULES.keys() | {"_core"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                parts = [part for part in package if part][: len(package) + 1 - node.level]
                origin = ".".join(["ckmeans", *parts, *filter(None, [node.module])])
            else:
                origin = node.module
            # What is imported from a package may be a module, or a name that the package has.
            names = [f"{origin}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("ckmeans.") in known else origin for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("ckmeans").lstrip(".") for name in names if name.split(".")[0] == "ckmeans")


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_modules_import_what_lies_below(module):
    assert set(own_imports(module, MODULES[module])) <= MAY_IMPORT[module]


def test_imports_are_understood():
    assert set(own_imports("cli", MODULES["cli"])) == {"", "cli.errors", "cli.fit", "cli.terminal"}
    assert set(own_imports("__main__", MODULES["__main__"])) == {"cli"}
    assert set(own_imports("", MODULES[""])) == MAY_IMPORT[""]
    assert "_core" in set(own_imports("metrics", MODULES["metrics"]))


def test_every_package_is_installed():
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in PYTHON}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(declared) == packages


def test_the_binding_imports_nothing_of_ours():
    text = (ROOT / "ckmeans" / "_core.pyx").read_text()
    imports = re.findall(r"^\s*(?:from|import|cimport)\s+(\S+)", text, re.M)
    assert "numpy" in imports
    assert [name for name in imports if name.startswith((".", "ckmeans"))] == []


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


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_optional_libraries_are_imported_where_they_are_used(path):
    assert OPTIONAL.isdisjoint(imports_on_import(ast.parse(path.read_text()).body))


# --- Files ------------------------------------------------------------------------------------------------------


def test_files_stay_short():
    ours = [*PYTHON, *C_SOURCES, *(ROOT / "ckmeans").glob("*.py[xi]"), *(ROOT / "tests").glob("*.py")]
    ours += [path for path in (ROOT / "benchmarks").glob("*") if path.suffix in (".py", ".c", ".h")]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in ours}
    assert len(lengths) > 60
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}
