/* Products of matrices with many rows: of a walk's inputs, and of what gradients are made of.
 *
 * The right matrix is laid into panels, as wide as a tile; tile after tile is made of some rows of the left one and
 * a piece of a panel that stays near. Each number is summed in the same order, whatever stands beside it.
 */

enum {
    PLAIN,                    /* left [rows, depth], right [depth, columns], out [rows, columns] */
    TURNED,                   /* the same, but right lies [columns, depth] */
    SUM                       /* over rows: left [rows, depth], right [rows, columns], out [depth, columns] */
};

typedef struct {
    int64_t rows, depth, columns, form;
    const REAL *left, *right;
    REAL *out;
    REAL *room;               /* the right matrix in panels; for SUM where each part works */
    int64_t piece;            /* so many rows at once, but for SUM */
    int64_t parts;            /* of the rows, for SUM: each thread makes a sum of its own */
    REAL *sums;               /* those of all parts but the first */
    int64_t next;             /* what the thread that comes next takes */
} Product;

#define VECTORS 4
#define WIDE (VECTORS * LANES)
#define ROWS TILE_ROWS(VECTORS)
/* So much of a panel at once. */
#define DEPTH 768
/* So many rows at once: enough to use a panel often, few enough for them to stay near. */
#define PIECE (16 * ROWS)
/* For sums over rows: so many rows are added up in registers, and so much of each is turned at once. */
#define SUMMED_ROWS 256
#define TURNED_COLUMNS (64 * ROWS)
/* So many rows at least are worth a sum of their own, and so many numbers all sums have at most. */
#define ROWS_OF_PART 256
#define MOST_SUMS 8388608
/* So many numbers of the sums of parts are added by one thread. */
#define SLICE 16384

/* Tiles of all columns, and narrower ones for the last; `turned` for rows that are. */
DEFINE_TILE(tile_4, 4, 1)
DEFINE_TILE(tile_3, 3, 1)
DEFINE_TILE(tile_2, 2, 1)
DEFINE_TILE(tile_1, 1, 1)
DEFINE_TILE(turned_4, 4, ROWS)
DEFINE_TILE(turned_3, 3, ROWS)
DEFINE_TILE(turned_2, 2, ROWS)
DEFINE_TILE(turned_1, 1, ROWS)

typedef void (*Tile)(int, int64_t, const REAL *const *, const REAL *, const REAL *, REAL *);
static const Tile TILES[] = {tile_1, tile_2, tile_3, tile_4};
static const Tile TURNED_TILES[] = {turned_1, turned_2, turned_3, turned_4};

/* How many vectors hold the columns from one on, at most those of a tile. */
static int64_t vectors_from(const Product *p, int64_t column) {
    return MIN(VECTORS, blocks_of(p->columns - column, LANES));
}

