/* The building blocks of products: vectors of lanes, tiles of sums, packed panels of weights, and threads. */

/* ---- lanes ---- */

typedef REAL vec __attribute__((vector_size(LANES * sizeof(REAL))));
typedef REAL vec_unaligned __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));

#define ALIGNED __attribute__((aligned(64)))
#define AT_LEAST_ONE(n) ((n) > 0 ? (n) : 1)

INLINE void load(REAL *to, const REAL *from, int64_t count) {
    if (count >= LANES) {
        memcpy(to, from, LANES * sizeof(REAL));
    } else {
        for (int l = 0; l < LANES; l++) to[l] = l < count ? from[l] : 0;
    }
}

INLINE void store(REAL *to, const REAL *from, int64_t count) {
    memcpy(to, from, (count >= LANES ? LANES : count) * sizeof(REAL));
}

/* Call a function of `count`, the number of units that are left, in two ways: all but the last time that's a
 * constant, for which the compiler removes all branches. */
#define IN_LANES(LEFT, FUNCTION, ...)                                                                  \
    do {                                                                                               \
        int64_t count = LANES;                                                                         \
        if ((LEFT) >= LANES) {                                                                         \
            FUNCTION(__VA_ARGS__);                                                                     \
        } else {                                                                                       \
            count = (LEFT);                                                                            \
            FUNCTION(__VA_ARGS__);                                                                     \
        }                                                                                              \
    } while (0)

/* ---- products ---- */

/* [rows] x [depth] times [depth] x [vectors * LANES]; all sums stay in registers. `STEP` is the stride within a
 * row of the left matrix, a constant, as the compiler optimises a variable one badly. */
#define DEFINE_TILE(NAME, VECTORS, STEP)                                                               \
    INLINE void NAME##_rows(const int rows, int64_t depth, const REAL *const *left,                    \
                            const REAL *panel, const REAL *start, REAL *out) {                         \
        vec sums[8][VECTORS];                                                                          \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                         \
            _Pragma("GCC unroll 32") for (int c = 0; c < VECTORS; c++)                                 \
                sums[i][c] = start ? *(const vec_unaligned *)(start + c * LANES) : (vec){0};           \
        for (int64_t k = 0; k < depth; k++) {                                                          \
            const REAL *right = panel + k * VECTORS * LANES;                                           \
            _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                     \
                _Pragma("GCC unroll 32") for (int c = 0; c < VECTORS; c++)                             \
                    sums[i][c] += left[i][k * STEP] * *(const vec *)(right + c * LANES);               \
        }                                                                                              \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                         \
            _Pragma("GCC unroll 32") for (int c = 0; c < VECTORS; c++)                                 \
                *(vec *)(out + (i * VECTORS + c) * LANES) = sums[i][c];                                \
    }                                                                                                  \
    static __attribute__((noinline)) void NAME(int rows, int64_t depth, const REAL *const *left,       \
                                               const REAL *panel, const REAL *start, REAL *out) {      \
        switch (rows) {                                                                                \
            case 1: NAME##_rows(1, depth, left, panel, start, out); break;                             \
            case 2: NAME##_rows(2, depth, left, panel, start, out); break;                             \
            case 3: NAME##_rows(3, depth, left, panel, start, out); break;                             \
            case 4: NAME##_rows(4, depth, left, panel, start, out); break;                             \
            case 5: NAME##_rows(5, depth, left, panel, start, out); break;                             \
            case 6: NAME##_rows(6, depth, left, panel, start, out); break;                             \
            case 7: NAME##_rows(7, depth, left, panel, start, out); break;                             \
            case 8: NAME##_rows(8, depth, left, panel, start, out); break;                             \
        }                                                                                              \
    }

/* How many rows of sums fit the registers beside their operands. */
#define TILE_ROWS(VECTORS) ((VECTORS) * 8 <= SUMS ? 8 : (VECTORS) > SUMS ? 1 : SUMS / (VECTORS))

#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* ---- panels ---- */

static int64_t blocks_of(int64_t width, int64_t units) { return (width + units - 1) / units; }

static REAL *allocate(int64_t count) {
    void *workspace = NULL;
    return posix_memalign(&workspace, 64, (count > 0 ? count : 1) * sizeof(REAL)) ? NULL : workspace;
}

/* Transpose a square of LANES vectors: log2(LANES) rounds of interleaving its two halves, a perfect shuffle. */
#if defined(__GNUC__) && !defined(__clang__)
static void transpose(vec *rows) {
    typedef __typeof__((vec){0} < (vec){0}) places;
    places low, high;
    for (int l = 0; l < LANES; l++) {
        low[l] = l / 2 + (l % 2) * LANES;
        high[l] = low[l] + LANES / 2;
    }
    for (int round = 1; round < LANES; round *= 2) {
        vec shuffled[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            shuffled[2 * i] = __builtin_shuffle(rows[i], rows[i + LANES / 2], low);
            shuffled[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + LANES / 2], high);
        }
        memcpy(rows, shuffled, sizeof(shuffled));
    }
}
#else
static void transpose(vec *rows) {
    vec transposed[LANES];
    for (int i = 0; i < LANES; i++)
        for (int l = 0; l < LANES; l++) transposed[l][i] = rows[i][l];
    memcpy(rows, transposed, sizeof(transposed));
}
#endif

/* Pack the weights of some units, `[LANES, width]`, into a panel: transposed, a row of units for each column. */
static void pack_transposed(REAL *to, int64_t columns, const REAL *from, int64_t width) {
    int64_t k = 0;
    for (; k + LANES <= width; k += LANES) {
        vec square[LANES];
        for (int l = 0; l < LANES; l++) square[l] = *(const vec_unaligned *)(from + l * width + k);
        transpose(square);
        for (int l = 0; l < LANES; l++) *(vec *)(to + (k + l) * columns) = square[l];
    }
    for (; k < width; k++)
        for (int l = 0; l < LANES; l++) to[k * columns + l] = from[l * width + k];
}

/* ---- threads ---- */

/* `run_parallel` runs a function on several threads, as OpenMP's runtime does, and `count_threads` returns how
 * many there are inside: it may give fewer than asked for. Null runs it on this thread. */
typedef void (*RunParallel)(void (*)(void *), void *, unsigned, unsigned);
typedef int (*CountThreads)(void);
