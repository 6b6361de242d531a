"""Data in every shape users have it: tables with names, lists, and arrays of any layout."""

import numpy as np
import pytest
from helpers import blobs, same_bits

import ckmeans
from ckmeans import KMeans

pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("pyarrow")

import pandas as pd
import polars as pl
import pyarrow as pa

NAMES = ["size", "weight", "age"]
X = blobs(240, 3, 4).round(3)
PLAIN = KMeans(4, random_state=0).fit(X)


def arrow(frame):
    return pa.table({name: np.ascontiguousarray(frame[name].to_numpy()) for name in frame.columns})


TABLES = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.DataFrame({name: frame[name].to_numpy() for name in frame.columns}),
    "arrow": arrow,
    "record batch": lambda frame: arrow(frame).to_batches()[0],
    "arrow in chunks": lambda frame: pa.concat_tables([arrow(frame[:100]), arrow(frame[100:])]),
}


@pytest.fixture(params=TABLES)
def table(request):
    """Makes a table of one kind from values and column names."""
    return lambda values, names=NAMES: TABLES[request.param](pd.DataFrame(values, columns=names))


# --- Names ------------------------------------------------------------------------------------------------------


def test_fit_and_use_with_names(table):
    model = KMeans(4, random_state=0).fit(table(X))
    same_bits(model, PLAIN)
    assert model.feature_names_in_.dtype == object
    assert model.feature_names_in_.tolist() == NAMES
    np.testing.assert_array_equal(model.predict(table(X)), PLAIN.labels_)
    np.testing.assert_array_equal(model.transform(table(X)), PLAIN.transform(X))
    assert model.score(table(X)) == -PLAIN.inertia_


def test_functions_take_tables(table):
    same_bits(ckmeans.kmeans(table(X), 4, random_state=0), PLAIN)
    np.testing.assert_array_equal(ckmeans.assign(table(X), table(PLAIN.cluster_centers_)), PLAIN.labels_)
    centers, indices = ckmeans.kmeans_plusplus(table(X), 4, random_state=0)
    np.testing.assert_array_equal(centers, X[indices])
    start = KMeans(4, init=table(X[:4])).fit(table(X))
    same_bits(start, KMeans(4, init=X[:4]).fit(X))


def test_other_names_are_refused(table):
    model = KMeans(4, random_state=0).fit(table(X))
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time:\n- color\n.*now missing:\n- weight\n"):
        model.predict(table(X, ["size", "color", "age"]))
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.transform(table(X[:, [1, 0, 2]], ["weight", "size", "age"]))
    with pytest.raises(ValueError, match="X has 4 features, but KMeans is expecting 3 features"):
        model.score(table(np.hstack([X, X[:, :1]]), [*NAMES, "more"]))


def test_names_on_one_side_alone_are_a_warning(table):
    named, unnamed = KMeans(4, random_state=0).fit(table(X)), KMeans(4, random_state=0).fit(X)
    with pytest.warns(UserWarning, match="X does not have valid feature names") as record:
        np.testing.assert_array_equal(named.predict(X), PLAIN.labels_)
    assert record[0].filename == __file__
    with pytest.warns(UserWarning, match="X has feature names, but KMeans was fitted without"):
        np.testing.assert_array_equal(unnamed.predict(table(X)), PLAIN.labels_)


def test_a_fit_without_names_drops_those_of_the_fit_before(table):
    model = KMeans(4, random_state=0).fit(table(X))
    model.fit(X)
    assert not hasattr(model, "feature_names_in_")
    model.fit(table(X, ["a", "b", "c"]))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]


def test_names_that_are_no_strings():
    numbered = pd.DataFrame(X)
    model = KMeans(4, random_state=0).fit(numbered)
    same_bits(model, PLAIN)
    assert not hasattr(model, "feature_names_in_")
    np.testing.assert_array_equal(model.predict(numbered), PLAIN.labels_)
    mixed = pd.DataFrame(X, columns=["size", 1, "age"])
    for use in (model.fit, model.predict):
        with pytest.raises(TypeError, match=r"column names of several types.*\['int', 'str'\]"):
            use(mixed)


# --- Types of columns -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "int32", "float16", "bool", "object", "Int64", "Float64", "boolean"])
def test_pandas_dtypes(dtype):
    values = X > 0 if dtype in ("bool", "boolean") else X.round()
    weights = np.linspace(1, 2, len(X))
    model = KMeans(4, random_state=0).fit(pd.DataFrame(values, columns=NAMES).astype(dtype), None, weights)
    same_bits(model, KMeans(4, random_state=0).fit(values.astype(float), None, weights))
    assert model.cluster_centers_.dtype == np.float64


