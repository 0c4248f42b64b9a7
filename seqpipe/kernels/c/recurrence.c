/* The forward and backward pass of a recurrence over ragged sequences.
 *
 * The code above this point is generated for one cell: its sizes and its step, `step_forward` and
 * `step_backward`. The code below is the same for all cells.
 *
 * Sequences are independent of each other, so each thread runs all time steps of a chunk of sequences on its
 * own and threads are joined only at the end. Where there are more threads than sequences, a team of threads
 * shares a chunk: each computes some of the units, with a barrier at every time step. A step is computed for a
 * few units at a time: the products of all gates for these units stay in registers until the step's elementwise
 * maths has used them. A product is always summed in the same order, so that a sequence's result doesn't depend
 * on the other sequences in the batch.
 */

typedef struct {
    int64_t arrived, round;
    char padding[48];         /* so that two barriers never share a cache line */
} Barrier;

typedef struct {
    int64_t sequences, rows, width, chunks, members, reverse;
    const int64_t *start;     /* [sequences] the first row of each, in descending order of length */
    const int64_t *length;    /* [sequences] */
    const int64_t *place;     /* [sequences] the index of its state */
    const REAL *input_bias;   /* [GATES * width] */
    const REAL *weight;       /* [RECURRENT * width, width] */
    const REAL *bias;         /* [RECURRENT * width], or null */
    const REAL *parameters;   /* [PARAMETERS, width] */
    const REAL *mask;         /* [sequences, width], or null: multiplies the hidden state in products */
    REAL *gates;              /* [rows, GATES * width] in: products of the input; out: what the backward pass needs of them */
    const int64_t *gate_rows; /* [rows] the row of `gates` that a step reads, where steps share rows; null if each has its
                                 own. Only without a backward pass, as rows are then left as they are */
    REAL *separate;           /* [rows, SEPARATE * width] products of the hidden state that aren't fused */
    const REAL *noises;       /* [rows, NOISES * width] */
    const REAL *initial;      /* [STATES, sequences, width] */
    REAL *last;               /* [STATES, sequences, width] in: as `initial`; out: after the last steps */
    REAL *outputs;            /* [rows, width] the hidden state after each step */
    REAL *states;             /* [STATES, rows, width] before each step; null if there's no backward pass */
    REAL *operands;           /* [2, sequences, width] with a mask: the masked hidden state of this step and of the next */
    const REAL *d_outputs;    /* [rows, width] */
    REAL *d_gates;            /* [rows, GATES * width] */
    REAL *d_recurrent;        /* [rows, RECURRENT * width]; the same pointer as `d_gates` where they're equal */
    REAL *d_sums;             /* [chunks, SUMMED, width], zeros: gradients of parameters and of both biases */
    REAL *d_initial;          /* [STATES, sequences, width] in: gradient of the last states */
    Barrier *barriers;        /* [chunks], zeros */
    double clip;              /* the bound of a gradient between time steps; 0 for none */
    REAL *panels;             /* the weight, packed in the order in which it's read */
    int64_t next;             /* the next piece of work that no thread has taken */
} Job;

/* Vectors of units that are computed at once: about four columns of sums. */
#define GROUP (RECURRENT >= 3 || RECURRENT == 0 ? 1 : RECURRENT == 2 ? 2 : 4)
#define UNITS (GROUP * LANES)
#define FORWARD_COLUMNS (AT_LEAST_ONE(RECURRENT) * GROUP)
#define FORWARD_ROWS TILE_ROWS(FORWARD_COLUMNS)
#define BACKWARD_COLUMNS 4
#define BACKWARD_UNITS (BACKWARD_COLUMNS * LANES)
#define BACKWARD_ROWS TILE_ROWS(BACKWARD_COLUMNS)

/* Columns of sums over all time steps that the backward pass computes. */
#define SUMMED (PARAMETERS + GATES + RECURRENT)

