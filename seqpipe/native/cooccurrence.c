/* Vectors of whatever co-occurs: skip-gram and CBOW with negative sampling or hierarchical softmax.
 *
 * The tokens are cut into slices, and a few slices make a round. Each slice of a round trains copies of the rows that it
 * touches, which begin as the tables were before the round; then each row's changes are added, in the order of the slices.
 * What a slice does depends on the tables and on its place alone, and each row is added to by one thread, so that the
 * result is the same for any number of threads.
 *
 * Time goes into rows that are scattered in memory, and into products that are too small to be fast. So the words of a
 * window share their negatives (Ji et al. 2016), which makes a small dense product of what were many dot products, and a
 * slice draws its negatives from a pool of rows that it has drawn before, which stay in the cache.
 *
 * Documents can have rows of their own, which predict their words too (Le & Mikolov 2014): with skip-gram each word from the
 * document's row, with CBOW from a mean that it's part of. The tables of documents may be large, so nothing here is: a slice
 * has few documents, and they follow each other.
 */

#define GROUP 12        /* the most inputs that share negatives */
#define TARGETS 8       /* outputs that a product has at once: as many sums as the registers hold, for two inputs */
#define MOST_TARGETS 64 /* the most outputs of a step */
#define HALVINGS 12     /* how often a slice that diverges is tried again */

/* How many bytes apart memory is that different threads write to: a cache line, and the one that processors fetch beside it. */
#define APART 128

enum { SKIPGRAM, CBOW };
enum { INPUT, OUTPUT, POSITION, DOCUMENT, TABLES };

typedef struct {
    int64_t width;          /* of a row, a multiple of LANES */
    int64_t words;
    int64_t architecture;
    int64_t window;
    int64_t negatives;      /* how many are meant for each pair */
    int64_t drawn;          /* how many are drawn for the pairs of a window; 0 for hierarchical softmax */
    int64_t pool;           /* how many rows a slice draws them from; 0 for all */
    int64_t slices;         /* in a round */
    int64_t threads;
    int64_t capacity;       /* the most tokens of a slice */
    int64_t seed;
    int64_t inputs, outputs, positions;             /* float *[rows, width]; no positions: 0 */
    int64_t input_rows, output_rows, position_rows;
    int64_t documents;      /* float *[document_rows, width]; 0 for none */
    int64_t document_rows;
    int64_t with_words;     /* 0 if skip-gram predicts words from documents alone */
    int64_t only_documents; /* 1 if all but documents stays as it is */
    int64_t members;        /* int32_t *: rows of the input table whose mean is a word's vector; 0 for the word's own row */
    int64_t member_start;   /* int64_t *[words + 1] */
    int64_t frozen;         /* uint8_t *[rows of the input table]; 0 for none */
    int64_t keep;           /* float *[words]: the probability that an occurrence is kept */
    int64_t alias;          /* int32_t *[words], and */
    int64_t alias_share;    /* float *[words]: how negatives are drawn (Walker 1977) */
    int64_t path;           /* int32_t *: inner nodes from the root to a word, and */
    int64_t path_sign;      /* float *: 1 for a turn to the one side, 0 to the other */
    int64_t path_start;     /* int64_t *[words + 1] */
    int64_t run_parallel;
    /* What follows changes from call to call. */
    int64_t tokens;         /* int32_t *: words, and -1 where a sequence ends */
    int64_t bounds;         /* int64_t *[count + 1]: where slices begin */
    int64_t count;          /* how many slices */
    int64_t document;       /* int64_t *[count]: the document that each begins in; ends lead to the next one */
    int64_t first;          /* the number of the first one, from which its random numbers follow */
    int64_t done;           /* int64_t *[count]: how many tokens of the whole training are done before each */
    int64_t total;          /* of how many */
    int64_t update;         /* 0 to measure the loss alone */
    int64_t loss_every;     /* measure it at one of so many words that are predicted */
    int64_t sums;           /* double *[3]: the sum of losses, the number of pairs, the number of slices that were slowed down */
    double rate;            /* at the beginning; it falls to 0 */
    double settled;         /* see `share_of_changes`: updates of a row in a round, times the rate at the beginning */
    double longest;         /* the greatest norm of a row */
} Job;

/* The rows that a slice has copied of one table. */
typedef struct {
    REAL *now, *before;     /* [capacity, width]; `before` only where rows are means of members: in the end it has their changes */
    int32_t *row;           /* which they are */
    int32_t *place;         /* [places]: where a row is among them, or -1 */
    uint64_t *has;          /* [places / 64 + 1]: a bit for each that's among them: less to read than `place`, for other threads */
    int64_t places, base;   /* the row that the first of these is for: not 0 for documents, of which a slice has a few */
    float *updates;         /* how many updates each had */
    int64_t count, capacity;
} Copies;

/* A row that a word's change goes to, and which of the slice's copies that's of. */
typedef struct { int32_t row, copy; } Route;

typedef struct {
    Copies copies[TABLES];
    Route *routes;          /* where words have members: of all its words, by `group_of` their rows */
    int64_t *route_start;   /* [groups + 1] */
    int64_t trainer;        /* the thread that trained it */
    int is_claimed;         /* whether a thread is adding its rows to the tables, or has */
    int32_t *words;         /* those of a sequence that are kept */
    int32_t document;       /* whose they are */
    int32_t *pool;
    REAL **around;          /* [capacity]: copies of the words of a window */
    REAL *hidden;           /* CBOW's mean of these, and what it was before a step; while slices are added up, a row as it was */
    double loss, pairs;
    int64_t slowed;
    int64_t predicted;      /* how many words */
} __attribute__((aligned(APART))) Slice;

