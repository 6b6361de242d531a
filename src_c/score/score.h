/* score.h - what the scores of a clustering share. */
#ifndef CK_SCORE_H
#define CK_SCORE_H

#include "../assign/assign.h"

/* Clusters as their rows describe them. Lengths but those of the means are in units of 2^unit, which is 1 but for data
 * whose squares would overflow or vanish. */
typedef struct {
    int64_t k;
    int unit;
    double scale;      /* 2^-unit */
    double *weights;   /* k; a cluster of weight 0 has a mean of 0 and is left out of everything */
    double *means;     /* k x d */
    double *squares;   /* k: sums of weight * squared distance to the mean */
    double *distances; /* k: sums of weight * distance to the mean, or NULL */
    double rounding;   /* more than the means are rounded by, as a distance */
} ck_clusters;

/* Fills the arrays, which the caller owns. Reads X twice. CK_ERROR_NOT_FINITE where it is not finite. */
int ck_clusters_measure(ck_clusters *clusters, const ck_matrix *X, const int32_t *labels, const double *weights,
                        int n_threads, ck_location *where);

/* The same with arrays from the arena. */
int ck_clusters_new(ck_clusters *clusters, ck_arena *arena, const ck_matrix *X, const int32_t *labels, int64_t k,
                    const double *weights, int n_threads, ck_location *where);

/* Weight of the other rows of a row's cluster. A row of weight w stands for w rows, of which it is one; a row of less
 * weight than one (which weighs `one`) is all there is of it. 0 for a row that is alone. */
CK_INLINE double ck_others(double cluster_weight, double weight, double one)
{
    const double others = cluster_weight - (weight < one ? weight : one);
    return others > 1e-12 * cluster_weight ? others : 0.0; /* less is what rounding left of a sum of weights */
}

CK_INLINE double ck_silhouette_of(double own, double nearest, double others)
{
    const double larger = own > nearest ? own : nearest;
    return others > 0.0 && larger > 0.0 ? (nearest - own) / larger : 0.0;
}

/* Of a cluster's rows y about their mean, e = y - mean, in the unit of the clusters. */
typedef struct {
    double square;   /* mean of |e|^2 */
    double spectral; /* at least the largest eigenvalue of the mean of e e' */
    double third;    /* norm of the mean of |e|^2 e */
    double variance; /* of |e|^2 */
} ck_moments;
/* sorted, starts (k + 1): rows by cluster. OUT moments: k. */
int ck_moments_measure(const ck_clusters *clusters, const ck_matrix *X, const double *weights, const int64_t *sorted,
                       const int64_t *starts, int n_threads, ck_moments *moments);

/* Bounds of the mean distance of a point to the rows of a cluster, from its squared distance to their mean: the root of
 * the mean square above, and below what its variance takes away, or the distance to the mean. */
CK_INLINE double ck_mean_distance_most(const ck_moments *moments, double sqdist)
{
    return sqrt(sqdist + moments->square);
}
CK_INLINE double ck_mean_distance_least(const ck_moments *moments, double sqdist)
{
    const double square = sqdist + moments->square, distance = sqrt(sqdist);
    const double variance = 4.0 * (moments->spectral * sqdist + moments->third * distance) + moments->variance;
    const double least = sqrt(square) * (1.0 - variance / (2.0 * square * square));
    return least > distance ? least : distance; /* also where it is not a number */
}

CK_INLINE double ck_row_weight(const double *weights, int64_t row) { return weights ? weights[row] : 1.0; }

/* OUT sqdists: squared distances of n listed rows, at most CK_LANES, to a center, in the unit of the clusters. panel:
 * their values; scratch: d float64. */
void ck_clusters_sqdists(const ck_clusters *clusters, const ck_matrix *X, const int64_t *rows, int64_t n,
                         const double *panel, const double *center, double *sqdists, double *scratch);

/* Silhouettes by the distances between all rows of positive weight. OUT samples: theirs, of n. */
int ck_pair_silhouettes(const ck_matrix *X, const int32_t *labels, const double *weights, double one,
                        const ck_clusters *clusters, int n_threads, double *samples);

#endif