DEFINE_TILE(forward_tile, FORWARD_COLUMNS, 1)
DEFINE_TILE(backward_tile, BACKWARD_COLUMNS, 1)

/* Only the last panel is padded beyond the width, with weights of 0. */
static void clear_last(REAL *panels, int64_t blocks, int64_t size, int64_t rest) {
    if (rest) memset(panels + (blocks - 1) * size, 0, size * sizeof(REAL));
}

/* Packed for each block of units, for each row of the hidden state: the weights of all gates, then the biases. */
static REAL *pack_forward(const Job *job) {
    const int64_t width = job->width, blocks = blocks_of(width, UNITS);
    const int64_t columns = FORWARD_COLUMNS * LANES, size = (width + 1) * columns;
    REAL *panels = allocate(blocks * size);
    if (!panels) return NULL;
    clear_last(panels, blocks, size, width % UNITS);
    for (int64_t b = 0; b < blocks; b++)
        for (int g = 0; g < RECURRENT; g++) {
            const int64_t count = MIN(UNITS, width - b * UNITS), row = g * width + b * UNITS;
            const REAL *from = job->weight + row * width;
            REAL *to = panels + b * size + g * UNITS;
            int64_t u = 0;
            for (; u + LANES <= count; u += LANES) pack_transposed(to + u, columns, from + u * width, width);
            for (; u < count; u++)
                for (int64_t k = 0; k < width; k++) to[k * columns + u] = from[u * width + k];
            if (job->bias) memcpy(to + width * columns, job->bias + row, count * sizeof(REAL));
        }
    return panels;
}

/* Packed for each block of units, for each gate's row: the weights through which gradients reach these units. */
static REAL *pack_backward(const Job *job) {
    const int64_t width = job->width, blocks = blocks_of(width, BACKWARD_UNITS);
    const int64_t depth = RECURRENT * width, size = depth * BACKWARD_UNITS;
    REAL *panels = allocate(blocks * size);
    if (!panels) return NULL;
    clear_last(panels, blocks, size, width % BACKWARD_UNITS);
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t count = MIN(BACKWARD_UNITS, width - b * BACKWARD_UNITS);
        for (int64_t k = 0; k < depth; k++)
            memcpy(panels + b * size + k * BACKWARD_UNITS,
                   job->weight + k * width + b * BACKWARD_UNITS, count * sizeof(REAL));
    }
    return panels;
}

/* ---- offsets ---- */

/* A chunk is every `chunks`-th sequence, so that all chunks have about as many steps. */
INLINE int64_t chunk_size(const Job *job, int64_t chunk) {
    return (job->sequences - chunk + job->chunks - 1) / job->chunks;
}

INLINE int64_t nth(const Job *job, int64_t chunk, int64_t i) { return chunk + i * job->chunks; }

INLINE int64_t row_of(const Job *job, int64_t sequence, int64_t step) {
    const int64_t length = job->length[sequence];
    return job->start[sequence] + (job->reverse ? length - 1 - step : step);
}

/* The offset of a sequence's row in `[STATES, sequences, width]`. */
INLINE int64_t state_offset(const Job *job, int state, int64_t sequence) {
    return (state * job->sequences + job->place[sequence]) * job->width;
}

/* The hidden state before a step of the forward pass. */
INLINE const REAL *hidden_before(const Job *job, int64_t sequence, int64_t step) {
    return step ? job->outputs + row_of(job, sequence, step - 1) * job->width
                : job->initial + state_offset(job, 0, sequence);
}

/* The rows of one step are far from each other in memory, a pattern that no hardware prefetcher recognises. So
 * prefetch the neighbour of this row, which is the same sequence's next step. A row out of bounds does no harm. */
INLINE void prefetch(const REAL *rows, int64_t row, int64_t step, int columns, int64_t width, int64_t unit) {
    for (int c = 0; c < columns; c++)
        __builtin_prefetch(rows + ((row + step) * columns + c) * width + unit);
}

