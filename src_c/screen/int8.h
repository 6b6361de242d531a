/* int8.h - rows and centers as small integers times a scale of the row, and of the panel of centers; products are
 * exact. What the kernels know of the format. docs/numerics.md, section 9. */
#ifndef CK_INT8_H
#define CK_INT8_H

#include "coarse.h"

/* Four features to a word; after them, what a score is made of: the scale; in units of it, the size of the row and what
 * rounding took of it (of a center in the same places what it takes these by: what rounding took, and its size); and
 * what a row's sums of products start from, which makes good that centers are stored raised to be unsigned. */
enum { CK_INT8_SCALE, CK_INT8_SIZE, CK_INT8_LOST, CK_INT8_START, CK_INT8_EXTRAS };
enum { CK_INT8_FEATURES = 4, CK_INT8_LARGEST = 127 };
/* Words of features: a whole number of pairs, which some kernels multiply together. */
CK_INLINE int64_t ck_int8_words(int64_t d) { return ck_round_up(ck_ceil_div(d, CK_INT8_FEATURES), 2); }

/* From one rounded row to the next: whole vectors of 64 bytes. */
CK_INLINE int64_t ck_rounded_bytes(int64_t n_words) { return ck_round_up(n_words * CK_WORD_BYTES, 64); }

/* The largest magnitude of a row or center is taken for at least this: then no scale underflows, and the bound is a
 * number of units that 32 bits hold. */
#define CK_INT8_LEAST 0x1p-50f

/* Centers as whole numbers of magnitude `largest`, stored with `raised` added. */
enum {
    CK_INT8_RAISED = 128, /* unsigned centers times signed rows, sums of 32 bits */
    /* Two neighbouring products, and those of two words, are added up in 16 bits: 4 x 64 x 127 = 32512 at most. */
    CK_INT6_LARGEST = 32,
    CK_INT6_RAISED = 32
};
extern const ck_coarse_format ck_format_int8, ck_format_int8_raised, ck_format_int6_raised;

#endif