/* Put a tile, or add it to what's there, where it belongs. */
static void place(const Product *p, const REAL *sums, int rows, REAL *out, int64_t column, int is_first) {
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

/* Lay some columns of the right matrix into a panel, with zeros beyond the last: of rows from `first` on, or, if it's
 * turned, of all. */
static void lay_panel(const Product *p, int64_t column, int64_t first, int64_t depth, REAL *panel) {
    const int64_t count = MIN(WIDE, p->columns - column), wide = vectors_from(p, column) * LANES;
    if (count < wide) memset(panel, 0, depth * wide * sizeof(REAL));
    if (p->form == TURNED) {
        const REAL *from = p->right + column * p->depth;
        int64_t c = 0;
        for (; c + LANES <= count; c += LANES) lay(panel + c, wide, from + c * depth, depth);
        for (; c < count; c++)
            for (int64_t k = 0; k < depth; k++) panel[k * wide + c] = from[c * depth + k];
    } else {
        for (int64_t k = 0; k < depth; k++)
            memcpy(panel + k * wide, p->right + (first + k) * p->columns + column, count * sizeof(REAL));
    }
}

/* Make the product of some rows. */
static void multiply(const Product *p, int64_t begin, int64_t end) {
    const REAL *left[ROWS];
    REAL sums[ROWS * WIDE] ALIGNED;
    for (int64_t column = 0; column < p->columns; column += WIDE)
        for (int64_t k = 0; k < p->depth; k += DEPTH) {
            const int64_t vectors = vectors_from(p, column), depth = MIN(DEPTH, p->depth - k);
            const REAL *panel = p->room + column * p->depth + k * vectors * LANES;
            for (int64_t row = begin; row < end; row += ROWS) {
                const int rows = MIN(ROWS, end - row);
                for (int i = 0; i < rows; i++) left[i] = p->left + (row + i) * p->depth + k;
                TILES[vectors - 1](rows, depth, left, panel, NULL, sums);
                place(p, sums, rows, p->out + row * p->columns, column, k == 0);
            }
        }
}

/* Turn a piece of some rows of the left matrix, so that what a tile takes of a row lies together. A few rows at a
 * time: they may lie so that no more of them stay near. */
static void turn_rows(const Product *p, int64_t first, int64_t count, int64_t column, int64_t width, REAL *turned) {
    const REAL *from = p->left + first * p->depth + column;
    for (int64_t few = 0; few < count; few += 8)
        for (int64_t c = 0; c < width; c += ROWS)
            for (int64_t k = few; k < MIN(few + 8, count); k++) {
                REAL *to = turned + c * count + k * ROWS;
                if (width - c >= ROWS)
                    memcpy(to, from + k * p->depth + c, ROWS * sizeof(REAL));
                else
                    memcpy(to, from + k * p->depth + c, (width - c) * sizeof(REAL));
            }
}

/* What a part needs: a panel, and a piece of rows that's turned. */
#define ROOM_OF_PART (SUMMED_ROWS * (WIDE + TURNED_COLUMNS))

/* Add up the outer products of some rows. */
static void add_up(const Product *p, int64_t begin, int64_t end, REAL *out, REAL *room) {
    REAL *panel = room, *turned = room + SUMMED_ROWS * WIDE;
    const REAL *left[ROWS];
    REAL sums[ROWS * WIDE] ALIGNED;
    for (int64_t piece = 0; piece < p->depth; piece += TURNED_COLUMNS)
        for (int64_t first = begin; first < end; first += SUMMED_ROWS) {
            const int64_t count = MIN(SUMMED_ROWS, end - first), width = MIN(TURNED_COLUMNS, p->depth - piece);
            turn_rows(p, first, count, piece, width, turned);
            for (int64_t column = 0; column < p->columns; column += WIDE) {
                lay_panel(p, column, first, count, panel);
                for (int64_t c = 0; c < width; c += ROWS) {
                    const int rows = MIN(ROWS, width - c);
                    for (int i = 0; i < rows; i++) left[i] = turned + c * count + i;
                    TURNED_TILES[vectors_from(p, column) - 1](rows, count, left, panel, NULL, sums);
                    place(p, sums, rows, out + (piece + c) * p->columns, column, first == begin);
                }
            }
        }
}

/* ---- threads ---- */

static void work(void *given) {
    Product *p = given;
    for (;;) {
        const int64_t n = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
        if (p->form == SUM) {
            if (n >= p->parts) break;
            REAL *out = n ? p->sums + (n - 1) * p->depth * p->columns : p->out;
            add_up(p, p->rows * n / p->parts, p->rows * (n + 1) / p->parts, out, p->room + n * ROOM_OF_PART);
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

static void run(Product *p, void (*step)(void *), int64_t threads, Together together) {
    p->next = 0;
    if (together && threads > 1)
        together(step, p, (unsigned)threads, 0);
    else
        step(p);
}

/* `given` are a product's fields up to `room`. There's at least one row. */
int64_t seqpipe_multiply(const void *given, int64_t threads, Together together) {
    Product p = {0};
    memcpy(&p, given, offsetof(Product, room));
    /* Of about that size, and as many for each thread. */
    p.piece = blocks_of(blocks_of(p.rows, threads * blocks_of(p.rows, threads * PIECE)), ROWS) * ROWS;
    p.parts = p.form == SUM ? MIN(threads, MIN(blocks_of(p.rows, ROWS_OF_PART), blocks_of(MOST_SUMS, p.depth * p.columns))) : 1;
    p.room = make_room(p.form == SUM ? p.parts * ROOM_OF_PART : blocks_of(p.columns, WIDE) * WIDE * p.depth);
    p.sums = p.parts > 1 ? make_room((p.parts - 1) * p.depth * p.columns) : NULL;
    const int64_t failed = !p.room || (p.parts > 1 && !p.sums);
    if (!failed) {
        for (int64_t column = 0; p.form != SUM && column < p.columns; column += WIDE)
            lay_panel(&p, column, 0, p.depth, p.room + column * p.depth);
        run(&p, work, threads, together);
        if (p.parts > 1) run(&p, add_parts, threads, together);
    }
    free(p.room);
    free(p.sums);
    return failed;
}