def test_columns_of_several_types(table):
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1].round().astype("int16"), "c": X[:, 2] > 0})
    values = frame.astype(float).to_numpy()
    if isinstance(table(X), pd.DataFrame):
        given = frame
    elif isinstance(table(X), pl.DataFrame):
        given = pl.from_pandas(frame)
    else:
        given = pa.Table.from_pandas(frame)
    same_bits(KMeans(4, random_state=0).fit(given), KMeans(4, random_state=0).fit(values))


def test_float32_and_small_integers_stay_what_they_are(table):
    for dtype, centers in (("float32", "float32"), ("uint8", "float64"), ("int16", "float64")):
        values = (X * 3 + 60).astype(dtype)
        model = KMeans(4, random_state=0).fit(table(values))
        same_bits(model, KMeans(4, random_state=0).fit(values))
        assert model.cluster_centers_.dtype == centers


MISSING = {
    "pandas": lambda: pd.DataFrame({"a": [1.0, None, 3.0, 4.0], "b": [1.0, 2.0, 3.0, 4.0]}),
    "pandas, nullable": lambda: pd.DataFrame({"a": [1, None, 3, 4], "b": [1, 2, 3, 4]}, dtype="Int64"),
    "polars": lambda: pl.DataFrame({"a": [1, None, 3, 4], "b": [1, 2, 3, 4]}),
    "arrow": lambda: pa.table({"a": [1, None, 3, 4], "b": [1.0, 2.0, 3.0, 4.0]}),
    "object": lambda: np.array([[1, 1], [None, 2], [3, 3], [4, 4]], dtype=object),
}


@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_value_is_named_with_its_place(kind):
    with pytest.raises(ValueError, match="X contains NaN at row 1, feature 0"):
        KMeans(2).fit(MISSING[kind]())


DATES = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[ms]")
WORDS = ["x", "y", "z"]


@pytest.mark.parametrize(
    ("kind", "column"),
    [(pd.DataFrame, DATES), (pa.table, DATES), (pd.DataFrame, WORDS), (pl.DataFrame, WORDS), (pa.table, WORDS)],
)
def test_a_column_that_holds_no_numbers(kind, column):
    with pytest.raises((TypeError, ValueError), match="X must hold numbers"):
        KMeans(2).fit(kind({"a": [1.0, 2.0, 3.0], "b": column}))


def test_weights_of_any_kind():
    weights = np.linspace(0, 2, len(X))
    expected = KMeans(4, random_state=0).fit(X, sample_weight=weights)
    kinds = [weights.tolist(), pd.Series(weights, index=range(500, 740)), pl.Series(weights), pa.array(weights)]
    kinds += [pa.chunked_array([weights[:9], weights[9:]]), np.repeat(weights, 2)[::2], weights.astype(">f8")]
    for kind in kinds:
        same_bits(KMeans(4, random_state=0).fit(X, sample_weight=kind), expected)
    whole = np.arange(len(X)) % 4
    expected = KMeans(4, random_state=0).fit(X, sample_weight=whole.astype(float))
    for dtype in ("u1", "i8", "f4", "O"):
        same_bits(KMeans(4, random_state=0).fit(X, sample_weight=whole.astype(dtype)), expected)


# --- Tables out -------------------------------------------------------------------------------------------------


def test_a_pandas_result_keeps_the_index():
    index = pd.Index(np.arange(240) * 10, name="id")
    frame = pd.DataFrame(X, columns=NAMES, index=index)
    model = KMeans(4, random_state=0).set_output(transform="pandas").fit(frame)
    expected = pd.DataFrame(PLAIN.transform(X), columns=[f"kmeans{j}" for j in range(4)], index=index)
    pd.testing.assert_frame_equal(model.transform(frame), expected)
    pd.testing.assert_frame_equal(model.transform(frame[5:9]), expected[5:9])


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_any_input_gives_the_container_asked_for(container):
    model = KMeans(4, random_state=0).set_output(transform=container)
    for kind in (
        X,
        X.tolist(),
        tuple(map(tuple, X)),
        *(make(pd.DataFrame(X, columns=NAMES)) for make in TABLES.values()),
    ):
        out = model.fit_transform(kind)
        assert type(out) is (pd.DataFrame if container == "pandas" else pl.DataFrame)
        assert list(out.columns) == ["kmeans0", "kmeans1", "kmeans2", "kmeans3"]
        np.testing.assert_array_equal(out.to_numpy(), PLAIN.transform(X))


