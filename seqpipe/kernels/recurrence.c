/* A recurrence over ragged sequences, forward and backward.
 *
 * What stands above this text is generated for one cell: its sizes and its step, `step_forward` and
 * `step_backward`. This text is the same for all cells.
 *
 * Sequences don't touch each other. So a thread takes a chunk of them and walks through all their steps
 * alone; threads meet only at the end. A step is done for a few units at a time: the products of all gates
 * for these units stay in registers until the step's own maths has used them. The sum of a product is taken
 * in the same order whatever stands beside a sequence, so that a sequence's result doesn't depend on it.
 */

typedef struct {
    int64_t sequences, rows, width, chunks, reverse;
    const int64_t *start;     /* [sequences] the first row of each, in descending order of length */
    const int64_t *length;    /* [sequences] */
    const int64_t *place;     /* [sequences] where its state stands */
    const REAL *input_bias;   /* [GATES * width] */
    const REAL *weight;       /* [RECURRENT * width, width] */
    const REAL *bias;         /* [RECURRENT * width], or null */
    const REAL *parameters;   /* [PARAMETERS, width] */
    const REAL *mask;         /* [sequences, width], or null: multiplies the hidden state in products */
    REAL *gates;              /* [rows, GATES * width] in: products of the input; out: with bias, or sums */
    REAL *separate;           /* [rows, SEPARATE * width] products of the hidden state that aren't fused */
    const REAL *noises;       /* [rows, NOISES * width] */
    const REAL *initial;      /* [STATES, sequences, width] */
    REAL *states;             /* [STATES, rows, width] */
    const REAL *d_outputs;    /* [rows, width] */
    const REAL *d_final;      /* [STATES, sequences, width] */
    REAL *d_gates;            /* [rows, GATES * width] */
    REAL *d_recurrent;        /* [rows, RECURRENT * width]; is `d_gates` where they're equal */
    REAL *d_parameters;       /* [chunks, PARAMETERS, width], zeros */
    REAL *d_initial;          /* [STATES, sequences, width] */
    double clip;              /* the bound of a gradient between steps; 0 for none */
    REAL *panels;             /* the weight, in the order in which it's read */
    int64_t next;             /* the chunk that's taken next */
    int64_t failed;
} Job;

/* ---- lanes ---- */

typedef REAL vec __attribute__((vector_size(LANES * sizeof(REAL))));
typedef REAL vec_unaligned __attribute__((vector_size(LANES * sizeof(REAL)), aligned(sizeof(REAL))));

#define INLINE static inline __attribute__((always_inline))
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

/* ---- products ---- */