/* Wait for the other threads of a team; the last to arrive releases the others. */
INLINE void wait_at_barrier(const Job *job, int64_t chunk) {
    if (job->members == 1) return;
    Barrier *barrier = job->barriers + chunk;
    const int64_t round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == job->members) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->round, round + 1, __ATOMIC_RELEASE);
    } else {
        for (int64_t spins = 0; __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round; spins++)
            if (spins > 1000) sched_yield();
    }
}

/* ---- forward ---- */

typedef struct {
    REAL gate[AT_LEAST_ONE(GATES)][LANES] ALIGNED;
    REAL separate[AT_LEAST_ONE(SEPARATE)][LANES] ALIGNED;
    REAL state[STATES][LANES] ALIGNED;
    REAL parameter[AT_LEAST_ONE(PARAMETERS)][LANES] ALIGNED;
    REAL noise[AT_LEAST_ONE(NOISES)][LANES] ALIGNED;
} Given;

INLINE int64_t gates_row(const Job *job, int64_t row) { return job->gate_rows ? job->gate_rows[row] : row; }

INLINE void load_given(Given *given, const Job *job, int64_t row, int64_t unit, int64_t count) {
    const int64_t width = job->width, gates = gates_row(job, row);
    for (int g = 0; g < GATES; g++)
        load(given->gate[g], job->gates + (gates * GATES + g) * width + unit, count);
    for (int p = 0; p < PARAMETERS; p++)
        load(given->parameter[p], job->parameters + p * width + unit, count);
    for (int n = 0; n < NOISES; n++)
        load(given->noise[n], job->noises + (row * NOISES + n) * width + unit, count);
}

INLINE void add(REAL *to, const REAL *from) {
    *(vec *)to += *(const vec *)from;
}

/* Save what the backward pass needs. */
INLINE void save_units(const Job *job, const Given *given, const REAL (*saved)[LANES], int64_t row, int64_t unit,
                       int64_t count) {
    const int64_t width = job->width;
    for (int g = 0; g < GATES; g++)
        store(job->gates + (row * GATES + g) * width + unit, saved[g], count);
    for (int s = 0; s < SEPARATE; s++)
        store(job->separate + (row * SEPARATE + s) * width + unit, given->separate[s], count);
    for (int s = 0; s < STATES; s++)
        store(job->states + (s * job->rows + row) * width + unit, given->state[s], count);
}

/* The hidden state is read from the outputs' row of the step before, as the products of all units need all of
 * it. The other states are used by their own unit only: they're kept in `last`. */
INLINE void forward_units(const Job *job, int64_t sequence, int64_t step, int64_t unit, int64_t count,
                          const REAL *products, REAL *operand) {
    const int64_t width = job->width, row = row_of(job, sequence, step);
    Given given;
    REAL next[STATES][LANES] ALIGNED, saved[AT_LEAST_ONE(GATES)][LANES] ALIGNED;
    load_given(&given, job, row, unit, count);
    load(given.state[0], hidden_before(job, sequence, step) + unit, count);
    for (int s = 1; s < STATES; s++) load(given.state[s], job->last + state_offset(job, s, sequence) + unit, count);
    /* Unlike the rows themselves, their numbers are read, and so mustn't lie out of bounds. */
    const int64_t following = row + (job->reverse ? -1 : 1);
    if (following >= 0 && following < job->rows)
        prefetch(job->gates, gates_row(job, following), 0, GATES, width, unit);
    for (int g = 0; g < GATES; g++) {
        REAL bias[LANES] ALIGNED;
        load(bias, job->input_bias + g * width + unit, count);
        add(given.gate[g], bias);
    }
    for (int r = 0; r < RECURRENT; r++) {
        if (FUSED_INTO[r] >= 0)
            add(given.gate[FUSED_INTO[r]], products + r * UNITS);
        else
            memcpy(given.separate[SEPARATED_AS[r]], products + r * UNITS, sizeof(given.separate[0]));
    }
    step_forward(given.gate, given.separate, given.state, given.parameter, given.noise, next, saved);
    if (job->states) save_units(job, &given, saved, row, unit, count);
    store(job->outputs + row * width + unit, next[0], count);
    for (int s = step + 1 < job->length[sequence] ? 1 : 0; s < STATES; s++)
        store(job->last + state_offset(job, s, sequence) + unit, next[s], count);
    if (operand) {
        REAL mask[LANES] ALIGNED;
        load(mask, job->mask + job->place[sequence] * width + unit, count);
        for (int l = 0; l < LANES; l++) mask[l] *= next[0][l];
        store(operand + unit, mask, count);
    }
}

