"""Data made to go wrong, for all tests: each kind attacks a bound, a sum, a unit or a tie."""

import numpy as np
from helpers import blobs

# --- For the screens: what attacks the bound of a score -------------------------------------------------------------

SCREENED = (
    *("plain", "rounding boundaries", "one sign", "cancellation", "tiny among large", "offset", "subnormal"),
    *("one dwarfs the others", "zeros", "largest of both signs"),
)
# By format: the step at which signs are all alike, what cancellation leaves, and what makes values subnormal.
FORMATS = {"float32": (2.0**-12, 1e-7, 1e-42), "bfloat16": (2.0**-9, 1e-3, 1e-39), "int8": (2.0**-8, 1e-2, 1e-31)}


def screened(rng, shape, kind, dtype=np.float64, number_format="float32"):
    """Values that the screen in a format rounds as badly as can be."""
    step, left, tiny = FORMATS[number_format]
    values = rng.uniform(-1, 1, size=shape)
    if kind == "rounding boundaries" and number_format == "bfloat16":  # halfway between two numbers of the format
        values = np.sign(values) * (257 + 2 * rng.integers(0, 128, size=shape)) / 256
    elif kind == "rounding boundaries" and number_format == "int8":  # and the largest sets the scale
        values = np.sign(values) * (0.5 + rng.integers(0, 127, size=shape)) / 127
        values[:, 0] = 1.0
    elif kind == "rounding boundaries":
        single = values.astype(np.float32)
        values = (single.astype(np.float64) + np.nextafter(single, np.float32(2)).astype(np.float64)) / 2
    elif kind == "one sign":  # every rounding of the sum goes the same way
        values = 1.0 + np.abs(values) * step
    elif kind == "cancellation":
        values[:, 1::2] = -values[:, 0 : shape[1] - 1 : 2] * (1 + left)
    elif kind == "tiny among large":
        values = values * 10.0 ** rng.integers(-30, 1, size=shape)
    elif kind == "offset":
        values = values + 1e5
    elif kind == "subnormal":
        values = values * tiny
    elif kind == "one dwarfs the others":
        values[:, rng.integers(shape[1])] *= 1e6
    elif kind == "zeros":
        values[rng.random(shape) < 0.5] = 0.0
        values[rng.random(shape[0]) < 0.3] = 0.0
    elif kind == "largest of both signs":
        values = np.sign(values)
    elif kind == "every norm":
        values = values * 2.0 ** rng.integers(-40, 40, size=(shape[0], 1))
    return values.astype(dtype)


# --- For assignment: rows and centers -------------------------------------------------------------------------------

ASSIGNED = [
    "normal",
    "grid",
    "centers among rows",
    "near ties",
    "offset",
    "constant",
    "constant columns",
    "outlier",
    "scales",
]


def assigned(draw_seed, n, d, k, dtype, kind):
    """Rows and centers of one hostile kind."""
    rng = np.random.default_rng(draw_seed)
    X, C = rng.normal(size=(n, d)), rng.normal(size=(k, d))
    if kind == "grid":  # ties everywhere
        X, C = rng.integers(-2, 3, size=(n, d)) / 2, rng.integers(-2, 3, size=(k, d)) / 2
    elif kind == "centers among rows":
        C = X[rng.integers(n, size=k)]
    elif kind == "near ties":  # pairs of centers mirrored about rows, one moved by a few units in the last place
        C = np.repeat(X[rng.integers(n, size=k)], 2, axis=0)[:k]
        steps = rng.integers(-2, 3, size=C.shape) * np.spacing(np.abs(C))
        C = C + np.where(np.arange(k) % 2, 1.0, -1.0)[:, None] * 0.25 + steps
    elif kind == "offset":
        X, C = X + 1e6, C + 1e6
    elif kind == "constant":
        X, C = np.full((n, d), 3.7), np.full((k, d), 3.7)
    elif kind == "constant columns":
        X[:, ::2] = 1e3
        C[:, ::2] = 1e3
    elif kind == "outlier":
        X[0] *= 1e12
        C[0] *= 1e12
    elif kind == "scales":  # features and rows of very different size
        X *= 10.0 ** rng.integers(-12, 13, size=(n, 1))
        C *= 10.0 ** rng.integers(-12, 13, size=(1, d))
    if dtype[0] in "iu":
        info = np.iinfo(dtype)
        X, C = np.clip(np.rint(X * 30), info.min, info.max), C * 30
    return X.astype(dtype), C


