/* Linear chains of labels: sums over all sequences of labels of a text, and the best one.
 *
 * A thread takes a whole text at a time, the longest first. Nothing is summed over texts, so results don't depend on the
 * number of threads. All is in double precision: probabilities are scaled to a sum of 1 at each word, and what's
 * more than exp(700) times less likely than a word's likeliest label is lost.
 */

typedef struct {
    int64_t sequences, labels;
    const int64_t *start;       /* [sequences] the first row of each, in descending order of length */
    const int64_t *length;      /* [sequences] at least 1 */
    const REAL *logits;         /* [rows, labels] */
    /* Sums have exponentials of these, the best sequence has them as they are. */
    const REAL *transitions;    /* [labels, labels] from, to */
    const REAL *transposed;     /* [labels, labels] to, from */
    const REAL *starts, *ends;  /* [labels] */
    REAL *before;               /* [rows, labels] of the words up to this one, by its label; null: the best sequence */
    REAL *after;                /* [rows, labels] of the words behind it */
    REAL *follows;              /* [rows, labels] a word's own share of the pairs with the word before, see below */
    REAL *marginals;            /* [rows, labels] */
    REAL *log_scales;           /* [sequences] the logarithm of the sum, but for the greatest of transitions and ends */
    int64_t *best;              /* [rows] */
    int64_t *backpointers;           /* [rows, labels] the label before, by the label */
    int64_t next;               /* the next sequence that no thread has taken */
} Chains;

#define FOR_LABELS(COUNT) _Pragma("omp simd") for (int64_t l = 0; l < (COUNT); l++)

static REAL sum_of(const REAL *restrict numbers, int64_t count) {
    REAL sum = 0;
    for (int64_t l = 0; l < count; l++) sum += numbers[l];
    return sum;
}

/* out = vector . matrix */
static void multiply(const REAL *restrict vector, const REAL *restrict matrix, int64_t count, REAL *restrict out) {
    memset(out, 0, count * sizeof(REAL));
    for (int64_t i = 0; i < count; i++) {
        const REAL *restrict row = matrix + i * count, weight = vector[i];
        FOR_LABELS(count) out[l] += weight * row[l];
    }
}

/* Sum over all sequences from the first word on, and from the last one back. With M for transitions, e_t for the exponentials of a
 * word's logits and * for products of elements:
 *
 *     before_t = (before_t-1 . M) * e_t     after_t = M . (e_t+1 * after_t+1)
 *     marginals_t = before_t * after_t      pairs = M * sum of before_t (x) follows_t+1
 *
 * each over its sum. So follows_t+1 is e_t+1 * after_t+1 over the sum of before_t * after_t. */
static void sum_sequence(const Chains *c, int64_t n) {
    const int64_t labels = c->labels, length = c->length[n], first = c->start[n] * labels;
    const REAL *logits = c->logits + first;
    REAL *before = c->before + first, *after = c->after + first, *follows = c->follows + first;
    REAL *marginals = c->marginals + first, log_scale = 0;
    for (int64_t t = 0; t < length; t++) {
        const REAL *restrict x = logits + t * labels;
        REAL *restrict row = before + t * labels, *restrict e = follows + t * labels, greatest = x[0];
        for (int64_t l = 1; l < labels; l++) greatest = MAXIMUM(greatest, x[l]);
        for (int64_t l = 0; l < labels; l++) e[l] = exp(x[l] - greatest);
        if (t)
            multiply(row - labels, c->transitions, labels, row);
        else
            memcpy(row, c->starts, labels * sizeof(REAL));
        FOR_LABELS(labels) row[l] *= e[l];
        const REAL sum = sum_of(row, labels);
        FOR_LABELS(labels) row[l] /= sum;
        log_scale += greatest + log(sum);
    }
    REAL *row = after + (length - 1) * labels;
    memcpy(row, c->ends, labels * sizeof(REAL));
    for (int64_t t = length - 1;; t--) {
        REAL *restrict e = follows + t * labels, *restrict m = marginals + t * labels;
        const REAL *restrict b = before + t * labels, *restrict a = after + t * labels;
        FOR_LABELS(labels) m[l] = b[l] * a[l];
        const REAL sum = sum_of(m, labels);
        if (t == length - 1)
            log_scale += log(sum);
        else
            FOR_LABELS(labels) e[labels + l] /= sum;
        FOR_LABELS(labels) m[l] /= sum;
        FOR_LABELS(labels) e[l] *= a[l];
        if (!t) break;
        const REAL all = sum_of(e, labels);
        FOR_LABELS(labels) e[l] /= all;
        multiply(e, c->transposed, labels, after + (t - 1) * labels);
    }
    /* Nothing is before the first word. */
    memset(follows, 0, labels * sizeof(REAL));
    c->log_scales[n] = log_scale;
}

/* Of equally good sequences, the one whose last labels come first. */
static void find_best(const Chains *c, int64_t n) {
    const int64_t labels = c->labels, length = c->length[n], first = c->start[n] * labels;
    const REAL *logits = c->logits + first;
    REAL *marginals = c->marginals + first; /* here: the score of the best sequence up to a word, by its label */
    int64_t *backpointers = c->backpointers + first, *best = c->best + c->start[n];
    for (int64_t t = 0; t < length; t++) {
        const REAL *restrict x = logits + t * labels;
        REAL *restrict score = marginals + t * labels;
        int64_t *restrict backpointer = backpointers + t * labels;
        for (int64_t i = 0; t && i < labels; i++) {
            const REAL *restrict transition = c->transitions + i * labels, until = score[i - labels];
            if (!i) {
                FOR_LABELS(labels) score[l] = until + transition[l];
                FOR_LABELS(labels) backpointer[l] = 0;
                continue;
            }
            _Pragma("omp simd") for (int64_t l = 0; l < labels; l++) {
                const REAL found = until + transition[l];
                const int is_better = found > score[l];
                score[l] = is_better ? found : score[l];
                backpointer[l] = is_better ? i : backpointer[l];
            }
        }
        if (!t) memcpy(score, c->starts, labels * sizeof(REAL));
        FOR_LABELS(labels) score[l] += x[l];
    }
    const REAL *last = marginals + (length - 1) * labels;
    int64_t label = 0;
    for (int64_t l = 1; l < labels; l++)
        if (last[l] + c->ends[l] > last[label] + c->ends[label]) label = l;
    for (int64_t t = length - 1; t > 0; t--) {
        best[t] = label;
        label = backpointers[t * labels + label];
    }
    best[0] = label;
}

static void work(void *given) {
    Chains *c = given;
    for (;;) {
        const int64_t n = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED);
        if (n >= c->sequences) break;
        c->before ? sum_sequence(c, n) : find_best(c, n);
    }
}

/* `given` are the fields up to `next`. */
void seqpipe_chains(const void *given, int64_t threads, RunParallel run_parallel) {
    Chains c = {0};
    memcpy(&c, given, offsetof(Chains, next));
    if (run_parallel && threads > 1)
        run_parallel(work, &c, (unsigned)threads, 0);
    else
        work(&c);
}