/* One thread's part of a time step for the sequences that have it: every `members`-th block of units. */
INLINE void forward_step(const Job *job, int64_t chunk, int64_t member, int64_t step, int64_t active,
                         const REAL **left, REAL *then) {
    const int64_t width = job->width, columns = FORWARD_COLUMNS * LANES;
    REAL products[FORWARD_ROWS * FORWARD_COLUMNS * LANES] ALIGNED;
    for (int64_t b = member; b < blocks_of(width, UNITS); b += job->members) {
        const REAL *panel = job->panels + b * (width + 1) * columns;
        const REAL *biases = job->bias ? panel + width * columns : NULL;
        for (int64_t first = 0; first < active; first += FORWARD_ROWS) {
            const int rows = MIN(FORWARD_ROWS, active - first);
            if (RECURRENT) forward_tile(rows, width, left + first, panel, biases, products);
            for (int i = 0; i < rows; i++) {
                const int64_t sequence = nth(job, chunk, first + i);
                REAL *operand = then ? then + job->place[sequence] * width : NULL;
                for (int v = 0; v < GROUP && b * UNITS + v * LANES < width; v++) {
                    const int64_t unit = b * UNITS + v * LANES;
                    const REAL *product = products + i * columns + v * LANES;
                    IN_LANES(width - unit, forward_units, job, sequence, step, unit, count, product, operand);
                }
            }
        }
    }
}

static void forward_chunk(const Job *job, int64_t chunk, int64_t member, const REAL **left) {
    const int64_t width = job->width;
    int64_t active = chunk_size(job, chunk);
    REAL *now = job->operands, *then = now ? now + job->sequences * width : NULL;
    for (int64_t step = 0;; step++) {
        while (active && job->length[nth(job, chunk, active - 1)] <= step) active--;
        if (!active) break;
        for (int64_t i = 0; i < active; i++) {
            const int64_t sequence = nth(job, chunk, i);
            left[i] = now ? now + job->place[sequence] * width : hidden_before(job, sequence, step);
        }
        forward_step(job, chunk, member, step, active, left, then);
        wait_at_barrier(job, chunk);
        REAL *swapped = now;
        now = then;
        then = swapped;
    }
}

/* ---- backward ---- */

/* The gradient of a state that's carried from step to step. */
INLINE REAL *carried(const Job *job, int state, int64_t sequence) {
    return job->d_initial + state_offset(job, state, sequence);
}

INLINE void add_to(REAL *to, const REAL *from, int64_t count) {
    REAL sum[LANES] ALIGNED;
    load(sum, to, count);
    add(sum, from);
    store(to, sum, count);
}

/* Compute the gradient of the states before a step from that of the states after it, except for the part that
 * comes through the products. */