# --- For strategies: rows that they serve, with something hostile about them ------------------------------------------

N_ROWS = 4200


def correlated(kind, rng):
    """Rows whose scatter lies along a few directions, with something hostile about them."""
    n_features = 60 if kind == "wide" else 24
    X = rng.normal(size=(N_ROWS, 4)) @ rng.normal(size=(4, n_features)) + 0.02 * rng.normal(size=(N_ROWS, n_features))
    if kind == "float32":
        return X.astype(np.float32)
    if kind == "bytes":
        return np.clip(128 + 20 * X, 0, 255).astype(np.uint8)
    if kind == "offset":
        return X + 1e6
    if kind == "duplicates":
        return np.repeat(X[: N_ROWS // 20], 20, axis=0)
    if kind == "ties":  # a lattice: centers and rows coincide and lie half-way between each other
        return np.repeat(rng.integers(0, 3, size=(N_ROWS, 3)).astype(float), 8, axis=1)
    if kind == "tiny":
        return X * 1e-30
    if kind == "tiny float32":
        return (X * 1e-25).astype(np.float32)
    if kind == "huge float32":
        return (X * 1e18).astype(np.float32)
    if kind == "one huge row":
        X[17] = 1e30
        return X
    if kind == "constant features":
        X[:, 5:15] = 7.0
        return X
    if kind == "far apart":  # float32 images are coarse beside the distances within each half
        return X + rng.choice([-3e4, 3e4], size=(N_ROWS, 1))
    return X


CORRELATED = (
    "plain", "wide", "float32", "bytes", "offset", "duplicates", "ties", "tiny", "tiny float32", "huge float32",
    "one huge row", "constant features", "far apart",
)  # fmt: skip


def few_features(kind, rng):
    """Rows of few features, with something hostile about them."""
    X = rng.normal(size=(N_ROWS, {"line": 1, "plane": 2, "eight": 8}.get(kind, 3))) + 4 * rng.integers(
        0, 4, (N_ROWS, 1)
    )
    if kind == "bytes":
        return np.clip(60 + 20 * X, 0, 255).astype(np.uint8)
    if kind == "float32":
        return X.astype(np.float32)
    if kind == "offset":
        return X + 1e6
    if kind == "duplicates":
        return np.repeat(X[: N_ROWS // 100], 100, axis=0)
    if kind == "ties":
        return rng.integers(0, 6, size=(N_ROWS, 3)).astype(float)
    if kind == "tiny":
        return X * 1e-150
    if kind == "huge":
        return X * 1e300
    if kind == "huge float32":
        return (X * 1e37).astype(np.float32)
    if kind == "outliers":
        X[::500] *= rng.choice([1e10, 1e100], size=(len(X[::500]), 1))
        return X
    if kind == "constant features":
        X[:, 0] = 1e300
        X[:, 2] = 0.0
        return X
    if kind == "equal rows":
        return np.full_like(X, 3.3)
    return X


FEW_FEATURES = (
    "plain", "line", "plane", "eight", "bytes", "float32", "offset", "duplicates", "ties", "tiny", "huge",
    "huge float32", "outliers", "constant features", "equal rows",
)  # fmt: skip


# --- For everything public -------------------------------------------------------------------------------------------

MAX, LEAST = np.finfo("f8").max, 5e-324
RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(place, 1, (20, 3)) for place in (0, 10, 20)])
SIGNS = np.where(BLOBS > 10, 1.0, -1.0)
EXTREME_ROWS = {
    "moderate": BLOBS,
    "huge": BLOBS / BLOBS.max() * 1.7e308,
    "huge, both signs": 1.7e308 * SIGNS * RNG.uniform(0.5, 1, BLOBS.shape),
    "the largest": MAX * SIGNS,
    "tiny": BLOBS * 1e-300,
    "subnormal": np.rint(BLOBS) * LEAST,
    "columns of 1e300 beside 1e-300": BLOBS * [1e300, 1, 1e-300],
    "one tiny column": BLOBS * [1e-300, 1e300, 1e300],
    "huge and subnormal columns": BLOBS * [1.7e306, 1e-320, 1],
    "two such columns": BLOBS[:, :2] * [1, 1e-320],
    "a constant column": BLOBS * [1, 0, 1] + [0, 1.7e308, 0],
    "constant": np.full((60, 2), 1.7e308),
    "zeros": np.zeros((60, 2)),
    "duplicates": np.repeat(BLOBS[::20], 20, axis=0),
    "two places": np.repeat([[0.0, 0.0], [1e308, -1e308]], 30, axis=0),
    "offset 1e15": BLOBS + 1e15,
    "offset 1e300": BLOBS + 1e300,
    "one far row": np.vstack([BLOBS[:-1], np.full(3, 1e308)]),
    "one far row of tiny ones": np.vstack([BLOBS[:-1] * 1e-200, np.full(3, 1e200)]),
    "largest float32": np.asarray(3.4028235e38 * SIGNS, "f4"),
    "least float32": np.asarray(BLOBS * 1e-44, "f4"),
    "int8": np.rint(BLOBS).astype("i1"),
    "one row": BLOBS[:1],
    "two rows": BLOBS[[0, -1]],
    "three huge rows": BLOBS[[0, 30, -1]] * 8e306,
    "one feature": BLOBS[:, :1] * 7e306,
    "more features than rows": RNG.normal(size=(12, 40)) * 1e306,
    "more features than rows, tiny": RNG.normal(size=(12, 40)) * 1e-310,
}
INDEX = np.arange(60)
EXTREME_WEIGHTS = {
    "the largest": np.full(60, MAX),
    "1e300 and 1": np.where(INDEX == 59, 1e300, 1.0),
    "1e308 and the least": np.where(INDEX % 7 == 0, 1e308, LEAST),
    "1e300 and 1e-300": np.where(INDEX % 2 == 0, 1e300, 1e-300),
    "the least": np.full(60, LEAST),
    "1e-300": np.full(60, 1e-300),
}

# Rows, clusters and weights.
PLAIN_BUT_ODD = {
    "one cluster": (blobs(30, 3, 1), 1, None),
    "one row": (np.ones((1, 3)), 1, None),
    "as many clusters as rows": (blobs(5, 2, 5), 5, None),
    "equal rows": (np.full((6, 3), 1e9), 1, None),
    "constant feature": (np.column_stack((blobs(30, 1, 3), np.full(30, 1e9))), 3, None),
    "large offset": ((blobs(30, 3, 3) + 1e6).astype(np.float32), 3, None),
    "bytes": (np.clip(10 * blobs(30, 3, 3) + 128, 0, 255).astype(np.uint8), 3, None),
    "one feature": (blobs(30, 1, 3), 3, None),
    "more features than rows": (blobs(30, 200, 3), 3, None),
    "extreme weights": (blobs(30, 3, 3), 3, np.full(30, 1e308)),
    "weights of zero": (blobs(30, 3, 3), 3, np.arange(30.0) > 25),
    "40 clusters": (blobs(200, 5, 40), 40, None),
}


# --- For seeding ------------------------------------------------------------------------------------------------


def seeded(rng, kind, n, d):
    if kind == "duplicates":
        return rng.integers(0, 3, size=(n, d)).astype(float)
    if kind == "float32":
        return rng.normal(size=(n, d)).astype(np.float32)
    if kind == "offset":
        return rng.normal(size=(n, d)) + 1e6
    if kind == "huge float32":
        return (rng.normal(size=(n, d)) * 1e18).astype(np.float32)
    if kind == "strided":
        return rng.normal(size=(2 * n, 2 * d))[::2, ::-2]
    if kind == "one huge row":
        X = rng.normal(size=(n, d))
        X[n // 2] = 1e30
        return X
    if kind == "equal rows":
        return np.full((n, d), 0.3)
    if kind == "tiny":
        return rng.normal(size=(n, d)) * 1e-30
    return rng.normal(size=(n, d))
