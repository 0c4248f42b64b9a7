/* Elementwise maths in forms that compilers turn into vector instructions. */

#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __AVX512F__
#define VECTOR_BYTES 64
#define SUMS 24
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define SUMS 12
#elif defined(__aarch64__)
#define VECTOR_BYTES 16
#define SUMS 24
#else
#define VECTOR_BYTES 16
#define SUMS 12
#endif
#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))

/* A comparison with NaN is false, and these let NaN through, as torch's do. Its sign is 0, as torch's. */
#define MAXIMUM(a, b) ((a) > (b) || (a) != (a) ? (a) : (b))
#define MINIMUM(a, b) ((a) < (b) || (a) != (a) ? (a) : (b))
#define SIGN(a) ((REAL)(((a) > 0) - ((a) < 0)))

#if IS_DOUBLE
#define ABS fabs
#define SQRT sqrt
#define EXP exp
#define EXPM1 expm1
#define LOG log
#define LOG1P log1p
#define TANH tanh
#define ERF erf
#define POW pow
#else
#define ABS fabsf
#define SQRT sqrtf
#define EXP seqpipe_exp
#define EXPM1 expm1f
#define LOG logf
#define LOG1P log1pf
#define TANH seqpipe_tanh
#define ERF erff
#define POW powf

/* x = n ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1, from its series, and n. */
static inline float reduced_expm1(float x, int32_t *n) {
    const float whole = rintf(x * 1.44269504f);
    const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    const float tail = 0.5f + r * (1.f / 6 + r * (1.f / 24 + r * (1.f / 120 + r * (1.f / 720 + r * (1.f / 5040)))));
    *n = (int32_t)whole;
    return r + r * r * tail;
}

static inline float power_of_two(int32_t n) {
    union { int32_t bits; float value; } made = {(n + 127) << 23};
    return made.value;
}

/* In two factors, so that results below the least normal number, and infinity, come out right. */
static inline float seqpipe_exp(float x) {
    int32_t n;
    const float bounded = x < -104.f ? -104.f : x > 89.f ? 89.f : x;
    const float e = 1.f + reduced_expm1(bounded, &n);
    const int32_t half = n >> 1;
    return e * power_of_two(half) * power_of_two(n - half);
}

/* With e = exp(2x) - 1 it's e / (e + 2), exact near 0 too. Beyond 20 it's 1. */
static inline float seqpipe_tanh(float x) {
    int32_t n;
    const float bounded = x < -20.f ? -20.f : x > 20.f ? 20.f : x;
    const float small = reduced_expm1(2 * bounded, &n), scale = power_of_two(n);
    const float e = scale * small + (scale - 1.f);
    return e / (e + 2.f);
}
#endif

#define SIGMOID(a) (1 / (1 + EXP(-(a))))
