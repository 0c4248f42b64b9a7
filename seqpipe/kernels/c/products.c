/* Products of matrices with many rows: those of a recurrence's inputs and of its gradients.
 *
 * The right matrix is packed into panels, as wide as a tile; each tile is computed from some rows of the left one
 * and a piece of a panel that stays in the cache. Each element is summed in the same order, whatever the rest.
 */

enum {
    PLAIN,                    /* left [rows, depth], right [depth, columns], out [rows, columns] */
    TRANSPOSED,                   /* the same, but right is [columns, depth] */
    SUM                       /* over rows: left [rows, depth], right [rows, columns], out [depth, columns] */
};

typedef struct {
    int64_t rows, depth, columns, kind;
    const REAL *left, *right;
    REAL *out;
    REAL *workspace;          /* the packed right matrix; for SUM, each part's buffers */
    int64_t piece;            /* rows per piece of work, except for SUM */
    int64_t parts;            /* for SUM: into how many parts the rows are split, each with its own sum */
    REAL *sums;               /* the sums of all parts but the first */
    int64_t next;             /* the next piece of work that no thread has taken */
} Product;

#define VECTORS 4
#define WIDE (VECTORS * LANES)
#define ROWS TILE_ROWS(VECTORS)
/* The depth of a panel's piece. */
#define DEPTH 768
/* Rows per piece: enough to reuse a panel often, few enough to stay in the cache. */
#define PIECE (16 * ROWS)
/* For sums over rows: how many rows are summed in registers, and how many columns are transposed at once. */
#define SUMMED_ROWS 256
#define TRANSPOSED_COLUMNS (64 * ROWS)
/* The fewest rows that are worth a sum of their own, the most parts, and the most elements of all sums. None of them
 * depends on the number of threads, so neither does the order of summation. */
#define MIN_ROWS_PER_PART 256
#define MAX_PARTS 8
#define MAX_SUMS 8388608
/* How many elements of the parts' sums one thread adds at a time. */
#define SLICE 16384

/* Full tiles, and narrower ones for the last columns; `transposed` for transposed rows. */
DEFINE_TILE(tile_4, 4, 1)
DEFINE_TILE(tile_3, 3, 1)
DEFINE_TILE(tile_2, 2, 1)
DEFINE_TILE(tile_1, 1, 1)
DEFINE_TILE(transposed_4, 4, ROWS)
DEFINE_TILE(transposed_3, 3, ROWS)
DEFINE_TILE(transposed_2, 2, ROWS)
DEFINE_TILE(transposed_1, 1, ROWS)

typedef void (*Tile)(int, int64_t, const REAL *const *, const REAL *, const REAL *, REAL *);
static const Tile TILES[] = {tile_1, tile_2, tile_3, tile_4};
static const Tile TRANSPOSED_TILES[] = {transposed_1, transposed_2, transposed_3, transposed_4};

/* How many vectors hold the columns from one on, at most those of a tile. */
static int64_t vectors_from(const Product *p, int64_t column) {
    return MIN(VECTORS, blocks_of(p->columns - column, LANES));
}

/* Store a tile in the output, or add it to what's there. */
static void store_tile(const Product *p, const REAL *sums, int rows, REAL *out, int64_t column, int is_first) {
    const int64_t count = MIN(WIDE, p->columns - column), wide = vectors_from(p, column) * LANES;
    for (int i = 0; i < rows; i++)
        for (int64_t c = 0; c < count; c += LANES) {
            REAL *to = out + i * p->columns + column + c;
            const vec *sum = (const vec *)(sums + i * wide + c);
            if (count - c >= LANES) {
                *(vec_unaligned *)to = is_first ? *sum : *(vec_unaligned *)to + *sum;
            } else {
                for (int64_t l = 0; l < count - c; l++) to[l] = is_first ? (*sum)[l] : to[l] + (*sum)[l];
            }
        }
}

/* Pack some columns of the right matrix into a panel, padded with zeros: the rows from `first` on, or, if it's
 * transposed, all. */
static void pack_panel(const Product *p, int64_t column, int64_t first, int64_t depth, REAL *panel) {
    const int64_t count = MIN(WIDE, p->columns - column), wide = vectors_from(p, column) * LANES;
    if (count < wide) memset(panel, 0, depth * wide * sizeof(REAL));
    if (p->kind == TRANSPOSED) {
        const REAL *from = p->right + column * p->depth;
        int64_t c = 0;
        for (; c + LANES <= count; c += LANES) pack_transposed(panel + c, wide, from + c * depth, depth);
        for (; c < count; c++)
            for (int64_t k = 0; k < depth; k++) panel[k * wide + c] = from[c * depth + k];
    } else {
        for (int64_t k = 0; k < depth; k++)
            memcpy(panel + k * wide, p->right + (first + k) * p->columns + column, count * sizeof(REAL));
    }
}

/* Compute the product of some rows. */
static void multiply(const Product *p, int64_t begin, int64_t end) {
    const REAL *left[ROWS];
    REAL sums[ROWS * WIDE] ALIGNED;
    for (int64_t column = 0; column < p->columns; column += WIDE)
        for (int64_t k = 0; k < p->depth; k += DEPTH) {
            const int64_t vectors = vectors_from(p, column), depth = MIN(DEPTH, p->depth - k);
            const REAL *panel = p->workspace + column * p->depth + k * vectors * LANES;
            for (int64_t row = begin; row < end; row += ROWS) {
                const int rows = MIN(ROWS, end - row);
                for (int i = 0; i < rows; i++) left[i] = p->left + (row + i) * p->depth + k;
                TILES[vectors - 1](rows, depth, left, panel, NULL, sums);
                store_tile(p, sums, rows, p->out + row * p->columns, column, k == 0);
            }
        }
}