/* [rows] x [depth] times [depth] x [columns * LANES]; all of a row's sums stay in registers. */
#define DEFINE_TILE(NAME, COLUMNS)                                                                     \
    INLINE void NAME##_rows(const int rows, int64_t depth, const REAL *const *left,                    \
                            const REAL *panel, const REAL *start, REAL *out) {                         \
        vec sums[8][COLUMNS];                                                                          \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                         \
            _Pragma("GCC unroll 32") for (int c = 0; c < COLUMNS; c++)                                 \
                sums[i][c] = start ? *(const vec_unaligned *)(start + c * LANES) : (vec){0};           \
        for (int64_t k = 0; k < depth; k++) {                                                          \
            const REAL *right = panel + k * COLUMNS * LANES;                                           \
            _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                     \
                _Pragma("GCC unroll 32") for (int c = 0; c < COLUMNS; c++)                             \
                    sums[i][c] += left[i][k] * *(const vec *)(right + c * LANES);                      \
        }                                                                                              \
        _Pragma("GCC unroll 8") for (int i = 0; i < rows; i++)                                         \
            _Pragma("GCC unroll 32") for (int c = 0; c < COLUMNS; c++)                                 \
                *(vec *)(out + (i * COLUMNS + c) * LANES) = sums[i][c];                                \
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

/* How many rows of sums fit the registers beside what they're made of. */
#define TILE_ROWS(COLUMNS) ((COLUMNS) * 8 <= SUMS ? 8 : (COLUMNS) > SUMS ? 1 : SUMS / (COLUMNS))

#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* Vectors of units that are done together: about four columns of sums. */
#define GROUP (RECURRENT >= 3 || RECURRENT == 0 ? 1 : RECURRENT == 2 ? 2 : 4)
#define UNITS (GROUP * LANES)
#define FORWARD_COLUMNS (AT_LEAST_ONE(RECURRENT) * GROUP)
#define FORWARD_ROWS TILE_ROWS(FORWARD_COLUMNS)
#define BACKWARD_COLUMNS 4
#define BACKWARD_UNITS (BACKWARD_COLUMNS * LANES)
#define BACKWARD_ROWS TILE_ROWS(BACKWARD_COLUMNS)

DEFINE_TILE(forward_tile, FORWARD_COLUMNS)
DEFINE_TILE(backward_tile, BACKWARD_COLUMNS)

static int64_t blocks_of(int64_t width, int64_t units) { return (width + units - 1) / units; }

static REAL *make_room(int64_t count) {
    void *room = NULL;
    return posix_memalign(&room, 64, (count > 0 ? count : 1) * sizeof(REAL)) ? NULL : room;
}

/* For each block of units, for each row of the hidden state: the weights of all gates, and then the biases. */
static REAL *pack_forward(const Job *job) {
    const int64_t width = job->width, blocks = blocks_of(width, UNITS);
    const int64_t columns = FORWARD_COLUMNS * LANES, size = (width + 1) * columns;
    REAL *panels = make_room(blocks * size);
    if (!panels) return NULL;
    memset(panels, 0, blocks * size * sizeof(REAL));
    for (int64_t b = 0; b < blocks; b++)
        for (int g = 0; g < RECURRENT; g++) {
            const int64_t count = MIN(UNITS, width - b * UNITS), row = g * width + b * UNITS;
            const REAL *from = job->weight + row * width;
            REAL *to = panels + b * size + g * UNITS;
            /* Written in order, as a write costs more than a read. */
            for (int64_t k = 0; k < width; k++)
                for (int64_t u = 0; u < count; u++) to[k * columns + u] = from[u * width + k];
            if (job->bias) memcpy(to + width * columns, job->bias + row, count * sizeof(REAL));
        }
    return panels;
}

/* For each block of units, for each gate's row: the weights that lead back to these units. */
static REAL *pack_backward(const Job *job) {
    const int64_t width = job->width, blocks = blocks_of(width, BACKWARD_UNITS);
    const int64_t depth = RECURRENT * width, size = depth * BACKWARD_UNITS;
    REAL *panels = make_room(blocks * size);
    if (!panels) return NULL;
    memset(panels, 0, blocks * size * sizeof(REAL));
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t count = MIN(BACKWARD_UNITS, width - b * BACKWARD_UNITS);
        for (int64_t k = 0; k < depth; k++)
            memcpy(panels + b * size + k * BACKWARD_UNITS,
                   job->weight + k * width + b * BACKWARD_UNITS, count * sizeof(REAL));
    }
    return panels;
}

/* ---- places ---- */

/* A chunk is every `chunks`-th sequence, so that all chunks are about as long. */
INLINE int64_t chunk_size(const Job *job, int64_t chunk) {
    return (job->sequences - chunk + job->chunks - 1) / job->chunks;
}

INLINE int64_t nth(const Job *job, int64_t chunk, int64_t i) { return chunk + i * job->chunks; }

INLINE int64_t row_of(const Job *job, int64_t sequence, int64_t step) {
    const int64_t length = job->length[sequence];
    return job->start[sequence] + (job->reverse ? length - 1 - step : step);
}

/* Where a state stands before a step: among the initial ones, or in the row of the step before. */
INLINE const REAL *state_before(const Job *job, int state, int64_t sequence, int64_t step) {
    if (step == 0)
        return job->initial + (state * job->sequences + job->place[sequence]) * job->width;
    return job->states + (state * job->rows + row_of(job, sequence, step - 1)) * job->width;
}

/* A step's rows lie far apart, one sequence from the next, which no processor foresees. So ask for a row's
 * neighbour, where the same sequence goes on, while at this one. A row that isn't there does no harm. */
INLINE void foresee(const REAL *rows, int64_t row, int64_t step, int columns, int64_t width, int64_t unit) {
    for (int c = 0; c < columns; c++)
        __builtin_prefetch(rows + ((row + step) * columns + c) * width + unit);
}

/* ---- forward ---- */