INLINE void backward_units(const Job *job, int64_t chunk, int64_t sequence, int64_t step, int64_t unit,
                           int64_t count) {
    const int64_t width = job->width, row = row_of(job, sequence, step);
    Given given;
    REAL d_next[STATES][LANES] ALIGNED, d_gate[AT_LEAST_ONE(GATES)][LANES] ALIGNED;
    REAL d_separate[AT_LEAST_ONE(SEPARATE)][LANES] ALIGNED, d_state[STATES][LANES] ALIGNED;
    REAL d_parameter[AT_LEAST_ONE(PARAMETERS)][LANES] ALIGNED, d_output[LANES] ALIGNED;
    REAL *sums = job->d_sums + chunk * SUMMED * width + unit;
    const int64_t ahead = job->reverse ? 1 : -1;
    load_given(&given, job, row, unit, count);
    prefetch(job->gates, row, ahead, GATES, width, unit);
    prefetch(job->separate, row, ahead, SEPARATE, width, unit);
    prefetch(job->d_gates, row, ahead, GATES, width, unit);
    prefetch(job->d_outputs, row, ahead, 1, width, unit);
    for (int s = 0; s < STATES; s++)
        prefetch(job->states + s * job->rows * width, row, ahead, 1, width, unit);
    for (int s = 0; s < STATES; s++)
        load(given.state[s], job->states + (s * job->rows + row) * width + unit, count);
    for (int s = 0; s < SEPARATE; s++)
        load(given.separate[s], job->separate + (row * SEPARATE + s) * width + unit, count);
    for (int s = 0; s < STATES; s++) load(d_next[s], carried(job, s, sequence) + unit, count);
    load(d_output, job->d_outputs + row * width + unit, count);
    add(d_next[0], d_output);
    step_backward(given.gate, given.separate, given.state, given.parameter, given.noise, d_next, d_gate,
                  d_separate, d_state, d_parameter);
    for (int g = 0; g < GATES; g++) {
        store(job->d_gates + (row * GATES + g) * width + unit, d_gate[g], count);
        add_to(sums + (PARAMETERS + g) * width, d_gate[g], count);
    }
    for (int r = 0; r < RECURRENT; r++) {
        const REAL *d_product = FUSED_INTO[r] >= 0 ? d_gate[FUSED_INTO[r]] : d_separate[SEPARATED_AS[r]];
        if (job->d_recurrent != job->d_gates)
            store(job->d_recurrent + (row * RECURRENT + r) * width + unit, d_product, count);
        if (job->bias) add_to(sums + (PARAMETERS + GATES + r) * width, d_product, count);
    }
    for (int s = 0; s < STATES; s++) store(carried(job, s, sequence) + unit, d_state[s], count);
    for (int p = 0; p < PARAMETERS; p++)
        add_to(sums + p * width, d_parameter[p], count);
}

/* Add the part that comes through the products to the gradient of some sequences' hidden states. */
INLINE void backward_products(const Job *job, int64_t chunk, int64_t first, int rows, int64_t block,
                              const REAL **left) {
    const int64_t width = job->width, depth = RECURRENT * width, unit = block * BACKWARD_UNITS;
    REAL products[BACKWARD_ROWS * BACKWARD_UNITS] ALIGNED;
    backward_tile(rows, depth, left + first, job->panels + unit * depth, NULL, products);
    for (int i = 0; i < rows; i++) {
        const int64_t sequence = nth(job, chunk, first + i);
        REAL *product = products + i * BACKWARD_UNITS;
        const REAL *mask = job->mask ? job->mask + job->place[sequence] * width + unit : NULL;
        for (int64_t u = 0; mask && u < MIN(BACKWARD_UNITS, width - unit); u++) product[u] *= mask[u];
        REAL *to = carried(job, 0, sequence) + unit;
        for (int64_t u = 0; u < MIN(BACKWARD_UNITS, width - unit); u += LANES)
            IN_LANES(width - unit - u, add_to, to + u, product + u, count);
    }
}

INLINE void clip_units(const Job *job, int64_t sequence, int64_t unit) {
    const REAL high = (REAL)job->clip;
    for (int s = 0; s < STATES; s++) {
        REAL *values = carried(job, s, sequence) + unit;
        for (int64_t u = 0; u < MIN(BACKWARD_UNITS, job->width - unit); u++)
            values[u] = values[u] > high ? high : values[u] < -high ? -high : values[u];
    }
}

