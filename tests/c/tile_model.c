/* tile_model.c - carries out AMX tile instructions in software, on processors that have AVX-512 but no tiles: they
 * raise an illegal-instruction signal, whose handler decodes the one at hand, does what the manual says (Intel,
 * "Architecture Instruction Set Extensions Programming Reference", chapter on AMX) and goes on behind it. So the tests
 * run the very machine code of src_c/screen/isa_avx512_amx.c. For builds with CK_UNIT_MODELS defined, on x86-64 Linux;
 * in others it is empty.
 *
 * TDPBF16PS as specified: products of the even and of the odd halves of the pairs are summed apart, each step a fused
 * multiply-add rounded to nearest, both sums are added, then added to the destination; subnormal inputs and results
 * count as zero. */
#if defined(CK_UNIT_MODELS)
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { N_TILES = 8, MAX_ROWS = 16, ROW_BYTES = 64 };

static __thread struct {
    int configured;
    int rows[N_TILES], row_bytes[N_TILES];
    uint8_t data[N_TILES][MAX_ROWS][ROW_BYTES];
} state;

static void give_up(const char *why)
{
    fprintf(stderr, "tile_model: %s\n", why);
    abort();
}

static float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }

static float from_bfloat16(const uint8_t *at)
{
    uint16_t half;
    memcpy(&half, at, sizeof half);
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return flushed(value);
}

static void multiply(int to, int a, int b)
{
    if (state.row_bytes[a] / 4 != state.rows[b] || state.rows[to] != state.rows[a] ||
        state.row_bytes[to] != state.row_bytes[b])
        give_up("shapes of a product that do not fit");
    for (int m = 0; m < state.rows[to]; m++)
        for (int n = 0; n < state.row_bytes[to] / 4; n++) {
            float even = 0.0f, odd = 0.0f, sum;
            for (int k = 0; k < state.row_bytes[a] / 4; k++) {
                const uint8_t *x = &state.data[a][m][4 * k], *y = &state.data[b][k][4 * n];
                even = flushed(fmaf(from_bfloat16(x), from_bfloat16(y), even));
                odd = flushed(fmaf(from_bfloat16(x + 2), from_bfloat16(y + 2), odd));
            }
            memcpy(&sum, &state.data[to][m][4 * n], sizeof sum);
            sum = flushed(flushed(sum) + flushed(even + odd));
            memcpy(&state.data[to][m][4 * n], &sum, sizeof sum);
        }
}

static void configure(const uint8_t *from)
{
    memset(&state, 0, sizeof state);
    if (from[0] != 1) give_up("a palette that is not 1");
    for (int t = 0; t < N_TILES; t++) {
        state.row_bytes[t] = from[16 + 2 * t] | from[17 + 2 * t] << 8;
        state.rows[t] = from[48 + t];
        if (state.rows[t] > MAX_ROWS || state.row_bytes[t] > ROW_BYTES) give_up("a tile that is too large");
    }
    state.configured = 1;
}

static void move_tile(int tile, uint8_t *memory, int64_t stride, int load)
{
    for (int m = 0; m < state.rows[tile]; m++) {
        uint8_t *row = state.data[tile][m];
        if (load) {
            memset(row, 0, ROW_BYTES);
            memcpy(row, memory + m * stride, (size_t)state.row_bytes[tile]);
        } else {
            memcpy(memory + m * stride, row, (size_t)state.row_bytes[tile]);
        }
    }
}

static int64_t read_register(const ucontext_t *context, int number)
{
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return context->uc_mcontext.gregs[places[number]];
}

/* The address of a memory operand without its index, the index times its scale, and where the instruction ends. */
typedef struct {
    uint8_t *base;
    int64_t index;
    const uint8_t *end;
} operand;

static operand read_operand(const ucontext_t *context, const uint8_t *modrm, int extend_index, int extend_base)
{
    const int mod = *modrm >> 6, has_sib = (*modrm & 7) == 4;
    const uint8_t *next = modrm + 1;
    int base = *modrm & 7;
    operand result = {NULL, 0, NULL};
    int64_t address = 0;
    if (has_sib) {
        const int index = (*next >> 3 & 7) | extend_index << 3;
        if (index != 4) result.index = read_register(context, index) << (*next >> 6);
        base = *next++ & 7;
    }
    if (mod == 0 && base == 5) {
        int32_t displacement;
        memcpy(&displacement, next, sizeof displacement);
        next += 4;
        if (!has_sib) address = (int64_t)(intptr_t)next; /* relative to the next instruction */
        address += displacement;
    } else {
        address = read_register(context, base | extend_base << 3);
    }
    if (mod == 1) address += (int8_t)*next++;
    if (mod == 2) {
        int32_t displacement;
        memcpy(&displacement, next, sizeof displacement);
        next += 4;
        address += displacement;
    }
    result.base = (uint8_t *)(intptr_t)address;
    result.end = next;
    return result;
}

static void on_illegal_instruction(int signal, siginfo_t *info, void *user)
{
    ucontext_t *context = user;
    const uint8_t *code = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    (void)signal, (void)info;
    /* VEX with a three-byte prefix, opcode map 0F38, W = 0, L = 0 */
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0) give_up("not a tile instruction");
    const int extend_index = !(code[1] & 0x40), extend_base = !(code[1] & 0x20);
    const int prefix = code[2] & 3, third = ~code[2] >> 3 & 15, opcode = code[3];
    const uint8_t *modrm = code + 4, *end = code + 5;
    const int in_register = *modrm >> 6 == 3, tile = *modrm >> 3 & 7;
    if (opcode == 0x49 && prefix == 0 && in_register) { /* TILERELEASE */
        memset(&state, 0, sizeof state);
    } else if (opcode == 0x49 && prefix == 0) { /* LDTILECFG */
        const operand memory = read_operand(context, modrm, extend_index, extend_base);
        configure(memory.base + memory.index);
        end = memory.end;
    } else if (!state.configured) {
        give_up("tiles that are not configured");
    } else if (opcode == 0x49 && prefix == 3 && in_register) { /* TILEZERO */
        memset(state.data[tile], 0, sizeof state.data[tile]);
    } else if (opcode == 0x4b && !in_register) { /* TILELOADD, TILELOADDT1, TILESTORED */
        const operand memory = read_operand(context, modrm, extend_index, extend_base);
        move_tile(tile, memory.base, memory.index, prefix != 2);
        end = memory.end;
    } else if (opcode == 0x5c && prefix == 2 && in_register) { /* TDPBF16PS */
        multiply(tile, *modrm & 7, third);
    } else {
        give_up("an instruction that is not modelled");
    }
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)(intptr_t)end;
}

__attribute__((constructor)) static void install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_illegal_instruction;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGILL, &action, NULL);
}
#endif