# --- Arrays of any layout ---------------------------------------------------------------------------------------


def spaced(values, rows, columns):
    between = np.nan if values.dtype.kind == "f" else 0
    wide = np.full((len(values) * rows, values.shape[1] * columns), between, dtype=values.dtype)
    wide[::rows, ::columns] = values
    return wide[::rows, ::columns]


def unaligned(values):
    memory = np.zeros(values.nbytes + 1, dtype=np.uint8)
    view = memory[1:].view(values.dtype).reshape(values.shape)
    view[:] = values
    assert view.flags.aligned == (values.itemsize == 1)
    return view


def read_only(values):
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def in_a_structure(values):
    """Rows that are fields of longer records: a row stride that is no multiple of the element."""
    records = np.zeros(len(values), dtype=[("tag", "u4"), ("row", values.dtype, values.shape[1])])
    records["row"] = values
    return records["row"]


LAYOUTS = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "rows reversed": lambda values: np.ascontiguousarray(values[::-1])[::-1],
    "columns reversed": lambda values: np.ascontiguousarray(values[:, ::-1])[:, ::-1],
    "Fortran, both reversed": lambda values: np.asfortranarray(values[::-1, ::-1])[::-1, ::-1],
    "every other row": lambda values: spaced(values, 2, 1),
    "every third column": lambda values: spaced(values, 1, 3),
    "both": lambda values: spaced(values, 3, 2),
    "middle columns": lambda values: np.pad(values, ((2, 1), (1, 2)))[2:-1, 1:-2],
    "big-endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "records": in_a_structure,
    "masked, nothing hidden": np.ma.masked_array,
}


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i2"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, dtype):
    values = (X * 3 + 60).astype(dtype)
    given = LAYOUTS[layout](values)
    np.testing.assert_array_equal(given, values)
    plain = KMeans(4, random_state=0, max_iter=9).fit(values)
    model = KMeans(4, random_state=0, max_iter=9).fit(given)
    same_bits(model, plain)
    np.testing.assert_array_equal(model.predict(given), plain.labels_)
    np.testing.assert_array_equal(model.transform(given), plain.transform(values))
    if dtype != "f4":  # float32 rounds the centers
        same_bits(model, KMeans(4, random_state=0, max_iter=9).fit(values.astype("f8")))


def test_memory_mapped_file(tmp_path):
    for dtype in ("f4", "f8"):
        path = tmp_path / dtype
        np.asarray(X, dtype=dtype).tofile(path)
        mapped = np.memmap(path, dtype=dtype, mode="r", shape=X.shape)
        model = KMeans(4, random_state=0).fit(mapped)
        same_bits(model, KMeans(4, random_state=0).fit(X.astype(dtype)))
        assert all(type(value) is np.ndarray for value in vars(model).values() if isinstance(value, np.ndarray))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_zero_strides(dtype):
    column = X[:, :1].astype(dtype)
    same_features, whole = np.broadcast_to(column, X.shape), np.repeat(column, 3, axis=1)
    assert same_features.strides[1] == 0
    same_bits(KMeans(4, random_state=0).fit(same_features), KMeans(4, random_state=0).fit(whole))
    same_rows = np.broadcast_to(X[0].astype(dtype), X.shape)
    assert same_rows.strides[0] == 0
    model = KMeans(1).fit(same_rows)
    np.testing.assert_allclose(model.cluster_centers_, same_rows[:1], rtol=1e-13)
    assert model.inertia_ < 1e-20


def test_lists():
    same_bits(KMeans(4, random_state=0).fit(X.tolist()), PLAIN)
    same_bits(KMeans(4, random_state=0).fit([tuple(row) for row in X]), PLAIN)
    same_bits(KMeans(4, random_state=0).fit(memoryview(X)), PLAIN)
    assert KMeans(2, random_state=0).fit([[0, 1], [9, 9], [0, 2]]).cluster_centers_.dtype == np.float64
    assert PLAIN.predict([X[0].tolist()]).tolist() == [PLAIN.labels_[0]]


def test_longer_floats_are_rounded_to_float64():
    same_bits(KMeans(4, random_state=0).fit(X.astype(np.longdouble)), PLAIN)
    half = X.astype("f2")
    same_bits(KMeans(4, random_state=0).fit(half), KMeans(4, random_state=0).fit(half.astype("f8")))