typedef struct {
    REAL gate[AT_LEAST_ONE(GATES)][LANES] ALIGNED;
    REAL separate[AT_LEAST_ONE(SEPARATE)][LANES] ALIGNED;
    REAL state[STATES][LANES] ALIGNED;
    REAL parameter[AT_LEAST_ONE(PARAMETERS)][LANES] ALIGNED;
    REAL noise[AT_LEAST_ONE(NOISES)][LANES] ALIGNED;
} Given;

INLINE void load_given(Given *given, const Job *job, int64_t sequence, int64_t step, int64_t unit) {
    const int64_t width = job->width, count = width - unit, row = row_of(job, sequence, step);
    for (int g = 0; g < GATES; g++)
        load(given->gate[g], job->gates + (row * GATES + g) * width + unit, count);
    for (int s = 0; s < STATES; s++)
        load(given->state[s], state_before(job, s, sequence, step) + unit, count);
    for (int p = 0; p < PARAMETERS; p++)
        load(given->parameter[p], job->parameters + p * width + unit, count);
    for (int n = 0; n < NOISES; n++)
        load(given->noise[n], job->noises + (row * NOISES + n) * width + unit, count);
}

INLINE void forward_units(const Job *job, int64_t sequence, int64_t step, int64_t unit,
                          const REAL *products, REAL *operand) {
    const int64_t width = job->width, count = width - unit, row = row_of(job, sequence, step);
    Given given;
    REAL next[STATES][LANES] ALIGNED;
    load_given(&given, job, sequence, step, unit);
    foresee(job->gates, row, job->reverse ? -1 : 1, GATES, width, unit);
    for (int g = 0; g < GATES; g++) {
        REAL bias[LANES] ALIGNED;
        load(bias, job->input_bias + g * width + unit, count);
        for (int l = 0; l < LANES; l++) given.gate[g][l] += bias[l];
    }
    for (int r = 0; r < RECURRENT; r++) {
        const REAL *product = products + r * UNITS;
        if (FUSED_INTO[r] >= 0) {
            REAL *sum = given.gate[FUSED_INTO[r]];
            for (int l = 0; l < LANES; l++) sum[l] += product[l];
        } else {
            memcpy(given.separate[SEPARATED_AS[r]], product, sizeof(given.separate[0]));
            store(job->separate + (row * SEPARATE + SEPARATED_AS[r]) * width + unit, product, count);
        }
    }
    for (int g = 0; g < GATES; g++)
        store(job->gates + (row * GATES + g) * width + unit, given.gate[g], count);
    step_forward(given.gate, given.separate, given.state, given.parameter, given.noise, next);
    for (int s = 0; s < STATES; s++)
        store(job->states + (s * job->rows + row) * width + unit, next[s], count);
    if (operand) {
        REAL mask[LANES] ALIGNED;
        load(mask, job->mask + job->place[sequence] * width + unit, count);
        for (int l = 0; l < LANES; l++) mask[l] *= next[0][l];
        store(operand + unit, mask, count);
    }
}

/* With a mask, what the products take isn't the state itself: two rooms, of this step and of the next. */
static void forward_chunk(const Job *job, int64_t chunk, const REAL **left, REAL *operands) {
    const int64_t width = job->width, size = chunk_size(job, chunk), blocks = blocks_of(width, UNITS);
    const int64_t panel_size = (width + 1) * FORWARD_COLUMNS * LANES;
    REAL products[FORWARD_ROWS * FORWARD_COLUMNS * LANES] ALIGNED;
    REAL *now = operands, *then = operands ? operands + size * width : NULL;
    for (int64_t i = 0; operands && i < size; i++) {
        const int64_t place = job->place[nth(job, chunk, i)] * width;
        for (int64_t u = 0; u < width; u++)
            now[i * width + u] = job->initial[place + u] * job->mask[place + u];
    }
    int64_t active = size;
    for (int64_t step = 0;; step++) {
        while (active && job->length[nth(job, chunk, active - 1)] <= step) active--;
        if (!active) break;
        for (int64_t i = 0; i < active; i++)
            left[i] = operands ? now + i * width : state_before(job, 0, nth(job, chunk, i), step);
        for (int64_t b = 0; b < blocks; b++) {
            const REAL *panel = job->panels + b * panel_size;
            const REAL *biases = job->bias ? panel + width * FORWARD_COLUMNS * LANES : NULL;
            for (int64_t first = 0; first < active; first += FORWARD_ROWS) {
                const int rows = MIN(FORWARD_ROWS, active - first);
                if (RECURRENT) forward_tile(rows, width, left + first, panel, biases, products);
                for (int i = 0; i < rows; i++)
                    for (int v = 0; v < GROUP && b * UNITS + v * LANES < width; v++)
                        forward_units(job, nth(job, chunk, first + i), step, b * UNITS + v * LANES,
                                      products + i * FORWARD_COLUMNS * LANES + v * LANES,
                                      operands ? then + (first + i) * width : NULL);
            }
        }
        REAL *swapped = now;
        now = then;
        then = swapped;
    }
}