static REAL *table_of(const Job *job, int which) {
    return (REAL *)(which == INPUT ? job->inputs : which == OUTPUT ? job->outputs : which == POSITION ? job->positions : job->documents);
}

static int64_t rows_of(const Job *job, int which) {
    return which == INPUT ? job->input_rows : which == OUTPUT ? job->output_rows : which == POSITION ? job->position_rows : job->document_rows;
}

/* Whether slices read the rows of a table where they are, as nobody changes them. */
static int is_read_only(const Job *job, int which) {
    return job->only_documents && which != DOCUMENT && !(which == INPUT && job->members);
}

typedef struct { float updates; int32_t copies; } Merged;

typedef struct {
    Job job;
    Slice *slices;
    Merged *merged;         /* [rows of the input table], where words have members */
    /* What threads write to and wait for, apart from what they all read. */
    int64_t threads __attribute__((aligned(APART)));    /* how many have begun */
    int64_t taken;          /* how many pieces of work */
    int64_t finished __attribute__((aligned(APART)));
} Work;

/* ---- random numbers: those of a counter, which a key begins (splitmix64; Steele, Lea & Flood 2014) ---- */

#define STRIDE 0x9E3779B97F4A7C15ull

INLINE uint64_t scramble(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

INLINE uint64_t next_number(uint64_t *counter) { return scramble(*counter += STRIDE); }
/* From 0 to below n < 2^32. */
INLINE int64_t below(uint64_t number, int64_t n) { return (int64_t)(((number >> 32) * (uint64_t)n) >> 32); }
/* From 0 to below 1, from the lower bits. */
INLINE float fraction(uint64_t number) { return (number & 0xFFFFFF) * (1.f / 16777216); }

INLINE int32_t draw_negative(const Job *job, uint64_t number) {
    const int64_t k = below(number, job->words);
    return fraction(number) < ((const float *)job->alias_share)[k] ? (int32_t)k : ((const int32_t *)job->alias)[k];
}

/* ---- sums over lanes ---- */

typedef float quad __attribute__((vector_size(16)));

/* Four sums over the lanes of four vectors: halves are added until four lanes are left, and then these are transposed. */
INLINE quad fold(vec a) {
    union { vec whole; quad quads[LANES / 4]; } u = {a};
    for (int n = LANES / 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++) u.quads[i] += u.quads[i + n];
    return u.quads[0];
}

#if defined(__clang__) || __GNUC__ >= 12
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
INLINE void sums_of_four(vec a, vec b, vec c, vec d, float *to) {
    const quad p = fold(a), q = fold(b), r = fold(c), s = fold(d);
    const quad left = PICK(p, q, 0, 4, 1, 5) + PICK(p, q, 2, 6, 3, 7);
    const quad right = PICK(r, s, 0, 4, 1, 5) + PICK(r, s, 2, 6, 3, 7);
    const quad sums = PICK(left, right, 0, 1, 4, 5) + PICK(left, right, 2, 3, 6, 7);
    memcpy(to, &sums, sizeof(sums));
}
#else
INLINE void sums_of_four(vec a, vec b, vec c, vec d, float *to) {
    const quad rows[4] = {fold(a), fold(b), fold(c), fold(d)};
    for (int i = 0; i < 4; i++) to[i] = (rows[i][0] + rows[i][2]) + (rows[i][1] + rows[i][3]);
}
#endif

/* ---- one step ---- */

/* What a step predicts: rows of the output table, which each input belongs to (1) or doesn't (0), and how much that counts. */
typedef struct {
    REAL *row[MOST_TARGETS];
    float truth[MOST_TARGETS], weight[MOST_TARGETS];
    int64_t count;
} Targets;

/* The products of two inputs with some outputs, `[2, MOST_TARGETS]`. */
#define DEFINE_PRODUCTS(NAME, COUNT)                                                                              \
    INLINE void NAME(const REAL *x, const REAL *y, REAL *const *rows, int64_t width, float *to) {                   \
        vec a[8] = {{0}}, b[8] = {{0}};                                                                            \
        for (int64_t d = 0; d < width; d += LANES) {                                                               \
            const vec u = *(const vec *)(x + d), v = *(const vec *)(y + d);                                        \
            _Pragma("GCC unroll 8") for (int k = 0; k < COUNT; k++) {                                              \
                const vec o = *(const vec *)(rows[k] + d);                                                         \
                a[k] += u * o;                                                                                     \
                b[k] += v * o;                                                                                     \
            }                                                                                                      \
        }                                                                                                          \
        sums_of_four(a[0], a[1], a[2], a[3], to);                                                                  \
        sums_of_four(b[0], b[1], b[2], b[3], to + MOST_TARGETS);                                                   \
        if (COUNT > 4) {                                                                                           \
            sums_of_four(a[4], a[5], a[6], a[7], to + 4);                                                          \
            sums_of_four(b[4], b[5], b[6], b[7], to + MOST_TARGETS + 4);                                           \
        }                                                                                                          \
    }
DEFINE_PRODUCTS(products_of_4, 4)
DEFINE_PRODUCTS(products_of_6, 6)
DEFINE_PRODUCTS(products_of_8, 8)

/* For some of the lanes, what the gradients add to all inputs, on top of what earlier targets do, and to some targets;
 * `gradient` is `[inputs, MOST_TARGETS]`. */
#define DEFINE_CHANGES(NAME, COUNT)                                                                                \
    INLINE void NAME(REAL *const *inputs, int64_t count, REAL *const *rows, const float *gradient, int64_t d,       \
                     int is_first, vec *of_inputs, vec *of_rows) {                                                 \
        vec o[COUNT], changes[COUNT];                                                                              \
        _Pragma("GCC unroll 8") for (int k = 0; k < COUNT; k++) {                                                  \
            o[k] = *(const vec *)(rows[k] + d);                                                                    \
            changes[k] = (vec){0};                                                                                 \
        }                                                                                                          \
        for (int64_t i = 0; i < count; i++) {                                                                      \
            const vec x = *(const vec *)(inputs[i] + d);                                                           \
            vec sum = is_first ? (vec){0} : of_inputs[i];                                                          \
            _Pragma("GCC unroll 8") for (int k = 0; k < COUNT; k++) {                                              \
                const float g = gradient[i * MOST_TARGETS + k];                                                    \
                sum += g * o[k];                                                                                   \
                changes[k] += g * x;                                                                               \
            }                                                                                                      \
            of_inputs[i] = sum;                                                                                    \
        }                                                                                                          \
        _Pragma("GCC unroll 8") for (int k = 0; k < COUNT; k++) of_rows[k] = changes[k];                           \
    }
DEFINE_CHANGES(changes_of_4, 4)
DEFINE_CHANGES(changes_of_6, 6)
DEFINE_CHANGES(changes_of_8, 8)

/* -log sigmoid(x) */
static double surprise(double x) { return x > 0 ? log1p(exp(-x)) : log1p(exp(x)) - x; }

/* Move inputs and targets by the gradient of the logistic loss of each pair, all of them as they are before the step.
 * Targets are padded to a whole number of products with the last one, of weight 0. Inputs are at most GROUP, and may be
 * there twice; those that are fixed stay as they are. */
static void step(const Job *job, Slice *slice, REAL *const *inputs, const uint8_t *is_fixed, int64_t count, Targets *targets,
                 float rate, int is_measured) {
    float products[(GROUP + 1) * MOST_TARGETS] ALIGNED;
    const int64_t width = job->width, wanted = targets->count;
    int64_t padded = wanted <= 4 ? 4 : wanted <= 6 ? 6 : (wanted + TARGETS - 1) / TARGETS * TARGETS;
    for (int64_t k = wanted; k < padded; k++) {
        targets->row[k] = targets->row[wanted - 1];
        targets->weight[k] = targets->truth[k] = 0;
    }
    for (int64_t i = 0; i < count; i += 2) {
        const REAL *x = inputs[i], *y = inputs[i + 1 < count ? i + 1 : i];
        float *to = products + i * MOST_TARGETS;
        if (padded == 4) products_of_4(x, y, targets->row, width, to);
        else if (padded == 6) products_of_6(x, y, targets->row, width, to);
        else
            for (int64_t k = 0; k < padded; k += TARGETS) products_of_8(x, y, targets->row + k, width, to + k);
    }
    if (is_measured) {
        for (int64_t i = 0; i < count; i++)
            for (int64_t k = 0; k < wanted; k++) {
                const float x = products[i * MOST_TARGETS + k];
                slice->loss += targets->weight[k] * (double)surprise(targets->truth[k] ? x : -x);
            }
        slice->pairs += count;
    }
    if (!job->update) return;
    for (int64_t i = 0; i < count; i++) {
        float *row = products + i * MOST_TARGETS;
        #pragma omp simd
        for (int64_t k = 0; k < padded; k++) row[k] = rate * targets->weight[k] * (targets->truth[k] - SIGMOID(row[k]));
    }
    for (int64_t d = 0; d < width; d += LANES) {
        vec of_inputs[GROUP], of_rows[MOST_TARGETS];
        if (padded == 4) changes_of_4(inputs, count, targets->row, products, d, 1, of_inputs, of_rows);
        else if (padded == 6) changes_of_6(inputs, count, targets->row, products, d, 1, of_inputs, of_rows);
        else
            for (int64_t k = 0; k < padded; k += TARGETS)
                changes_of_8(inputs, count, targets->row + k, products + k, d, !k, of_inputs, of_rows + k);
        /* After all have been read, and added to what's there by now, as a row may be among them twice. */
        for (int64_t i = 0; i < count; i++)
            if (!is_fixed[i]) *(vec *)(inputs[i] + d) += of_inputs[i];
        if (!job->only_documents)
            for (int64_t k = 0; k < wanted; k++) *(vec *)(targets->row[k] + d) += of_rows[k];
    }
}

/* ---- one slice ---- */

INLINE const int32_t *members_of(const Job *job, int32_t word, int64_t *count) {
    const int64_t *start = (const int64_t *)job->member_start;
    *count = start[word + 1] - start[word];
    return (const int32_t *)job->members + start[word];
}

/* Whether a word's vector stays as it is. Of words that have members, only rows can: see `merge_members`. */
INLINE uint8_t is_frozen(const Job *job, int32_t word) {
    return job->only_documents || (job->frozen && !job->members && ((const uint8_t *)job->frozen)[word]);
}

/* The mean of a part of rows, whose width is a constant number of registers that the sums stay in. Row after row is read: that's
 * faster than to read a register of each row, and then the next of each. */
INLINE void mean_of_rows(const REAL *table, int64_t width, const int32_t *rows, int64_t count, REAL *to, const int registers) {
    vec sums[8] = {{0}};
    for (int64_t i = 0; i < count; i++)
        _Pragma("GCC unroll 8") for (int v = 0; v < registers; v++) sums[v] += *(const vec *)(table + rows[i] * width + v * LANES);
    const float share = 1.f / count;
    _Pragma("GCC unroll 8") for (int v = 0; v < registers; v++) *(vec *)(to + v * LANES) = sums[v] * share;
}

/* The vector of a word: the mean of its members. */
static void compose(const Job *job, int32_t word, REAL *to) {
    int64_t count;
    const int32_t *rows = members_of(job, word, &count);
    for (int64_t d = 0; d < job->width; d += 8 * LANES) {
        const REAL *table = (const REAL *)job->inputs + d;
        switch (MIN((job->width - d) / LANES, 8)) {
            case 1: mean_of_rows(table, job->width, rows, count, to + d, 1); break;
            case 2: mean_of_rows(table, job->width, rows, count, to + d, 2); break;
            case 3: mean_of_rows(table, job->width, rows, count, to + d, 3); break;
            case 4: mean_of_rows(table, job->width, rows, count, to + d, 4); break;
            case 5: mean_of_rows(table, job->width, rows, count, to + d, 5); break;
            case 6: mean_of_rows(table, job->width, rows, count, to + d, 6); break;
            case 7: mean_of_rows(table, job->width, rows, count, to + d, 7); break;
            default: mean_of_rows(table, job->width, rows, count, to + d, 8); break;
        }
    }
}

/* The slice's copy of a row, whose updates are counted. Writing to it changes no table; nobody writes to one that's read only. */
INLINE REAL *copy_of(const Job *job, Slice *slice, int which, int32_t row, float updates) {
    if (is_read_only(job, which)) return table_of(job, which) + row * job->width;
    Copies *copies = &slice->copies[which];
    int32_t place = copies->place[row - copies->base];
    REAL *to;
    if (place < 0) {
        const int64_t at = row - copies->base;
        place = copies->place[at] = (int32_t)copies->count++;
        copies->has[at / 64] |= (uint64_t)1 << at % 64;
        copies->row[place] = row;
        copies->updates[place] = 0;
        to = copies->now + place * job->width;
        if (which == INPUT && job->members) {
            compose(job, row, to);
            memcpy(copies->before + place * job->width, to, job->width * sizeof(REAL));
        } else {
            memcpy(to, table_of(job, which) + row * job->width, job->width * sizeof(REAL));
        }
    } else {
        to = copies->now + place * job->width;
    }
    copies->updates[place] += updates;
    return to;
}

/* What a copied row was before. */
INLINE const REAL *row_before(const Job *job, const Copies *copies, int which, int64_t i) {
    if (which == INPUT && job->members) return copies->before + i * job->width;
    return table_of(job, which) + copies->row[i] * job->width;
}

/* Have a row on its way from memory while others are computed with. */
INLINE void expect(const Job *job, const Slice *slice, int which, int32_t row) {
    if (slice->copies[which].place && slice->copies[which].place[row] >= 0) return;
    const char *from = (const char *)(table_of(job, which) + row * job->width);
    for (size_t byte = 0; byte < job->width * sizeof(REAL); byte += 64) __builtin_prefetch(from + byte);
}

static void forget(Slice *slice) {
    for (int which = 0; which < TABLES; which++) {
        Copies *copies = &slice->copies[which];
        for (int64_t i = 0; i < copies->count; i++) {
            const int64_t at = copies->row[i] - copies->base;
            copies->place[at] = -1;
            copies->has[at / 64] = 0;
        }
        copies->count = 0;
    }
    slice->loss = slice->pairs = 0;
}

/* What's predicted of a word: itself and words drawn at random, or the turns on the way to it. */
static void choose_targets(const Job *job, Slice *slice, Targets *targets, int32_t word, int64_t inputs, int64_t drawn, uint64_t *counter) {
    if (!job->drawn) {
        const int64_t *start = (const int64_t *)job->path_start;
        targets->count = start[word + 1] - start[word];
        for (int64_t k = 0; k < targets->count; k++) {
            targets->row[k] = copy_of(job, slice, OUTPUT, ((const int32_t *)job->path)[start[word] + k], inputs);
            targets->truth[k] = ((const float *)job->path_sign)[start[word] + k];
            targets->weight[k] = 1;
        }
        return;
    }
    const float weight = (float)job->negatives / drawn;
    targets->count = 1 + drawn;
    targets->row[0] = copy_of(job, slice, OUTPUT, word, inputs);
    targets->truth[0] = targets->weight[0] = 1;
    for (int64_t k = 1; k <= drawn; k++) {
        const uint64_t number = next_number(counter);
        const int32_t other = job->pool ? slice->pool[below(number, job->pool)] : draw_negative(job, number);
        targets->row[k] = copy_of(job, slice, OUTPUT, other, weight * inputs);
        targets->truth[k] = 0;
        targets->weight[k] = other == word ? 0 : weight;
    }
}

/* Predict a word from each of the words around it, and from its document, which is the last input. */
static void train_pairs(const Job *job, Slice *slice, int64_t first, int64_t place, int64_t last, float rate, int is_measured, uint64_t *counter) {
    const int64_t count = (job->with_words ? last - first : 0) + (job->documents != 0);
    const int64_t groups = (count + GROUP - 1) / GROUP;
    /* A document alone shares its negatives with nothing. */
    const int64_t drawn = job->with_words ? job->drawn : job->negatives;
    int64_t next = job->with_words ? first : last + 1;
    for (int64_t g = 0; g < groups; g++) {
        REAL *inputs[GROUP];
        uint8_t is_fixed[GROUP];
        Targets targets;
        int64_t found = 0;
        const int64_t wanted = count * (g + 1) / groups - count * g / groups;
        for (; found < wanted; next++) {
            if (next == place) continue;
            const int is_document = next > last;
            is_fixed[found] = !is_document && is_frozen(job, slice->words[next]);
            inputs[found++] = is_document ? copy_of(job, slice, DOCUMENT, slice->document, 1)
                                          : copy_of(job, slice, INPUT, slice->words[next], 1);
        }
        choose_targets(job, slice, &targets, slice->words[place], found, drawn, counter);
        step(job, slice, inputs, is_fixed, found, &targets, rate, is_measured);
    }
}

/* Predict a word from the mean of those around it, each weighted by the number of its members, as the fastText library has it;
 * or from that of their products with weights of their positions (Mikolov et al. 2018). The document's row counts as one word of
 * one member, at no position. */
static void train_mean(const Job *job, Slice *slice, int64_t first, int64_t place, int64_t last, float rate, int is_measured, uint64_t *counter) {
    const int64_t width = job->width;
    REAL *hidden = slice->hidden, *before = hidden + width;
    memset(hidden, 0, width * sizeof(REAL));
    float total = 0;
    for (int64_t i = first; i <= last; i++) {
        if (i == place) continue;
        int64_t members = 1;
        if (job->members) members_of(job, slice->words[i], &members);
        const REAL *row = slice->around[i - first] = copy_of(job, slice, INPUT, slice->words[i], 1);
        const float weight = members;
        if (job->positions) {
            const REAL *at = copy_of(job, slice, POSITION, (int32_t)(i - place + job->window - (i > place)), 1);
            for (int64_t d = 0; d < width; d += LANES)
                *(vec *)(hidden + d) += weight * *(const vec *)(row + d) * *(const vec *)(at + d);
        } else {
            for (int64_t d = 0; d < width; d += LANES) *(vec *)(hidden + d) += weight * *(const vec *)(row + d);
        }
        total += weight;
    }
    if (job->documents) {
        const REAL *row = copy_of(job, slice, DOCUMENT, slice->document, 1);
        for (int64_t d = 0; d < width; d += LANES) *(vec *)(hidden + d) += *(const vec *)(row + d);
        total += 1;
    }
    for (int64_t d = 0; d < width; d += LANES) *(vec *)(before + d) = *(vec *)(hidden + d) *= 1 / total;
    Targets targets;
    choose_targets(job, slice, &targets, slice->words[place], 1, job->negatives, counter);
    step(job, slice, (REAL *[]){hidden}, (uint8_t[]){0}, 1, &targets, rate, is_measured);
    if (!job->update) return;
    for (int64_t d = 0; d < width; d += LANES) *(vec *)(hidden + d) -= *(vec *)(before + d);
    if (job->documents) {
        REAL *row = copy_of(job, slice, DOCUMENT, slice->document, 0);
        for (int64_t d = 0; d < width; d += LANES) *(vec *)(row + d) += *(const vec *)(hidden + d);
    }
    if (job->only_documents) return;
    for (int64_t i = first; i <= last; i++) {
        if (i == place) continue;
        REAL *row = slice->around[i - first];
        const float moves = !is_frozen(job, slice->words[i]);
        if (job->positions) {
            REAL *at = copy_of(job, slice, POSITION, (int32_t)(i - place + job->window - (i > place)), 0);
            int64_t members = 1;
            if (job->members) members_of(job, slice->words[i], &members);
            const float share = members / total;
            for (int64_t d = 0; d < width; d += LANES) {
                const vec moved = *(const vec *)(hidden + d), old = *(const vec *)(row + d);
                *(vec *)(row + d) += moves * moved * *(const vec *)(at + d);
                *(vec *)(at + d) += share * moved * old;
            }
        } else {
            for (int64_t d = 0; d < width; d += LANES) *(vec *)(row + d) += moves * *(const vec *)(hidden + d);
        }
    }
}

static void train_once(const Job *job, Slice *slice, int64_t number, float rate) {
    const int32_t *tokens = (const int32_t *)job->tokens;
    const int64_t *bounds = (const int64_t *)job->bounds;
    uint64_t counter = scramble(scramble((uint64_t)job->seed + STRIDE) + (uint64_t)(job->first + number) * STRIDE);
    forget(slice);
    if (job->documents) slice->copies[DOCUMENT].base = slice->document = ((const int64_t *)job->document)[number];
    /* Not 0, or else the words that sequences begin with would be measured more often than others. */
    slice->predicted = job->first + number;
    for (int64_t i = 0; i < job->pool; i++) {
        slice->pool[i] = draw_negative(job, next_number(&counter));
        expect(job, slice, OUTPUT, slice->pool[i]);
    }
    const int64_t end = bounds[number + 1];
    for (int64_t at = bounds[number]; at < end; at++, slice->document++) {
        int64_t kept = 0;
        for (; at < end && tokens[at] >= 0; at++) {
            const float keep = ((const float *)job->keep)[tokens[at]];
            if (keep >= 1 || fraction(next_number(&counter)) < keep) {
                slice->words[kept++] = tokens[at];
                if (job->drawn) expect(job, slice, OUTPUT, tokens[at]);
                if (!job->members) expect(job, slice, INPUT, tokens[at]);
            }
        }
        for (int64_t i = 0; i < kept; i++) {
            const int64_t reach = job->with_words ? 1 + below(next_number(&counter), job->window) : 0;
            const int64_t first = i > reach ? i - reach : 0, last = i + reach < kept ? i + reach : kept - 1;
            if (first == last && !job->documents) continue;
            const int is_measured = job->loss_every && !(slice->predicted++ % job->loss_every);
            if (job->architecture == CBOW) train_mean(job, slice, first, i, last, rate, is_measured, &counter);
            else train_pairs(job, slice, first, i, last, rate, is_measured, &counter);
        }
    }
}

static double square_of(const Job *job, const REAL *row) {
    vec squares = {0};
    for (int64_t d = 0; d < job->width; d += LANES) squares += *(const vec *)(row + d) * *(const vec *)(row + d);
    float sum = 0;
    for (int l = 0; l < LANES; l++) sum += squares[l];
    return sum;
}

/* False if a row became too long, or not a number. */
static int is_bounded(const Job *job, const Slice *slice) {
    const double bound = job->longest * job->longest;
    for (int which = 0; which < TABLES; which++) {
        const Copies *copies = &slice->copies[which];
        for (int64_t i = 0; i < copies->count; i++) {
            const double length = square_of(job, copies->now + i * job->width);
            /* Both are false for NaN. One that has come out of a round too long may become shorter. */
            if (!(length <= bound || length <= square_of(job, row_before(job, copies, which, i)))) return 0;
        }
    }
    return 1;
}

/* Which group a member's row is in: of these there are as many as slices in a round, and one thread at a time adds to the rows of one.
 * Rows whose entries in `merged` share a cache line are in the same one. */
INLINE int64_t group_of(const Job *job, int32_t row) {
    return (uint32_t)row / (APART / sizeof(Merged)) % (uint32_t)job->slices;
}

/* Where the routes of a group begin, and end those of the one before. */
INLINE const Route *routes_of(const Slice *slice, int64_t group) { return slice->routes + slice->route_start[group]; }

/* Put words' changes where the words were before, and list the rows that they go to, by groups. The thread that trained the slice
 * does this, as it has both in its cache, so that one that adds the changes up needs to look at none of the other groups. */
static void route_changes(const Job *job, Slice *slice) {
    const Copies *copies = &slice->copies[INPUT];
    const int64_t groups = job->slices;
    int64_t *start = slice->route_start, count;
    memset(start, 0, (groups + 1) * sizeof(int64_t));
    for (int64_t i = 0; i < copies->count; i++) {
        REAL *before = copies->before + i * job->width;
        const REAL *now = copies->now + i * job->width;
        for (int64_t d = 0; d < job->width; d += LANES) *(vec *)(before + d) = *(const vec *)(now + d) - *(const vec *)(before + d);
        const int32_t *rows = members_of(job, copies->row[i], &count);
        for (int64_t m = 0; m < count; m++) start[1 + group_of(job, rows[m])]++;
    }
    for (int64_t g = 1; g < groups; g++) start[g + 1] += start[g];
    /* Each start moves on to the next one as the routes of its group are written. */
    for (int64_t i = 0; i < copies->count; i++) {
        const int32_t *rows = members_of(job, copies->row[i], &count);
        for (int64_t m = 0; m < count; m++) slice->routes[start[group_of(job, rows[m])]++] = (Route){rows[m], (int32_t)i};
    }
    memmove(start + 1, start, groups * sizeof(int64_t));
    start[0] = 0;
}

/* Train a slice; one whose vectors would grow beyond all bounds is trained again with half the rate. */
static void train_slice(Work *work, int64_t base, int64_t k, int64_t self) {
    const Job *job = &work->job;
    Slice *slice = &work->slices[k];
    const int64_t number = base + k;
    double rate = job->rate * (1 - (double)((const int64_t *)job->done)[number] / job->total);
    slice->slowed = 0;
    slice->trainer = self;
    slice->is_claimed = 0;
    int is_bad = 1;
    for (int tries = 0; is_bad && tries <= HALVINGS; tries++, rate /= 2) {
        train_once(job, slice, number, (float)rate);
        is_bad = job->update && !is_bounded(job, slice);
        slice->slowed |= is_bad;
    }
    if (is_bad) forget(slice);
    if (job->update && job->members && !job->only_documents) route_changes(job, slice);
}

/* ---- the end of a round ---- */

/* The share of its changes that a row gets. Those of a row that's updated seldom are added. Those of one that's updated so often
 * that each slice brings it to where it's drawn are the same way many times over, and added they'd overshoot: they're averaged,
 * or scaled in between. */
INLINE float share_of_changes(const Job *job, float updates, int64_t copies) {
    const double settled = job->settled / job->rate;
    if (updates <= settled) return 1;
    const float share = settled / updates, mean = 1.f / copies;
    return share > mean ? share : mean;
}

/* Where a slice has its copy of a row; negative if it has none. */
INLINE int64_t place_of(const Copies *copies, int64_t row) {
    const int64_t at = row - copies->base;
    if (at < 0 || at >= copies->places || !(copies->has[at / 64] >> at % 64 & 1)) return -1;
    return copies->place[at];
}

/* Add up what the slices of a round did to the rows of which the k-th is the first that has them. */
static void merge_rows(const Work *work, int64_t running, int which, int64_t k) {
    const Job *job = &work->job;
    const uint8_t *frozen = which == INPUT ? (const uint8_t *)job->frozen : NULL;
    const Slice *slices = work->slices;
    const Copies *copies = &slices[k].copies[which];
    for (int64_t i = 0; i < copies->count; i++) {
        const int32_t row = copies->row[i];
        if (frozen && frozen[row]) continue;
        int is_first = 1;
        for (int64_t j = 0; j < k; j++) is_first &= place_of(&slices[j].copies[which], row) < 0;
        if (!is_first) continue;
        float updates = copies->updates[i];
        int64_t count = 1;
        for (int64_t j = k + 1; j < running; j++) {
            const Copies *others = &slices[j].copies[which];
            const int64_t place = place_of(others, row);
            if (place >= 0) updates += others->updates[place], count++;
        }
        REAL *to = table_of(job, which) + row * job->width;
        if (count == 1) {
            memcpy(to, copies->now + i * job->width, job->width * sizeof(REAL));
            continue;
        }
        const float share = share_of_changes(job, updates, count);
        /* Nobody else has this slice now. */
        REAL *before = slices[k].hidden;
        memcpy(before, to, job->width * sizeof(REAL));
        for (int64_t j = k; j < running; j++) {
            const Copies *others = &slices[j].copies[which];
            const int64_t place = j == k ? i : place_of(others, row);
            if (place < 0) continue;
            const REAL *now = others->now + place * job->width;
            for (int64_t d = 0; d < job->width; d += LANES)
                *(vec *)(to + d) += share * (*(const vec *)(now + d) - *(const vec *)(before + d));
        }
    }
}

/* How many rows ahead one is on its way from memory. */
#define AHEAD 4

/* Add the changes of words to their members, as far as these are in a group. */
static void merge_members(const Work *work, int64_t running, int64_t group) {
    const Job *job = &work->job;
    const uint8_t *frozen = (const uint8_t *)job->frozen;
    const size_t bytes = job->width * sizeof(REAL);
    Merged *merged = work->merged;
    for (int64_t k = 0; k < running; k++) {
        const Slice *slice = &work->slices[k];
        const Route *end = routes_of(slice, group + 1);
        for (const Route *at = routes_of(slice, group); at < end; at++) {
            merged[at->row].updates += slice->copies[INPUT].updates[at->copy];
            merged[at->row].copies++;
        }
    }
    for (int64_t k = 0; k < running; k++) {
        const Slice *slice = &work->slices[k];
        const Route *end = routes_of(slice, group + 1);
        for (const Route *at = routes_of(slice, group); at < end; at++) {
            if (at + AHEAD < end)
                for (size_t byte = 0; byte < bytes; byte += 64)
                    __builtin_prefetch((const char *)(job->inputs + at[AHEAD].row * bytes) + byte, 1);
            if (frozen && frozen[at->row]) continue;
            const float share = share_of_changes(job, merged[at->row].updates, merged[at->row].copies);
            const REAL *change = slice->copies[INPUT].before + at->copy * job->width;
            REAL *to = (REAL *)job->inputs + at->row * job->width;
            for (int64_t d = 0; d < job->width; d += LANES) *(vec *)(to + d) += share * *(const vec *)(change + d);
        }
    }
    for (int64_t k = 0; k < running; k++) {
        const Slice *slice = &work->slices[k];
        const Route *end = routes_of(slice, group + 1);
        for (const Route *at = routes_of(slice, group); at < end; at++) merged[at->row] = (Merged){0, 0};
    }
}

/* The slice whose rows a thread merges next: one that it trained itself, and so has in its cache, or another; negative for none. */
static int64_t claim_slice(Work *work, int64_t running, int64_t self) {
    for (int any = 0; any <= 1; any++)
        for (int64_t k = 0; k < running; k++) {
            Slice *slice = &work->slices[k];
            /* It only says who: what's in the slices is there to see since `finished` said so. */
            if ((any || slice->trainer == self) && !__atomic_exchange_n(&slice->is_claimed, 1, __ATOMIC_RELAXED)) return k;
        }
    return -1;
}

/* Do a piece of the end of a round: the rows that one slice was the first to copy, and a group of members' rows. */
static void merge_piece(Work *work, int64_t running, int64_t piece, int64_t self) {
    const Job *job = &work->job;
    const int64_t k = claim_slice(work, running, self);
    for (int which = job->only_documents ? DOCUMENT : 0; which < TABLES; which++) {
        if (which == INPUT && job->members) merge_members(work, running, piece);
        else if (k >= 0) merge_rows(work, running, which, k);
    }
}

/* What all slices of a round came to, in their order. */
static void add_sums(const Work *work, int64_t running) {
    double *sums = (double *)work->job.sums;
    for (int64_t k = 0; k < running; k++) {
        sums[0] += work->slices[k].loss;
        sums[1] += work->slices[k].pairs;
        sums[2] += work->slices[k].slowed;
    }
}

/* Wait until so many pieces are finished: not for long, as other threads are at them. */
static void wait_for(const Work *work, int64_t pieces) {
    for (int64_t tries = 0; __atomic_load_n(&work->finished, __ATOMIC_ACQUIRE) < pieces; tries++)
        if (tries > 2000) sched_yield();
}

/* The slice of a round that as many as k are longer than: if long ones come first, threads are done at about the same time. */
static int64_t longest_but(const Job *job, int64_t base, int64_t running, int64_t k) {
    const int64_t *bounds = (const int64_t *)job->bounds + base;
    for (int64_t i = 0; i < running; i++) {
        int64_t before = 0;
        for (int64_t j = 0; j < running; j++) {
            const int64_t more = bounds[j + 1] - bounds[j] - (bounds[i + 1] - bounds[i]);
            before += more > 0 || (more == 0 && j < i);
        }
        if (before == k) return i;
    }
    return k;
}

/* Take one piece of work after another until none is left: of each round the slices, and then as many pieces of its end. Pieces are
 * taken in this order, and those of a part of a round wait for all before it. So any number of threads may do this, and none
 * waits for one that hasn't begun. Waking threads for each round would take as long as the work. */
static void take_work(void *given) {
    Work *work = given;
    const Job *job = &work->job;
    const int64_t self = __atomic_fetch_add(&work->threads, 1, __ATOMIC_RELAXED);
    const int64_t slices = job->slices, pieces = 2 * slices;
    const int64_t rounds = (job->count + slices - 1) / slices;
    for (;;) {
        const int64_t piece = __atomic_fetch_add(&work->taken, 1, __ATOMIC_RELAXED);
        const int64_t round = piece / pieces, k = piece % pieces, base = round * slices;
        if (round >= rounds) return;
        const int64_t left = job->count - base, running = left < slices ? left : slices;
        if (k < slices) {
            wait_for(work, round * pieces);
            if (k < running) train_slice(work, base, longest_but(job, base, running, k), self);
        } else {
            wait_for(work, round * pieces + slices);
            if (k == slices) add_sums(work, running);
            if (job->update) merge_piece(work, running, k - slices, self);
        }
        __atomic_fetch_add(&work->finished, 1, __ATOMIC_RELEASE);
    }
}

/* ---- memory ---- */

void seqpipe_cooccurrence_end(Work *work) {
    if (!work) return;
    for (int64_t k = 0; work->slices && k < work->job.slices; k++) {
        Slice *slice = &work->slices[k];
        for (int which = 0; which < TABLES; which++) {
            Copies *copies = &slice->copies[which];
            free(copies->now), free(copies->before), free(copies->row), free(copies->place), free(copies->has), free(copies->updates);
        }
        free(slice->words), free(slice->pool), free(slice->around), free(slice->hidden), free(slice->routes), free(slice->route_start);
    }
    free(work->merged);
    free(work->slices);
    free(work);
}

static void *zeros_apart(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, APART, bytes) ? NULL : memset(memory, 0, bytes);
}

