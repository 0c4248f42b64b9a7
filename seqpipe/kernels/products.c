/* Products of matrices with many rows: of a walk's inputs, and of what gradients are made of.
 *
 * The right matrix is laid into panels, as wide as a tile; tile after tile is made of some rows of the left one and
 * a piece of a panel that stays near. Each number is summed in the same order, whatever stands beside it.
 */

typedef struct {
    int64_t rows, depth, columns;
    int64_t form;             /* 0: left [rows, depth], right [depth, columns], out [rows, columns]
                               * 1: right lies [columns, depth]
                               * 2: the sum over rows: left [rows, depth], right [rows, columns], out [depth, columns] */
    const REAL *left, *right;
    REAL *out;
    REAL *room;               /* the right matrix in panels; with form 2 where each part works */
    int64_t parts;            /* of the rows, with form 2: each thread makes a sum of its own */
    REAL *sums;               /* those of all parts but the first */
    int64_t next;             /* what the thread that comes next takes */
} Product;

#define COLUMNS 4
#define WIDE (COLUMNS * LANES)
#define ROWS TILE_ROWS(COLUMNS)
/* So much of a panel at once. */
#define DEPTH 768
/* So many rows at once: enough to use a panel often, few enough for them to stay near. */
#define PIECE (16 * ROWS)
/* So many numbers of the left matrix are turned at once, for sums over rows. */
#define TURNED 98304
/* So many numbers of the sums of parts are added by one thread. */
#define SLICE 16384

DEFINE_TILE(tile, COLUMNS)

/* Make a tile, and put it, or add it to what's there, where it belongs. */
INLINE void make_tile(int rows, int64_t depth, const REAL *const *left, int64_t step, const REAL *panel, REAL *out,
                      int64_t stride, int64_t count, int is_first) {
    REAL sums[ROWS * WIDE] ALIGNED;
    tile(rows, depth, left, step, panel, NULL, sums);
    for (int i = 0; i < rows; i++)
        for (int64_t c = 0; c < count; c += LANES) {
            REAL *to = out + i * stride + c;
            vec *sum = (vec *)(sums + i * WIDE + c);
            if (count - c >= LANES) {
                *(vec_unaligned *)to = is_first ? *sum : *(vec_unaligned *)to + *sum;
            } else {
                for (int64_t l = 0; l < count - c; l++) to[l] = is_first ? (*sum)[l] : to[l] + (*sum)[l];
            }
        }
}

/* Lay some columns of the right matrix into a panel, with zeros beyond the last. */
static void lay_panel(const Product *p, int64_t column, int64_t first, int64_t depth, REAL *panel) {
    const int64_t count = MIN(WIDE, p->columns - column);
    if (count < WIDE) memset(panel, 0, depth * WIDE * sizeof(REAL));
    if (p->form == 1) {
        const REAL *from = p->right + column * p->depth;
        int64_t c = 0;
        for (; c + LANES <= count; c += LANES) lay(panel + c, WIDE, from + c * depth, depth);
        for (; c < count; c++)
            for (int64_t k = 0; k < depth; k++) panel[k * WIDE + c] = from[c * depth + k];
    } else {
        for (int64_t k = 0; k < depth; k++)
            memcpy(panel + k * WIDE, p->right + (first + k) * p->columns + column, count * sizeof(REAL));
    }
}

/* Make the product of some rows. */
static void multiply(const Product *p, int64_t begin, int64_t end) {
    const REAL *left[ROWS];
    for (int64_t column = 0; column < p->columns; column += WIDE)
        for (int64_t k = 0; k < p->depth; k += DEPTH) {
            const REAL *panel = p->room + column * p->depth + k * WIDE;
            const int64_t depth = MIN(DEPTH, p->depth - k), count = MIN(WIDE, p->columns - column);
            for (int64_t row = begin; row < end; row += ROWS) {
                const int rows = MIN(ROWS, end - row);
                for (int i = 0; i < rows; i++) left[i] = p->left + (row + i) * p->depth + k;
                make_tile(rows, depth, left, 1, panel, p->out + row * p->columns + column, p->columns, count, k == 0);
            }
        }
}

/* Turn some rows of the left matrix, so that what a tile takes of a row lies together. */
static void turn_rows(const Product *p, int64_t first, int64_t count, REAL *turned) {
    for (int64_t column = 0; column < p->depth; column += ROWS) {
        const REAL *from = p->left + first * p->depth + column;
        REAL *to = turned + column * count;
        if (p->depth - column >= ROWS) {
            for (int64_t k = 0; k < count; k++) memcpy(to + k * ROWS, from + k * p->depth, ROWS * sizeof(REAL));
        } else {
            for (int64_t k = 0; k < count; k++)
                memcpy(to + k * ROWS, from + k * p->depth, (p->depth - column) * sizeof(REAL));
        }
    }
}

/* A panel, and the rows that are turned. */
static int64_t room_of_part(const Product *p) { return DEPTH * WIDE + MAX(TURNED, p->depth + ROWS); }

/* Add up the outer products of some rows. */
static void add_up(const Product *p, int64_t begin, int64_t end, REAL *out, REAL *room) {
    const int64_t most = MIN(DEPTH, AT_LEAST_ONE(TURNED / (p->depth + ROWS)));
    REAL *panel = room, *turned = room + DEPTH * WIDE;
    const REAL *left[ROWS];
    for (int64_t first = begin; first < end; first += most) {
        const int64_t count = MIN(most, end - first);
        turn_rows(p, first, count, turned);
        for (int64_t column = 0; column < p->columns; column += WIDE) {
            lay_panel(p, column, first, count, panel);
            for (int64_t row = 0; row < p->depth; row += ROWS) {
                const int rows = MIN(ROWS, p->depth - row);
                for (int i = 0; i < rows; i++) left[i] = turned + row * count + i;
                make_tile(rows, count, left, ROWS, panel, out + row * p->columns + column, p->columns,
                          MIN(WIDE, p->columns - column), first == begin);
            }
        }
    }
}

/* ---- threads ---- */

static void work(void *given) {
    Product *p = given;
    for (;;) {
        const int64_t n = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
        if (p->form == 2) {
            if (n >= p->parts) break;
            REAL *out = n ? p->sums + (n - 1) * p->depth * p->columns : p->out;
            add_up(p, p->rows * n / p->parts, p->rows * (n + 1) / p->parts, out, p->room + n * room_of_part(p));
        } else {
            if (n * PIECE >= p->rows) break;
            multiply(p, n * PIECE, MIN((n + 1) * PIECE, p->rows));
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
    p.parts = p.form == 2 ? MIN(threads, p.rows) : 1;
    p.room = make_room(p.form == 2 ? p.parts * room_of_part(&p) : blocks_of(p.columns, WIDE) * WIDE * p.depth);
    p.sums = p.parts > 1 ? make_room((p.parts - 1) * p.depth * p.columns) : NULL;
    const int64_t failed = !p.room || (p.parts > 1 && !p.sums);
    if (!failed) {
        for (int64_t column = 0; p.form != 2 && column < p.columns; column += WIDE)
            lay_panel(&p, column, 0, p.depth, p.room + column * p.depth);
        run(&p, work, threads, together);
        if (p.parts > 1) run(&p, add_parts, threads, together);
    }
    free(p.room);
    free(p.sums);
    return failed;
}