/* ---- backward ---- */

INLINE void clamp(REAL *values, double bound) {
    for (int l = 0; l < LANES; l++)
        values[l] = values[l] > (REAL)bound ? (REAL)bound : values[l] < -(REAL)bound ? -(REAL)bound : values[l];
}

/* `carried`: [STATES, width], the gradient of the states after this step; becomes that of those before it,
 * but for what comes through the products. */
INLINE void backward_units(const Job *job, int64_t chunk, int64_t sequence, int64_t step, int64_t unit,
                           REAL *carried) {
    const int64_t width = job->width, count = width - unit, row = row_of(job, sequence, step);
    Given given;
    REAL d_next[STATES][LANES] ALIGNED, d_gate[AT_LEAST_ONE(GATES)][LANES] ALIGNED;
    REAL d_separate[AT_LEAST_ONE(SEPARATE)][LANES] ALIGNED, d_state[STATES][LANES] ALIGNED;
    REAL d_parameter[AT_LEAST_ONE(PARAMETERS)][LANES] ALIGNED, d_output[LANES] ALIGNED;
    const int64_t ahead = job->reverse ? 1 : -1;
    load_given(&given, job, sequence, step, unit);
    foresee(job->gates, row, ahead, GATES, width, unit);
    foresee(job->separate, row, ahead, SEPARATE, width, unit);
    foresee(job->d_gates, row, ahead, GATES, width, unit);
    foresee(job->d_outputs, row, ahead, 1, width, unit);
    for (int s = 0; s < STATES; s++)
        foresee(job->states + s * job->rows * width, row, 2 * ahead, 1, width, unit);
    for (int s = 0; s < SEPARATE; s++)
        load(given.separate[s], job->separate + (row * SEPARATE + s) * width + unit, count);
    for (int s = 0; s < STATES; s++) load(d_next[s], carried + s * width + unit, count);
    load(d_output, job->d_outputs + row * width + unit, count);
    for (int l = 0; l < LANES; l++) d_next[0][l] += d_output[l];
    step_backward(given.gate, given.separate, given.state, given.parameter, given.noise, d_next, d_gate,
                  d_separate, d_state, d_parameter);
    for (int g = 0; g < GATES; g++)
        store(job->d_gates + (row * GATES + g) * width + unit, d_gate[g], count);
    for (int r = 0; job->d_recurrent != job->d_gates && r < RECURRENT; r++)
        store(job->d_recurrent + (row * RECURRENT + r) * width + unit,
              FUSED_INTO[r] >= 0 ? d_gate[FUSED_INTO[r]] : d_separate[SEPARATED_AS[r]], count);
    for (int s = 0; s < STATES; s++) store(carried + s * width + unit, d_state[s], count);
    for (int p = 0; p < PARAMETERS; p++) {
        REAL *sums = job->d_parameters + (chunk * PARAMETERS + p) * width + unit;
        for (int64_t l = 0; l < MIN(LANES, count); l++) sums[l] += d_parameter[p][l];
    }
}