static int begin_copies(const Job *job, Copies *copies, int which) {
    if (is_read_only(job, which)) return 1;
    int64_t rows = which == INPUT ? job->words : rows_of(job, which);
    if (which == DOCUMENT && rows > job->capacity) rows = job->capacity;
    int64_t most = job->capacity;
    if (which == OUTPUT) most = job->drawn && job->pool ? job->capacity + job->pool : job->capacity * MOST_TARGETS;
    /* A few words may stand at all distances from each other. */
    if (which == POSITION) most = rows;
    copies->capacity = most < rows ? most : rows;
    copies->now = allocate(copies->capacity * job->width);
    if (which == INPUT && job->members && !(copies->before = allocate(copies->capacity * job->width))) return 0;
    copies->row = malloc(AT_LEAST_ONE(copies->capacity) * sizeof(int32_t));
    copies->updates = malloc(AT_LEAST_ONE(copies->capacity) * sizeof(float));
    copies->places = rows;
    copies->place = malloc(AT_LEAST_ONE(rows) * sizeof(int32_t));
    copies->has = calloc(rows / 64 + 1, sizeof(uint64_t));
    if (!copies->now || !copies->row || !copies->updates || !copies->place || !copies->has) return 0;
    memset(copies->place, 0xff, rows * sizeof(int32_t));
    return 1;
}

