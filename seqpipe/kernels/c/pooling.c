/* Pooling of ragged sequences, in several ways at once, and its gradient.
 *
 * A thread takes a whole sequence at a time, the longest first. Nothing is summed over sequences, so results don't
 * depend on the number of threads.
 */

enum { LAST, MEAN, MAX, ATTENTION };

/* Matches are tanh(products + bias) . query, and weights their softmax over a sequence. */
typedef struct {
    const REAL *products;     /* [rows, width] */
    const REAL *bias, *query; /* [width] */
    REAL *weights;            /* [rows] */
    REAL *d_matches;          /* [rows] */
    REAL *d_products;         /* [rows, width] */
    REAL *d_sums;             /* [sequences, 2, width] each sequence's gradients of bias and query */
} Attention;

typedef struct {
    int64_t sequences, width, poolings;
    const int64_t *start;     /* [sequences] the first row of each, in descending order of length */
    const int64_t *length;    /* [sequences] */
    const int64_t *place;     /* [sequences] the index of its result */
    const REAL *vectors;      /* [rows, width] */
    REAL *pooled;             /* [sequences, poolings * width] */
    const REAL *d_pooled;     /* the same; null in the forward pass */
    REAL *d_vectors;          /* [rows, width] */
    const int64_t *kinds;     /* [poolings] */
    const Attention *attentions; /* one for each pooling of that kind, in their order */
    int64_t next;             /* the next sequence that no thread has taken */
} Pooling;

/* A sequence: its rows from the first on, and its index. */
typedef struct {
    int64_t first, rows, place;
} Sequence;

/* Columns that are summed at once. A sum of many rows is one of sums of fewer, which loses less to rounding. */
#define COLUMNS 256
#define SUMMED_ROWS 128

#define FOR_COLUMNS(COUNT) _Pragma("omp simd") for (int64_t c = 0; c < (COUNT); c++)

/* ---- forward ---- */

/* Sum rows, each multiplied by its weight; null for ones. */
static void sum_rows(const REAL *restrict rows, const REAL *weights, int64_t count, int64_t width, REAL *restrict out) {
    for (int64_t column = 0; column < width; column += COLUMNS) {
        const int64_t wide = MIN(COLUMNS, width - column);
        REAL *restrict sum = out + column;
        memset(sum, 0, wide * sizeof(REAL));
        for (int64_t first = 0; first < count; first += SUMMED_ROWS) {
            REAL part[COLUMNS] ALIGNED = {0};
            for (int64_t t = first; t < MIN(first + SUMMED_ROWS, count); t++) {
                const REAL *restrict row = rows + t * width + column, weight = weights ? weights[t] : 1;
                FOR_COLUMNS(wide) part[c] += weight * row[c];
            }
            FOR_COLUMNS(wide) sum[c] += part[c];
        }
    }
}

static void take_greatest(const REAL *restrict rows, int64_t count, int64_t width, REAL *restrict out) {
    memcpy(out, rows, width * sizeof(REAL));
    for (int64_t t = 1; t < count; t++) {
        const REAL *restrict row = rows + t * width;
        FOR_COLUMNS(width) out[c] = MAXIMUM(out[c], row[c]);
    }
}

/* Replace numbers by their softmax. */
static void normalise(REAL *restrict numbers, int64_t count) {
    REAL greatest = numbers[0], sum = 0;
    for (int64_t t = 1; t < count; t++) greatest = MAXIMUM(greatest, numbers[t]);
    FOR_COLUMNS(count) numbers[c] = EXP(numbers[c] - greatest);
    for (int64_t t = 0; t < count; t++) sum += numbers[t];
    FOR_COLUMNS(count) numbers[c] /= sum;
}

static void weigh(const Attention *a, int64_t width, Sequence s) {
    const REAL *restrict bias = a->bias, *restrict query = a->query;
    for (int64_t t = s.first; t < s.first + s.rows; t++) {
        const REAL *restrict product = a->products + t * width;
        REAL match = 0;
        _Pragma("omp simd reduction(+ : match)") for (int64_t c = 0; c < width; c++)
            match += TANH(product[c] + bias[c]) * query[c];
        a->weights[t] = match;
    }
    normalise(a->weights + s.first, s.rows);
}

static void pool_forward(const Pooling *p, Sequence s) {
    const int64_t width = p->width;
    const REAL *rows = p->vectors + s.first * width;
    const Attention *attention = p->attentions;
    REAL *out = p->pooled + s.place * p->poolings * width;
    if (!s.rows) memset(out, 0, p->poolings * width * sizeof(REAL));
    for (int64_t i = 0; s.rows && i < p->poolings; i++, out += width) switch (p->kinds[i]) {
        case LAST:
            memcpy(out, rows + (s.rows - 1) * width, width * sizeof(REAL));
            break;
        case MEAN:
            sum_rows(rows, NULL, s.rows, width, out);
            FOR_COLUMNS(width) out[c] /= s.rows;
            break;
        case MAX:
            take_greatest(rows, s.rows, width, out);
            break;
        case ATTENTION:
            weigh(attention, width, s);
            sum_rows(rows, attention++->weights + s.first, s.rows, width, out);
        }
}

/* ---- backward: gradients are added to those of the vectors ---- */