/* Add what comes through the products to the gradient of the hidden states of some sequences. */
INLINE void backward_products(const Job *job, int64_t chunk, int64_t first, int rows, int64_t block,
                              const REAL **left, REAL *carried) {
    const int64_t width = job->width, depth = RECURRENT * width;
    REAL products[BACKWARD_ROWS * BACKWARD_UNITS] ALIGNED;
    backward_tile(rows, depth, left + first, job->panels + block * depth * BACKWARD_UNITS, NULL, products);
    for (int i = 0; i < rows; i++) {
        const int64_t unit = block * BACKWARD_UNITS, count = MIN(BACKWARD_UNITS, width - unit);
        REAL *to = carried + (first + i) * STATES * width + unit;
        const REAL *product = products + i * BACKWARD_UNITS;
        const REAL *mask = job->mask;
        if (mask) mask += job->place[nth(job, chunk, first + i)] * width + unit;
        for (int64_t u = 0; u < count; u++) to[u] += mask ? product[u] * mask[u] : product[u];
    }
}

INLINE void clip_all(REAL *values, int64_t count, double bound) {
    for (int64_t i = 0; i < count; i++) {
        const REAL high = (REAL)bound;
        values[i] = values[i] > high ? high : values[i] < -high ? -high : values[i];
    }
}

static void backward_chunk(const Job *job, int64_t chunk, const REAL **left, REAL *carried) {
    const int64_t width = job->width, size = chunk_size(job, chunk);
    int64_t active = 0, longest = size ? job->length[nth(job, chunk, 0)] : 0;
    for (int64_t i = 0; i < size; i++)
        for (int s = 0; s < STATES; s++)
            memcpy(carried + (i * STATES + s) * width,
                   job->d_final + (s * job->sequences + job->place[nth(job, chunk, i)]) * width,
                   width * sizeof(REAL));
    for (int64_t step = longest - 1; step >= 0; step--) {
        while (active < size && job->length[nth(job, chunk, active)] > step) active++;
        for (int64_t i = 0; i < active; i++) {
            const int64_t sequence = nth(job, chunk, i);
            for (int64_t unit = 0; unit < width; unit += LANES)
                backward_units(job, chunk, sequence, step, unit, carried + i * STATES * width);
            left[i] = job->d_recurrent + row_of(job, sequence, step) * RECURRENT * width;
        }
        for (int64_t b = 0; RECURRENT && b < blocks_of(width, BACKWARD_UNITS); b++)
            for (int64_t first = 0; first < active; first += BACKWARD_ROWS)
                backward_products(job, chunk, first, MIN(BACKWARD_ROWS, active - first), b, left, carried);
        /* What reaches the states that were given isn't clipped: no step lies before them. */
        if (job->clip > 0 && step > 0) clip_all(carried, active * STATES * width, job->clip);
    }
    for (int64_t i = 0; i < size; i++)
        for (int s = 0; s < STATES; s++)
            memcpy(job->d_initial + (s * job->sequences + job->place[nth(job, chunk, i)]) * width,
                   carried + (i * STATES + s) * width, width * sizeof(REAL));
}

/* ---- threads ---- */

static void work(Job *job, int backward) {
    const int64_t most = chunk_size(job, 0), width = job->width;
    const REAL **left = malloc(AT_LEAST_ONE(most) * sizeof(*left));
    REAL *room = backward ? make_room(most * STATES * width) : job->mask ? make_room(2 * most * width) : NULL;
    if (!left || (!room && (backward || job->mask))) {
        job->failed = 1;
    } else {
        for (;;) {
            const int64_t chunk = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
            if (chunk >= job->chunks) break;
            backward ? backward_chunk(job, chunk, left, room) : forward_chunk(job, chunk, left, room);
        }
    }
    free(left);
    free(room);
}

static void work_forward(void *job) { work(job, 0); }
static void work_backward(void *job) { work(job, 1); }

/* `together` runs a function on some threads at once, as OpenMP's runtime does; null runs it on this one. */
typedef void (*Together)(void (*)(void *), void *, unsigned, unsigned);

static int64_t run(Job *job, int64_t threads, Together together, void (*worker)(void *)) {
    if (!job->panels) return 1;
    job->next = 0;
    job->failed = 0;
    together && threads > 1 ? together(worker, job, (unsigned)threads, 0) : worker(job);
    free(job->panels);
    return job->failed;
}

int64_t seqpipe_forward(Job *job, int64_t threads, Together together) {
    job->panels = pack_forward(job);
    return run(job, threads, together, work_forward);
}

int64_t seqpipe_backward(Job *job, int64_t threads, Together together) {
    job->panels = pack_backward(job);
    return run(job, threads, together, work_backward);
}
