"""The specification of ckmeans in plain NumPy: slow, short, and what everything compiled is compared with.

Sums are exact (``math.fsum``, or on grids), or written as loops, because the order is part of the specification.
"""

import math
from typing import NamedTuple

import numpy as np

SUM_ROWS = 1024  # rows of one block of an ordered sum
LANES = 16  # rows that a block's sum of masses takes abreast


# --- Distances and labels -----------------------------------------------------------------------------------------


def squared_distances(X, centers):
    """Canonical float64 squared distances, n x k, as (value, exponent): value * 2**exponent.

    The exponent is 0 unless the plain sum overflows or comes near the subnormal numbers; then differences are scaled
    by a power of two to below one.
    """
    X, centers = np.asarray(X, dtype=np.float64), np.asarray(centers, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        value = np.zeros((len(X), len(centers)))
        for p in range(X.shape[1]):
            value += (X[:, p, None] - centers[None, :, p]) ** 2
    exponent = np.zeros(value.shape, dtype=int)
    for i, j in np.argwhere(~((value >= 2.0**-900) & (value < np.inf))):
        value[i, j], exponent[i, j] = scaled_squared_distance(X[i], centers[j])
    return value, exponent


def scaled_squared_distance(x, c):
    with np.errstate(over="ignore", under="ignore"):
        half = 1.0 if np.isfinite(x - c).all() else 0.5
        differences = x * half - c * half
        largest = np.abs(differences).max()
        if largest == 0.0:
            return 0.0, 0
        exponent = math.frexp(largest)[1]
        total = 0.0
        for difference in np.ldexp(differences, -exponent):
            total += difference * difference
    return total, 2 * (exponent + (half < 1.0))


def assign(X, centers):
    """Nearest center of every row, the lowest index on a tie."""
    value, exponent = squared_distances(X, centers)
    if not exponent.any():
        return value.argmin(axis=1).astype(np.int32)
    labels = np.zeros(len(value), dtype=np.int32)
    for i in range(len(value)):
        keys = []
        for v, e in zip(value[i], exponent[i], strict=True):
            mantissa, power = math.frexp(v)
            keys.append((v > 0.0, power + e if v > 0.0 else 0, mantissa))
        labels[i] = min(range(len(keys)), key=keys.__getitem__)
    return labels


def ordered_sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


def inertia(X, centers, labels, weights=None):
    """Sum of weight * squared distance: of rounded products, exact until it is rounded itself."""
    centers = np.asarray(centers, dtype=np.float64)
    X = np.asarray(X, dtype=np.float64)
    distances = np.zeros(len(X))
    for p in range(X.shape[1]):
        distances += (X[:, p] - centers[labels, p]) ** 2
    return math.fsum(distances if weights is None else weights * distances)


def mean_variance(X, weights):
    """Mean over the features of their variances: exact sums of rounded products, whatever the order of the rows."""
    X, total = X[weights > 0.0], math.fsum(weights)
    weights = weights[weights > 0.0]
    means = np.array([math.fsum(weights * column) for column in X.T]) / total
    return math.fsum((weights[:, None] * (X - means) ** 2).ravel()) / total / X.shape[1]


# --- Random numbers and seeding ------------------------------------------------------------------------------------


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al., SC 2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    mask = 0xFFFFFFFF
    for _ in range(10):
        first, second = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (second >> 32) ^ c1 ^ k0, second & mask, (first >> 32) ^ c3 ^ k1, first & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


def uniforms(seed, stream):
    """Numbers in [0, 1), each a function of the seed, the stream and its place."""
    position = 0
    while True:
        yield uniform_at(seed, stream, 0, position)
        position += 1


def uniform_at(seed, stream, part, position):
    words = philox((position & 0xFFFFFFFF, position >> 32, stream, part), (seed & 0xFFFFFFFF, seed >> 32))
    return ((words[0] << 32 | words[1]) >> 11) * 2.0**-53


def block_sums(masses):
    sums = []
    for start in range(0, len(masses), SUM_ROWS):
        lanes = [0.0] * LANES
        for i, mass in enumerate(masses[start : start + SUM_ROWS]):
            lanes[i % LANES] += mass
        sums.append(ordered_sum(lanes))
    return sums


def draw(masses, uniform):
    """The row at which the running sum of the masses exceeds uniform * total."""
    sums = block_sums(masses)
    target = uniform * ordered_sum(sums)
    block, before, after = -1, 0.0, 0.0
    for b, mass in enumerate(sums):
        if after > target:
            break
        if mass > 0.0:
            block, before, after = b, after, after + mass
    found = -1
    for i in range(block * SUM_ROWS, min((block + 1) * SUM_ROWS, len(masses))):
        if found >= 0 and before > target:
            break
        if masses[i] > 0.0:
            found, before = i, before + masses[i]
    return found


def seed_random(X, k, seed, stream=0, weights=None):
    random = uniforms(seed, stream)
    masses = np.ones(len(X)) if weights is None else np.array(weights, dtype=float)
    indices = []
    for _ in range(k):
        indices.append(draw(masses, next(random)))
        masses[indices[-1]] = 0.0
    return np.asarray(X, dtype=np.float64)[indices], np.array(indices)


def seed_plus_plus(X, k, seed, stream=0, weights=None, trials=None, random=None):
    """Greedy k-means++: of each step's candidates, the one that leaves the least potential, the first on a tie."""
    X = np.asarray(X, dtype=np.float64)
    trials = 2 + math.floor(math.log(k)) if trials is None else trials
    random = uniforms(seed, stream) if random is None else random
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    closest = np.full(len(X), np.inf)
    masses, indices = weights, []
    for j in range(k):
        by_weight = j == 0 or not ordered_sum(block_sums(masses)) > 0.0
        rows = [draw(weights if by_weight else masses, next(random)) for _ in range(1 if by_weight else trials)]
        candidates = [np.minimum(closest, squared_distances(X, X[row : row + 1])[0][:, 0]) for row in rows]
        most = masses.max() if j > 0 else 0.0  # the potentials are exact on a grid that the largest mass gives
        bits = max(math.ceil(math.log2(len(X))), 1)
        shift = math.ldexp(1.5, math.frexp(most)[1] + bits)
        potentials = [((weights * candidate + shift) - shift).sum() for candidate in candidates]
        chosen = min(range(len(rows)), key=potentials.__getitem__)
        indices.append(rows[chosen])
        closest = candidates[chosen]
        masses = weights * closest
    return X[indices], np.array(indices)


def seed_parallel(X, k, seed, stream=0, weights=None):
    """k-means||: five rounds in which every row joins the candidates on its own, k-means++ among those."""
    X = np.asarray(X, dtype=np.float64)
    random = uniforms(seed, stream)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    candidates, closest, nearest = [], np.full(len(X), np.inf), np.zeros(len(X), dtype=int)

    def add(rows):
        if len(rows):
            distances = squared_distances(X, X[rows])[0]
            best = assign(X, X[rows])
            distances = distances[np.arange(len(X)), best]
            nearer = distances < closest
            nearest[nearer] = len(candidates) + best[nearer]
            closest[nearer] = distances[nearer]
            candidates.extend(rows)
        return ordered_sum(block_sums(weights * closest))

    def distinct():
        return sum(nearest[row] == t for t, row in enumerate(candidates))

    total = add([draw(weights, next(random))])
    for part in range(1, 6):
        if total > 0.0:
            masses = weights * closest
            total = add([i for i in range(len(X)) if uniform_at(seed, stream, part, i) * total < 2 * k * masses[i]])
    while distinct() < k and total > 0.0:
        total = add([draw(weights * closest, next(random))])
    loads = np.zeros(len(candidates))
    np.add.at(loads, nearest, weights)
    _, places = seed_plus_plus(X[candidates], k, seed, weights=loads, random=random)
    return X[candidates][places], np.array(candidates)[places]


def seed_chains(X, k, seed, stream=0, weights=None):
    """AFK-MC2: a Markov chain of 200 rows for each center after the first."""
    X = np.asarray(X, dtype=np.float64)
    random = uniforms(seed, stream)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    indices = [draw(weights, next(random))]
    first = squared_distances(X, X[indices])[0][:, 0]
    total_weight, total_mass = ordered_sum(block_sums(weights)), ordered_sum(block_sums(weights * first))
    for _ in range(k - 1):
        rows = []
        for _ in range(200):
            by_mass = next(random) < 0.5 and total_mass > 0.0
            rows.append(draw(weights * first if by_mass else weights, next(random)))
        by_first = first[rows] / total_mass if total_mass > 0.0 else 0.0
        importance = squared_distances(X[rows], X[indices])[0].min(axis=1) / (by_first + 1.0 / total_weight)
        at = 0
        for i in range(1, len(rows)):
            if importance[i] > next(random) * importance[at]:
                at = i
        indices.append(rows[at])
    return X[indices], np.array(indices)


# --- Lloyd's iteration ---------------------------------------------------------------------------------------------


class Fit(NamedTuple):
    centers: np.ndarray
    labels: np.ndarray
    inertia: float
    n_iter: int
    converged: bool
    changed: list


def sum_levels(X, weights):
    """Parts that values are cut into, so that they are summed to 57 bits below the largest: more where weights differ
    or where a few rows show ordinary values more than 12 bits below the largest."""
    n, above = len(X), lambda value: math.frexp(value)[1]
    positive = weights[weights > 0.0]
    needed = 57 + above(positive.max()) - above(positive.min())
    step = n // min(n, 64)
    sampled, extra = [i * step for i in range(min(n, 64)) if weights[i * step] > 0.0], 0
    for column in X.T:
        ordinary = sorted(abs(v) for v in column[sampled] if v != 0.0)
        if ordinary:
            largest = np.abs(column[weights > 0.0]).max()
            extra = max(extra, above(largest) - above(ordinary[len(ordinary) // 4]) - 12)
    needed += extra
    bits, levels = max(math.ceil(math.log2(n)), 1), 1
    while levels < 64 and levels * (53 - bits) - 1 < needed:
        levels += 1
    return levels, bits


def grid_sums(values, exponent, labels, k, levels, bits):
    """Sums by label of values of at most 2**exponent: exact on grids of powers of two, hence the same in any order."""
    total, exponent, parts = np.zeros(k), exponent + bits, []
    for _ in range(levels):
        shift = math.ldexp(1.5, exponent) if exponent - 52 > -1074 else 0.0
        part = (values + shift) - shift
        values = values - part
        parts.append(np.bincount(labels, part, k))
        exponent += bits - 53
    for part in reversed(parts):
        total = total + part
    return total


def cluster_totals(X, labels, k, weights):
    d = X.shape[1]
    weighted = not (weights == 1.0).all()
    levels, bits = sum_levels(X, weights)
    above = math.frexp(weights.max())[1]
    sums = np.zeros((k, d))
    for p in range(d):
        largest = np.abs(X[weights > 0.0, p]).max()
        exponent = math.frexp(largest)[1] + (above if weighted else 0)
        if largest > 0.0:
            sums[:, p] = grid_sums(weights * X[:, p], exponent, labels, k, levels, bits)
    return sums, grid_sums(weights, above, labels, k, levels, bits)


def relocate_empty(X, labels, distances, weights, sums, totals):
    """Every empty cluster takes the location of the farthest row, unless that would empty the row's cluster."""
    distances = np.where(weights > 0.0, distances, 0.0)
    remaining = np.bincount(labels[weights > 0.0], minlength=len(sums))
    taken, donors = np.zeros(len(X), dtype=bool), set()
    for j in np.flatnonzero(remaining == 0):
        while distances.max() > 0.0:
            row = int(distances.argmax())
            here = (labels == labels[row]) & (distances == distances[row]) & (X == X[row]).all(axis=1)
            distances[here] = 0.0
            if here.sum() < remaining[labels[row]]:
                break
        else:
            break
        remaining[labels[row]] -= here.sum()
        weight = ordered_sum(weights[here])
        totals[j] = weight
        sums[j] = weight * X[row]
        taken |= here
        donors.add(int(labels[row]))
    left, left_totals = cluster_totals(X, np.where(taken, len(sums), labels), len(sums) + 1, weights)
    for j in donors:  # what is left of them, exact on the grids of all rows
        sums[j], totals[j] = left[j], left_totals[j]


def lloyd(X, centers, max_iter=300, tol=1e-4, weights=None):
    """One restart from given centers."""
    original, X = np.asarray(X), np.asarray(X, dtype=np.float64)
    single = original.dtype == np.float32
    round_centers = (lambda c: c.astype(np.float32).astype(np.float64)) if single else (lambda c: c)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    counted = weights > 0.0
    tolerance = tol * mean_variance(X, weights)
    centers = round_centers(np.array(centers, dtype=np.float64))
    k = len(centers)
    labels = np.full(len(X), -1, dtype=np.int32)
    changed, converged = [], False
    while len(changed) < max_iter and not converged:
        before, labels = labels, assign(X, centers)
        changed.append(int(((labels != before) & counted).sum()))
        sums, totals = cluster_totals(X, labels, k, weights)
        if not (totals > 0.0).all():
            distances = np.array([inertia(X[i : i + 1], centers, labels[i : i + 1]) for i in range(len(X))])
            relocate_empty(X, labels, distances, weights, sums, totals)
        means = centers.copy()
        filled = totals > 0.0
        means[filled] = sums[filled] / totals[filled, None]
        means = round_centers(means)
        shift = ordered_sum(inertia(means[j : j + 1], centers, [j]) for j in range(k))
        converged = changed[-1] == 0 or shift <= tolerance
        centers = means
    labels = assign(X, centers)
    total = inertia(X, centers, labels, None if (weights == 1.0).all() else weights)
    return Fit(centers, labels, total, len(changed), converged, changed)


# --- Scores ----------------------------------------------------------------------------------------------------------


def scatter(X, labels, k, weights):
    """Of each cluster: weight, mean, weighted sums of squared distances and of distances to the mean."""
    X = np.asarray(X, dtype=np.float64)
    totals, means = np.zeros(k), np.full((k, X.shape[1]), np.nan)
    squares, distances = np.zeros(k), np.zeros(k)
    for j in range(k):
        rows, w = X[labels == j], weights[labels == j]
        totals[j] = w.sum()
        if totals[j] > 0.0:
            means[j] = rows[0] + w @ (rows - rows[0]) / totals[j]
            sqdists = ((rows - means[j]) ** 2).sum(axis=1)
            squares[j], distances[j] = w @ sqdists, w @ np.sqrt(sqdists)
    return totals, means, squares, distances


def silhouette_samples(X, labels, weights=None, metric="euclidean", centers=None):
    """(b - a) / max(a, b) of every row, with a and b mean distances to its own cluster and to the nearest other one.

    A row of weight w stands for w rows, and is not among the others of its cluster: of weights below one, as much of it
    as there is. Alone in its cluster it gets 0, of weight 0 NaN. "simplified": distances to the centers, by default
    the means.
    """
    X, labels = np.asarray(X, dtype=np.float64), np.asarray(labels)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    k = labels.max() + 1
    totals, means, _, _ = scatter(X, labels, k, weights)
    present = np.flatnonzero(totals > 0.0)
    out = np.zeros(len(X))
    for i, x in enumerate(X):
        others = totals[labels[i]] - min(weights[i], 1.0)
        if metric == "simplified":
            to = np.sqrt(((x - (means if centers is None else centers)) ** 2).sum(axis=1))
        else:
            sqdists = ((X - x) ** 2).sum(axis=1)
            to = np.bincount(labels, weights * (sqdists if metric == "sqeuclidean" else np.sqrt(sqdists)), k)
            own = to[labels[i]] / others if others > 0.0 else 0.0
            with np.errstate(invalid="ignore", divide="ignore"):
                to = to / totals
            to[labels[i]] = own
        b = min((to[j] for j in present if j != labels[i]), default=np.nan)
        a = to[labels[i]]
        if weights[i] == 0.0:
            out[i] = np.nan
        elif others > 1e-12 * totals[labels[i]]:
            out[i] = (b - a) / max(a, b) if max(a, b) > 0.0 else 0.0
    return out


def calinski_harabasz(X, labels, weights):
    totals, means, squares, _ = scatter(X, labels, labels.max() + 1, weights)
    there = totals > 0.0
    k, n = there.sum(), totals.sum()
    overall = totals[there] @ means[there] / n
    between = totals[there] @ ((means[there] - overall) ** 2).sum(axis=1)
    return between / (k - 1) / (squares.sum() / (n - k)) if squares.sum() > 0.0 else 1.0


def davies_bouldin(X, labels, weights):
    totals, means, _, distances = scatter(X, labels, labels.max() + 1, weights)
    there = totals > 0.0
    spread, means = distances[there] / totals[there], means[there]
    apart = np.sqrt(((means[:, None] - means) ** 2).sum(axis=2))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(apart > 0.0, (spread[:, None] + spread) / apart, 0.0)
    return ratios.max(axis=1).mean()


def information_criterion(X, labels, weights, penalty):
    """-2 log likelihood + parameters * penalty of equal spherical Gaussians with hard labels (Pelleg and Moore, with
    the variance per feature and its unbiased estimate)."""
    totals, _, squares, _ = scatter(X, labels, labels.max() + 1, weights)
    totals = totals[totals > 0.0]
    n, k, d = totals.sum(), len(totals), np.shape(X)[1]
    variance = squares.sum() / (d * (n - k))
    log_likelihood = totals @ np.log(totals / n) - n * d / 2 * np.log(2 * np.pi * variance) - d * (n - k) / 2
    return -2 * log_likelihood + (k * d + k) * penalty(n)


def adjusted_rand(a, b):
    """From the pairs of rows themselves."""
    pairs = [(a[i] == a[j], b[i] == b[j]) for i in range(len(a)) for j in range(i)]
    both, first, second = (sum(map(f, pairs)) for f in (all, lambda p: p[0], lambda p: p[1]))
    expected = first * second / len(pairs) if pairs else 0.0
    most = (first + second) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
