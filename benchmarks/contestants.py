"""One small adapter a library. Each is imported and used only inside the worker process of its contestant."""

import contextlib
import functools
import importlib.metadata
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fit:
    centers: NDArray[Any]
    n_iter: int


class Contestant:
    """What the benchmark may ask of any library."""

    name: str
    distribution: str
    import_line: str
    exact = True
    narrowed = False
    """Whether it is another contestant once more, with less than this processor has."""

    def prepare(self, threads: int) -> None:
        """Import the library and tell it how many threads to use, beyond the OMP_NUM_THREADS that all of them get."""
        raise NotImplementedError

    def fit(self, X: NDArray[Any], initial: NDArray[Any], iterations: int) -> Fit:
        """Cluster all rows of X from the given centers; never stop early but where nothing changes any more."""
        raise NotImplementedError

    def version(self) -> str:
        return importlib.metadata.version(self.distribution)

    def configuration(self) -> str | None:
        """What the library says about the code path it chose, if it says anything."""
        return None


class EstimatorContestant(Contestant):
    """A library with scikit-learn's ``KMeans`` interface."""

    estimator: Callable[..., Any]
    kmeans_plusplus: Callable[..., Any] | None = None
    metrics: Any = None
    """A module of scores, where the library has its own."""
    choose_k: Callable[..., Any] | None = None

    def fit(self, X: NDArray[Any], initial: NDArray[Any], iterations: int) -> Fit:
        fitted = self.estimator(len(initial), init=initial, n_init=1, max_iter=iterations, tol=0).fit(X)
        return Fit(fitted.cluster_centers_, int(fitted.n_iter_))


class Ckmeans(EstimatorContestant):
    name = "ckmeans"
    distribution = "ckmeans-native"
    import_line = "import ckmeans"

    def prepare(self, threads: int) -> None:
        import ckmeans

        self.library: Any = ckmeans
        self.estimator = functools.partial(ckmeans.KMeans, n_threads=threads)
        self.kmeans_plusplus = functools.partial(ckmeans.kmeans_plusplus, n_threads=threads)
        self.metrics = ckmeans.metrics
        self.choose_k = functools.partial(ckmeans.choose_k, n_threads=threads)

    def use_kernels(self, isa: str | None) -> str | None:
        """Those that this value of CKMEANS_ISA would choose; returns the value for those before."""
        from ckmeans import _core

        return _core.choose_isa(isa)

    def assign(self, X: NDArray[Any], centers: NDArray[Any]) -> None:
        self.library.assign(X, centers)

    def version(self) -> str:
        return str(self.library.__version__)

    def configuration(self) -> str | None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.library.show_config()
        return printed.getvalue()


class CkmeansAvx2(Ckmeans):
    """As on a processor that has AVX2 and no more; the peers keep all that this one has."""

    name = "ckmeans (AVX2)"
    narrowed = True

    def prepare(self, threads: int) -> None:
        from ckmeans import _core

        super().prepare(threads)
        if not {"avx2", "avx512"} <= set(_core.runnable_isas()):
            raise RuntimeError("this processor does not have AVX2 and more")
        self.use_kernels("avx2")


class ScikitLearn(EstimatorContestant):
    name = "scikit-learn"
    distribution = "scikit-learn"
    import_line = "from sklearn.cluster import KMeans"

    def prepare(self, threads: int) -> None:
        import sklearn.metrics
        from sklearn.cluster import KMeans, kmeans_plusplus

        # algorithm="lloyd" is its default: Elkan's variant needs n*k memory and is the slower one on these cells.
        self.estimator = KMeans
        self.kmeans_plusplus = kmeans_plusplus
        self.metrics = sklearn.metrics


class OneDal(EstimatorContestant):
    name = "oneDAL"
    distribution = "scikit-learn-intelex"
    import_line = "from sklearnex.cluster import KMeans"

    def prepare(self, threads: int) -> None:
        import daal4py
        from sklearnex.cluster import KMeans

        # Once for the process: an n_jobs that differs from this setting would switch it back and forth on every call.
        daal4py.daalinit(threads)
        self.estimator = KMeans


class Faiss(Contestant):
    """float32 only: float64 input is converted inside the timed call, as its users must."""

    name = "faiss"
    distribution = "faiss-cpu"
    import_line = "import faiss"

    def prepare(self, threads: int) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        self.library: Any = faiss

    def fit(self, X: NDArray[Any], initial: NDArray[Any], iterations: int) -> Fit:
        n, d = X.shape
        kmeans = self.library.Kmeans(
            d, len(initial), niter=iterations, max_points_per_centroid=n, min_points_per_centroid=1, seed=0
        )
        kmeans.train(X.astype(np.float32, copy=False), init_centroids=initial.astype(np.float32, copy=False))
        return Fit(kmeans.centroids, len(kmeans.obj))


class SuperKMeans(Contestant):
    """Approximate: prunes distances by a statistical test. It cannot be given centers, so it draws its own rows.

    float32 only, like faiss.
    """

    name = "superkmeans"
    distribution = "superkmeans"
    import_line = "import superkmeans"
    exact = False

    def prepare(self, threads: int) -> None:
        import superkmeans

        self.library: Any = superkmeans
        self.threads = threads

    def fit(self, X: NDArray[Any], initial: NDArray[Any], iterations: int) -> Fit:
        n, d = X.shape
        kmeans = self.library.SuperKMeans(
            len(initial),
            d,
            hierarchical=False,
            iters=iterations,
            sampling_fraction=1.0,
            max_points_per_cluster=n,
            early_termination=False,
            n_threads=self.threads,
        )
        centers = kmeans.train(X.astype(np.float32, copy=False))
        return Fit(centers, len(kmeans.iteration_stats))


CONTESTANTS: dict[str, type[Contestant]] = {
    contestant.name: contestant for contestant in (Ckmeans, CkmeansAvx2, ScikitLearn, OneDal, Faiss, SuperKMeans)
}