static void add_mean(int64_t count, int64_t width, const REAL *restrict gradient, REAL *restrict d_rows) {
    for (int64_t t = 0; t < count; t++) {
        REAL *restrict d_row = d_rows + t * width;
        FOR_COLUMNS(width) d_row[c] += gradient[c] / count;
    }
}

/* Values that are equally great share the gradient evenly, as torch's do. */
static void add_greatest(const REAL *restrict rows, int64_t count, int64_t width, const REAL *restrict greatest,
                         const REAL *restrict gradient, REAL *restrict d_rows) {
    for (int64_t column = 0; column < width; column += COLUMNS) {
        const int64_t wide = MIN(COLUMNS, width - column);
        const REAL *restrict most = greatest + column;
        REAL share[COLUMNS] ALIGNED = {0};
        for (int64_t t = 0; t < count; t++) {
            const REAL *restrict row = rows + t * width + column;
            FOR_COLUMNS(wide) share[c] += row[c] == most[c] ? (REAL)1 : (REAL)0;
        }
        FOR_COLUMNS(wide) share[c] = gradient[column + c] / share[c];
        for (int64_t t = 0; t < count; t++) {
            const REAL *restrict row = rows + t * width + column;
            REAL *restrict d_row = d_rows + t * width + column;
            /* Of NaN it's NaN, since nothing equals it. */
            FOR_COLUMNS(wide) d_row[c] += share[c] * (row[c] == most[c] ? (REAL)1 : (REAL)0);
        }
    }
}

/* Add the gradient of a weighted sum, and find that of the matches, a (d - sum of all a d) with weights a and their
 * gradients d. */
static void add_weighted(const Attention *a, Sequence s, int64_t width, const REAL *restrict rows,
                         const REAL *restrict gradient, REAL *restrict d_rows) {
    const REAL *weights = a->weights + s.first;
    REAL *d_matches = a->d_matches + s.first, all = 0;
    for (int64_t t = 0; t < s.rows; t++) {
        const REAL *restrict row = rows + t * width, weight = weights[t];
        REAL *restrict d_row = d_rows + t * width, d_weight = 0;
        _Pragma("omp simd reduction(+ : d_weight)") for (int64_t c = 0; c < width; c++) {
            d_weight += gradient[c] * row[c];
            d_row[c] += gradient[c] * weight;
        }
        d_matches[t] = d_weight;
        all += weight * d_weight;
    }
    for (int64_t t = 0; t < s.rows; t++) d_matches[t] = weights[t] * (d_matches[t] - all);
}

static void differentiate_matches(const Attention *a, int64_t width, Sequence s) {
    const REAL *restrict bias = a->bias, *restrict query = a->query;
    REAL *restrict d_bias = a->d_sums + s.place * 2 * width, *restrict d_query = d_bias + width;
    for (int64_t t = s.first; t < s.first + s.rows; t++) {
        const REAL *restrict product = a->products + t * width, d_match = a->d_matches[t];
        REAL *restrict d_product = a->d_products + t * width;
        FOR_COLUMNS(width) {
            const REAL key = TANH(product[c] + bias[c]), d_key = d_match * query[c] * (1 - key * key);
            d_product[c] = d_key;
            d_bias[c] += d_key;
            d_query[c] += d_match * key;
        }
    }
}

static void pool_backward(const Pooling *p, Sequence s) {
    const int64_t width = p->width;
    const REAL *rows = p->vectors + s.first * width;
    const Attention *attention = p->attentions;
    const REAL *out = p->pooled + s.place * p->poolings * width;
    const REAL *gradient = p->d_pooled + s.place * p->poolings * width;
    REAL *d_rows = p->d_vectors + s.first * width;
    memset(d_rows, 0, s.rows * width * sizeof(REAL));
    for (int64_t i = 0; s.rows && i < p->poolings; i++, out += width, gradient += width) switch (p->kinds[i]) {
        case LAST:
            FOR_COLUMNS(width) d_rows[(s.rows - 1) * width + c] += gradient[c];
            break;
        case MEAN:
            add_mean(s.rows, width, gradient, d_rows);
            break;
        case MAX:
            add_greatest(rows, s.rows, width, out, gradient, d_rows);
            break;
        case ATTENTION:
            add_weighted(attention, s, width, rows, gradient, d_rows);
            differentiate_matches(attention++, width, s);
        }
}

/* ---- threads ---- */

static void work(void *given) {
    Pooling *p = given;
    for (;;) {
        const int64_t n = __atomic_fetch_add(&p->next, 1, __ATOMIC_RELAXED);
        if (n >= p->sequences) break;
        const Sequence s = {p->start[n], p->length[n], p->place[n]};
        p->d_pooled ? pool_backward(p, s) : pool_forward(p, s);
    }
}

/* `given` are a pooling's fields up to `kinds`. In the backward pass `d_sums` are zeros. */
void seqpipe_pool(const void *given, const int64_t *kinds, const void *attentions, int64_t threads, RunParallel run_parallel) {
    Pooling p = {0};
    memcpy(&p, given, offsetof(Pooling, kinds));
    p.kinds = kinds;
    p.attentions = attentions;
    if (run_parallel && threads > 1)
        run_parallel(work, &p, (unsigned)threads, 0);
    else
        work(&p);
}