/* Transpose a piece of some rows of the left matrix, so that what a tile reads of a row is contiguous. A few rows
 * at a time: their stride may be such that no more of them stay in the cache. */
static void transpose_rows(const Product *p, int64_t first, int64_t count, int64_t column, int64_t width, REAL *transposed) {
    const REAL *from = p->left + first * p->depth + column;
    for (int64_t few = 0; few < count; few += 8)
        for (int64_t c = 0; c < width; c += ROWS)
            for (int64_t k = few; k < MIN(few + 8, count); k++) {
                REAL *to = transposed + c * count + k * ROWS;
                if (width - c >= ROWS)
                    memcpy(to, from + k * p->depth + c, ROWS * sizeof(REAL));
                else
                    memcpy(to, from + k * p->depth + c, (width - c) * sizeof(REAL));
            }
}

/* What a part needs: a panel, and a transposed piece of rows. */
#define WORKSPACE_OF_PART (SUMMED_ROWS * (WIDE + TRANSPOSED_COLUMNS))

/* Add up the outer products of some rows. */
static void add_up(const Product *p, int64_t begin, int64_t end, REAL *out, REAL *workspace) {
    REAL *panel = workspace, *transposed = workspace + SUMMED_ROWS * WIDE;
    const REAL *left[ROWS];
    REAL sums[ROWS * WIDE] ALIGNED;
    for (int64_t piece = 0; piece < p->depth; piece += TRANSPOSED_COLUMNS)
        for (int64_t first = begin; first < end; first += SUMMED_ROWS) {
            const int64_t count = MIN(SUMMED_ROWS, end - first), width = MIN(TRANSPOSED_COLUMNS, p->depth - piece);
            transpose_rows(p, first, count, piece, width, transposed);
            for (int64_t column = 0; column < p->columns; column += WIDE) {
                pack_panel(p, column, first, count, panel);
                for (int64_t c = 0; c < width; c += ROWS) {
                    const int rows = MIN(ROWS, width - c);
                    for (int i = 0; i < rows; i++) left[i] = transposed + c * count + i;
                    TRANSPOSED_TILES[vectors_from(p, column) - 1](rows, count, left, panel, NULL, sums);
                    store_tile(p, sums, rows, out + (piece + c) * p->columns, column, first == begin);
                }
            }
        }
}

/* ---- threads ---- */

static void work(void *given) {
    Product *p = given;
    for (;;) {
        const int64_t n = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
        if (p->kind == SUM) {
            if (n >= p->parts) break;
            REAL *out = n ? p->sums + (n - 1) * p->depth * p->columns : p->out;
            add_up(p, p->rows * n / p->parts, p->rows * (n + 1) / p->parts, out, p->workspace + n * WORKSPACE_OF_PART);
        } else {
            if (n * p->piece >= p->rows) break;
            multiply(p, n * p->piece, MIN((n + 1) * p->piece, p->rows));
        }
    }
}

/* Add the sums of the other parts to that of the first. */
static void add_parts(void *given) {
    Product *p = given;
    const int64_t size = p->depth * p->columns;
    for (;;) {
        const int64_t begin = SLICE * __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
        if (begin >= size) break;
        for (int64_t part = 1; part < p->parts; part++)
            for (int64_t i = begin; i < MIN(begin + SLICE, size); i++) p->out[i] += p->sums[(part - 1) * size + i];
    }
}

static void run(Product *p, void (*step)(void *), int64_t threads, RunParallel run_parallel) {
    p->next = 0;
    if (run_parallel && threads > 1)
        run_parallel(step, p, (unsigned)threads, 0);
    else
        step(p);
}

/* `given` are a product's fields up to `workspace`. There's at least one row. */
int64_t seqpipe_multiply(const void *given, int64_t threads, RunParallel run_parallel) {
    Product p = {0};
    memcpy(&p, given, offsetof(Product, workspace));
    /* Of about that size, and as many for each thread: rows are independent of each other. */
    p.piece = blocks_of(blocks_of(p.rows, threads * blocks_of(p.rows, threads * PIECE)), ROWS) * ROWS;
    p.parts = p.kind == SUM ? MIN(MAX_PARTS, MIN(blocks_of(p.rows, MIN_ROWS_PER_PART), blocks_of(MAX_SUMS, p.depth * p.columns))) : 1;
    p.workspace = allocate(p.kind == SUM ? p.parts * WORKSPACE_OF_PART : blocks_of(p.columns, WIDE) * WIDE * p.depth);
    p.sums = p.parts > 1 ? allocate((p.parts - 1) * p.depth * p.columns) : NULL;
    const int64_t failed = !p.workspace || (p.parts > 1 && !p.sums);
    if (!failed) {
        for (int64_t column = 0; p.kind != SUM && column < p.columns; column += WIDE)
            pack_panel(&p, column, 0, p.depth, p.workspace + column * p.depth);
        run(&p, work, threads, run_parallel);
        if (p.parts > 1) run(&p, add_parts, threads, run_parallel);
    }
    free(p.workspace);
    free(p.sums);
    return failed;
}
