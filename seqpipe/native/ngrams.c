/* Counts the n-grams of texts and weighs the counts, one text after another.
 *
 * A text's columns come out in ascending order: those that it has are marked in a bitmap, which is gone through afterwards. A
 * second bitmap says where the first one has marks at all, so that a short text doesn't pay for the number of columns.
 */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t texts;
    int64_t words;                   /* how many known words there are: their columns are the first ones */
    int64_t longer;                  /* how many lengths of n-grams of words there are from 2 on */
    int64_t word_columns, columns;   /* how many n-grams of words are known, and how many n-grams in all */
    const int64_t *start;            /* [texts + 1] where the words of each text begin */
    const int64_t *number;           /* [N] the number of each word */
    const int64_t *known;            /* [numbers] the column of a word, or -1 */
    const int64_t *part_start;       /* [numbers + 1] where the n-grams of a word's characters begin */
    const int32_t *parts;            /* their columns, among those of characters */
    const int64_t *const *keys;      /* [longer] ascending: number of the shorter n-gram * words + number of the last word */
    const int64_t *sizes;            /* [longer] how many keys there are */
    const int64_t *const *first;     /* [longer] for each shorter n-gram, and the end: the first of the keys that begin with it */
    const float *of_count;           /* [most + 1] what a count weighs */
    const float *of_column;          /* [columns] what that's multiplied by */
    int32_t *counts;                 /* [columns] zeros, also afterwards */
    uint64_t *seen, *some;           /* a bit for each column, and for each 64 of them; likewise */
    int32_t *found;                  /* the columns of each text */
    float *values;                   /* their values; n-grams of words and of characters have length 1 each */
    int64_t *end;                    /* [texts] where the columns of each text end */
} Ngrams;

static inline void count(const Ngrams *n, int64_t column) {
    if (n->counts[column]++) return;
    n->seen[column >> 6] |= UINT64_C(1) << (column & 63);
    n->some[column >> 12] |= UINT64_C(1) << (column >> 6 & 63);
}

/* Return where a key is among ascending ones from `low` up to `high`; -1 if it isn't. */
static inline int64_t place_of(int64_t key, const int64_t *keys, int64_t low, int64_t high) {
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (keys[middle] < key) low = middle + 1;
        else if (keys[middle] > key) high = middle;
        else return middle;
    }
    return -1;
}

static void count_text(const Ngrams *n, const int64_t *number, int64_t length) {
    for (int64_t i = 0; i < length; i++) {
        const int64_t word = number[i];
        for (int64_t p = n->part_start[word]; p < n->part_start[word + 1]; p++) count(n, n->word_columns + n->parts[p]);
        int64_t at = n->known[word], before = n->words;
        if (at < 0) continue;
        count(n, at);
        for (int64_t l = 0; l < n->longer && i + l + 1 < length; l++) {
            const int64_t last = n->known[number[i + l + 1]], *first = n->first[l] + at;
            if (last < 0) break;
            at = place_of(at * n->words + last, n->keys[l], first[0], first[1]);
            if (at < 0) break;
            count(n, before + at);
            before += n->sizes[l];
        }
    }
}

static void scale(float *values, int64_t count, double squares) {
    const double length = squares == 0 ? 1 : sqrt(squares);
    for (int64_t i = 0; i < count; i++) values[i] = (float)(values[i] / length);
}

/* Write a text's columns and values from `out` on, forget its counts, and return where they end. */
static int64_t weigh_text(const Ngrams *n, int64_t out) {
    const int64_t begin = out, blocks = (n->columns + 4095) / 4096;
    int64_t of_words = -1;
    double squares[2] = {0, 0};
    for (int64_t block = 0; block < blocks; block++) {
        for (uint64_t some = n->some[block]; some; some &= some - 1) {
            const int64_t place = block * 64 + __builtin_ctzll(some);
            for (uint64_t seen = n->seen[place]; seen; seen &= seen - 1) {
                const int64_t column = place * 64 + __builtin_ctzll(seen);
                const float value = n->of_count[n->counts[column]] * n->of_column[column];
                const int is_part = column >= n->word_columns;
                if (is_part && of_words < 0) of_words = out - begin;
                squares[is_part] += (double)value * (double)value;
                n->counts[column] = 0;
                n->found[out] = (int32_t)column;
                n->values[out++] = value;
            }
            n->seen[place] = 0;
        }
        n->some[block] = 0;
    }
    if (of_words < 0) of_words = out - begin;
    scale(n->values + begin, of_words, squares[0]);
    scale(n->values + begin + of_words, out - begin - of_words, squares[1]);
    return out;
}

void seqpipe_ngrams(Ngrams *n) {
    int64_t out = 0;
    for (int64_t text = 0; text < n->texts; text++) {
        count_text(n, n->number + n->start[text], n->start[text + 1] - n->start[text]);
        n->end[text] = out = weigh_text(n, out);
    }
}