static void backward_chunk(const Job *job, int64_t chunk, int64_t member, const REAL **left) {
    const int64_t width = job->width, size = chunk_size(job, chunk);
    int64_t active = 0, longest = size ? job->length[nth(job, chunk, 0)] : 0;
    for (int64_t step = longest - 1; step >= 0; step--) {
        while (active < size && job->length[nth(job, chunk, active)] > step) active++;
        for (int64_t i = 0; i < active; i++) {
            const int64_t sequence = nth(job, chunk, i);
            for (int64_t unit = member * LANES; unit < width; unit += job->members * LANES)
                IN_LANES(width - unit, backward_units, job, chunk, sequence, step, unit, count);
            left[i] = job->d_recurrent + row_of(job, sequence, step) * RECURRENT * width;
        }
        wait_at_barrier(job, chunk);
        for (int64_t b = member; b < blocks_of(width, BACKWARD_UNITS); b += job->members) {
            for (int64_t first = 0; RECURRENT && first < active; first += BACKWARD_ROWS)
                backward_products(job, chunk, first, MIN(BACKWARD_ROWS, active - first), b, left);
            /* The gradient of the initial states isn't clipped: there's no step before them. */
            for (int64_t i = 0; job->clip > 0 && step > 0 && i < active; i++)
                clip_units(job, nth(job, chunk, i), b * BACKWARD_UNITS);
        }
        wait_at_barrier(job, chunk);
    }
}

/* ---- threads ---- */

typedef struct {
    Job *job;
    CountThreads count_threads;
    int64_t backward;
    const REAL **left;        /* for each piece of work, a row for each sequence of a chunk */
} Work;

static void work(void *given) {
    Work *all = given;
    /* A copy, as this thread works without a team where OpenMP gives too few threads for teams. */
    Job job = *all->job;
    if (job.members > 1 && all->count_threads() < job.chunks * job.members) job.members = 1;
    for (;;) {
        const int64_t place = __atomic_fetch_add(&all->job->next, 1, __ATOMIC_RELAXED);
        if (place >= job.chunks * job.members) break;
        const int64_t chunk = place / job.members, member = place % job.members;
        const REAL **left = all->left + place * chunk_size(&job, 0);
        all->backward ? backward_chunk(&job, chunk, member, left) : forward_chunk(&job, chunk, member, left);
    }
}

static int64_t run(Job *job, int64_t threads, RunParallel run_parallel, CountThreads count_threads, int64_t backward) {
    /* All memory is allocated before threads start: if one thread failed, its team would wait forever. */
    const REAL **left = malloc(AT_LEAST_ONE(job->chunks * job->members * chunk_size(job, 0)) * sizeof(*left));
    Work all = {job, count_threads, backward, left};
    const int64_t failed = !job->panels || !left;
    job->next = 0;
    if (!failed && run_parallel && (count_threads || job->members == 1) && threads > 1) {
        run_parallel(work, &all, (unsigned)threads, 0);
    } else if (!failed) {
        job->members = 1;
        work(&all);
    }
    free(left);
    free(job->panels);
    return failed;
}

/* `given` are a job's fields up to `panels`. */
int64_t seqpipe_forward(const void *given, int64_t threads, RunParallel run_parallel, CountThreads count_threads) {
    Job job = {0};
    memcpy(&job, given, offsetof(Job, panels));
    job.panels = pack_forward(&job);
    return run(&job, threads, run_parallel, count_threads, 0);
}

int64_t seqpipe_backward(const void *given, int64_t threads, RunParallel run_parallel, CountThreads count_threads) {
    Job job = {0};
    memcpy(&job, given, offsetof(Job, panels));
    job.panels = pack_backward(&job);
    return run(&job, threads, run_parallel, count_threads, 1);
}