/* How many members the distinct words of a slice have at most. */
static int64_t most_members(const Job *job) {
    int64_t most = 0, count, total = ((const int64_t *)job->member_start)[job->words];
    for (int64_t word = 0; word < job->words; word++) {
        members_of(job, (int32_t)word, &count);
        if (count > most) most = count;
    }
    return most * job->capacity < total ? most * job->capacity : total;
}

/* What rounds need in memory, kept from call to call; null if there isn't enough. */
Work *seqpipe_cooccurrence_begin(const Job *job) {
    Work *work = zeros_apart(sizeof(Work));
    if (!work) return NULL;
    work->job = *job;
    work->slices = zeros_apart(job->slices * sizeof(Slice));
    const int has_members = job->members && !job->only_documents;
    const int64_t routes = has_members ? most_members(job) : 0;
    int is_there = work->slices != NULL;
    for (int64_t k = 0; is_there && k < job->slices; k++) {
        Slice *slice = &work->slices[k];
        for (int which = 0; is_there && which < TABLES; which++) is_there = begin_copies(job, &slice->copies[which], which);
        slice->words = malloc(AT_LEAST_ONE(job->capacity) * sizeof(int32_t));
        slice->pool = malloc(AT_LEAST_ONE(job->pool) * sizeof(int32_t));
        slice->hidden = allocate(2 * job->width);
        slice->around = malloc(AT_LEAST_ONE(job->capacity) * sizeof(REAL *));
        is_there = is_there && slice->words && slice->pool && slice->hidden && slice->around;
        if (is_there && has_members) {
            slice->routes = malloc(AT_LEAST_ONE(routes) * sizeof(Route));
            slice->route_start = malloc((job->slices + 1) * sizeof(int64_t));
            is_there = slice->routes && slice->route_start;
        }
    }
    if (is_there && has_members) is_there = (work->merged = zeros_apart(job->input_rows * sizeof(Merged))) != NULL;
    if (is_there) return work;
    seqpipe_cooccurrence_end(work);
    return NULL;
}

/* Train some slices, a round at a time; the last one may have fewer. */
void seqpipe_cooccurrence(Work *work, const Job *job) {
    const RunParallel run_parallel = (RunParallel)job->run_parallel;
    work->job = *job;
    work->threads = work->taken = work->finished = 0;
    if (run_parallel && job->threads > 1) run_parallel(take_work, work, (unsigned)job->threads, 0);
    else take_work(work);
}
