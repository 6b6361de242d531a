/* AMX: tiles of 16 centers by 16 points, 32 features a step, two by two of them so that every load serves twice. Scores
 * go from the tiles through one buffer in the first-level cache. */
#include <string.h>

#include "bfloat16.h"

#if CK_X86_64 && CK_COMPILES_AMX
#include <immintrin.h>

#include "../base/bits.h"
#include "../base/target_avx512_amx.h"
#include "isa_avx512.h"
#include "stage_rows.h"
/* After both. */
#include "isa_avx512_pairs.h"

enum { TILE_ROWS = 16, TILE_PAIRS = 16, HEAD_LINES = 2 + TILE_ROWS };

#define V 2
#define R 32

/* Palette 1; all tiles of 16 rows of 64 bytes. */
#define EIGHT(x) x, x, x, x, x, x, x, x
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TILES = {1, 0, {0}, {EIGHT(64)}, {EIGHT(TILE_ROWS)}};

static void configure_tiles(void) { _tile_loadconfig(&TILES); }

static void release_tiles(void) { _tile_release(); }

/* Tiles 0 to 3 hold scores: the first and second half of the centers, each by the first and second half of the points;
 * 4 and 5 centers, 6 and 7 points. The lines of a panel of points are the rows that a tile's second factor wants. */
CK_INLINE void amx_tile(const float *CK_RESTRICT points, int64_t n_pairs, const float *CK_RESTRICT c, VF acc[R][V],
                        const int used)
{
    enum { CENTER_BYTES = TILE_PAIRS * 4, POINT_BYTES = PAIR_ROWS * 4, SCORE_BYTES = V * L * 4 };
    const float *starts = c + 2 * R, *centers = c + HEAD_LINES * R;
    float *scores = (float *)acc;
    (void)used; /* all of them */
    _tile_loadd(0, starts, CENTER_BYTES);
    _tile_loadd(1, starts, CENTER_BYTES);
    _tile_loadd(2, starts + TILE_ROWS * L, CENTER_BYTES);
    _tile_loadd(3, starts + TILE_ROWS * L, CENTER_BYTES);
    for (int64_t p = 0; p < n_pairs; p += TILE_PAIRS) {
        _tile_loadd(4, centers, CENTER_BYTES);
        _tile_loadd(6, points, POINT_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, points + L, POINT_BYTES);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, centers + TILE_ROWS * TILE_PAIRS, CENTER_BYTES);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        points += TILE_PAIRS * PAIR_ROWS;
        centers += TILE_PAIRS * R;
    }
    _tile_stored(0, scores, SCORE_BYTES);
    _tile_stored(1, scores + L, SCORE_BYTES);
    _tile_stored(2, scores + TILE_ROWS * V * L, SCORE_BYTES);
    _tile_stored(3, scores + TILE_ROWS * V * L + L, SCORE_BYTES);
}

#define OWN_TILE
#define PANEL void
#define PANEL_LINES(n_pairs) ((n_pairs) + HEAD_LINES)
#define SHAPE(name) amx_##name
#define FIXED_WIDTHS 0
#include "shape_template.h"

/* The cost is that of a prototype, beside a prototype of the float32 screen: not measured in place. */
const ck_coarse_shape ck_coarse_avx512_amx = {.format = &ck_format_bfloat16,
                                              .panel_rows = PAIR_ROWS,
                                              .panel_centers = R,
                                              .point_words = 1,
                                              .center_words = TILE_PAIRS,
                                              .head_lines = HEAD_LINES,
                                              .least_features = 32,
                                              .pair_cost = 0.25,
                                              .begin = configure_tiles,
                                              .end = release_tiles,
                                              .pack = pack_pairs,
                                              .score = amx_score,
                                              .reach = amx_reach,
                                              .list = list_pairs};
#include "../base/target_end.h"
#endif
