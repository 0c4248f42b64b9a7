/* Elementwise maths written so that compilers can vectorise it. */

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

#define INLINE static inline __attribute__((always_inline))

/* A comparison with NaN is false, and these propagate NaN, as torch's do. The sign of NaN is 0, as torch's. */
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
#define EXPM1 seqpipe_expm1
#define LOG seqpipe_log
#define LOG1P seqpipe_log1p
#define TANH seqpipe_tanh
#define ERF seqpipe_erf
#define POW seqpipe_pow

/* A single function call keeps the whole loop over lanes from being vectorised. So these are inlined, and have
 * no branches: all cases are computed, and one is selected. */

/* x = n ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1, from its series, and n; of NaN, NaN and 0. */
INLINE float reduced_expm1(float x, int32_t *n) {
    const float whole = rintf(x * 1.44269504f);
    const float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    const float tail = 0.5f + r * (1.f / 6 + r * (1.f / 24 + r * (1.f / 120 + r * (1.f / 720 + r * (1.f / 5040)))));
    *n = (int32_t)(whole == whole ? whole : 0.f);
    return r + r * r * tail;
}

INLINE int32_t bits_of(float x) {
    union { float value; int32_t bits; } made = {x};
    return made.bits;
}

/* Unsigned, as overflow and shifts are only defined for unsigned integers. */
INLINE float from_bits(uint32_t bits) {
    union { uint32_t bits; float value; } made = {bits};
    return made.value;
}

INLINE float power_of_two(int32_t n) { return from_bits((uint32_t)(n + 127) << 23); }

/* In two factors, so that subnormal results and infinity come out right. */
INLINE float seqpipe_exp(float x) {
    int32_t n;
    const float bounded = x < -104.f ? -104.f : x > 89.f ? 89.f : x;
    const float e = 1.f + reduced_expm1(bounded, &n);
    const int32_t half = n >> 1;
    return e * power_of_two(half) * power_of_two(n - half);
}

/* With e = exp(2x) - 1 it's e / (e + 2), exact near 0 too. Beyond 20 it's 1. */
INLINE float seqpipe_tanh(float x) {
    int32_t n;
    const float bounded = x < -20.f ? -20.f : x > 20.f ? 20.f : x;
    const float small = reduced_expm1(2 * bounded, &n), scale = power_of_two(n);
    const float e = scale * small + (scale - 1.f);
    return e / (e + 2.f);
}

/* Half a power of two at first, as the greatest one is beyond the greatest float. A number less than half an
 * ulp from its result is returned as it is, subnormal numbers and -0 too. */
#define ALMOST_ZERO(x) (fabsf(x) < 2.9e-8f)
INLINE float seqpipe_expm1(float x) {
    int32_t n;
    const float bounded = x < -20.f ? -20.f : x > 89.f ? 89.f : x;
    const float small = reduced_expm1(bounded, &n), half = power_of_two(n - 1);
    return ALMOST_ZERO(x) ? x : 2.f * (half * small + (half - 0.5f));
}

/* x = 2^n (1 + f) with 1 + f between the roots of 1/2 and 2, for x normal and positive; undefined for others. */
INLINE float reduced_log(float x, int32_t *n) {
    const uint32_t bits = bits_of(x);
    *n = (int32_t)(bits - 0x3f3504f3u) >> 23;
    return from_bits(bits - ((uint32_t)*n << 23)) - 1.f;
}

/* n ln 2 + log(1 + f) + rest. With s = f / (2 + f), log(1 + f) is twice the inverse hyperbolic tangent of s, which
 * its series gives: 2 s + s q. As 2 s = f - s f it's f - s (f - q); what's added to f is small, and so are its errors. */
INLINE float log_from(float n, float f, float rest) {
    const float s = f / (2.f + f), z = s * s;
    const float q = z * (2.f / 3 + z * (2.f / 5 + z * (2.f / 7 + z * (2.f / 9))));
    return n * 0.693359375f + (f - (s * (f - q) - (n * -2.12194440e-4f + rest)));
}

INLINE float seqpipe_log(float x) {
    int32_t n;
    const int is_subnormal = x < 1.17549435e-38f;
    const float f = reduced_log(is_subnormal ? x * 8388608.f : x, &n);
    const float found = log_from((float)(is_subnormal ? n - 23 : n), f, 0.f);
    return x > 0 ? (x < INFINITY ? found : x) : x == 0 ? -INFINITY : NAN;
}

/* The logarithm of u = 1 + x, plus the part of x that u lost to rounding, divided by u. */
INLINE float seqpipe_log1p(float x) {
    int32_t n;
    const float u = 1.f + x, lost = x < 1.f ? x - (u - 1.f) : 1.f - (u - x);
    const float f = reduced_log(u, &n);
    const int is_near = (x > -0.29f) & (x < 0.41f);
    const float found = log_from(is_near ? 0.f : (float)n, is_near ? x : f, is_near ? 0.f : lost / u);
    const float positive = x < INFINITY ? found : x;
    return x > -1.f ? (ALMOST_ZERO(x) ? x : positive) : x == -1.f ? -INFINITY : NAN;
}

/* Below 0.9 x times a polynomial of its square, and above 1 - exp(p), p a polynomial for the logarithm of
 * 1 - erf. Both minimise the greatest relative error of erf (minimax): 0.1 ulp, and 0.02 ulp. */
INLINE float seqpipe_erf(float x) {
    int32_t n;
    const float size = fabsf(x), z = x * x, a = size > 4.f ? 4.f : size;
    const float near = x + x * (1.283791538e-01f + z * (-3.761252329e-01f + z * (1.128214094e-01f + z * (-2.677891244e-02f + z * (5.011967139e-03f + z * -6.090379251e-04f)))));
    const float exponent = -1.664486738e-04f + a * (-1.127797238e+00f + a * (-6.369760900e-01f + a * (-1.041136731e-01f + a * (2.231521042e-02f + a * (-3.065489650e-03f + a * 1.982195887e-04f)))));
    const float small = reduced_expm1(exponent, &n), scale = power_of_two(n);
    const float far = 1.f - (scale + scale * small);
    return size < 0.9f ? near : x < 0 ? -far : far;
}

/* 2^(b log2 |a|) in double precision, as the error of the logarithm is multiplied by up to 150. A negative
 * number has integer powers only. The rest is what C's standard says of zeros, ones, infinity and NaN. */
INLINE float seqpipe_pow(float a, float b) {
    int32_t n;
    const float size = fabsf(a);
    const int is_subnormal = size < 1.17549435e-38f;
    const double f = reduced_log(is_subnormal ? size * 8388608.f : size, &n);
    const double s = f / (2 + f), z = s * s;
    const double series = 1 + z * (1. / 3 + z * (1. / 5 + z * (1. / 7 + z * (1. / 9 + z * (1. / 11 + z * (1. / 13))))));
    const double y = b * ((is_subnormal ? n - 23 : n) + s * 2.8853900817779268 * series);
    const double bounded = y < -160 ? -160 : y > 160 ? 160 : y;
    const double whole = rint(bounded), r = (bounded - whole) * 0.69314718055994531;
    const double tail = 1. / 24 + r * (1. / 120 + r * (1. / 720 + r * (1. / 5040 + r * (1. / 40320))));
    const float e = (float)(1 + r * (1 + r * (1. / 2 + r * (1. / 6 + r * tail))));
    const int32_t exponent = (int32_t)(whole == whole ? whole : 0), half = exponent >> 1;
    const float known = e * power_of_two(half) * power_of_two(exponent - half);
    const int is_end = (size == 0) | (size == INFINITY);
    const float end = (size == 0) == (b > 0) ? 0.f : INFINITY;
    const float power = size == 1.f ? 1.f : is_end ? end : known;
    const int is_integer = floorf(b) == b, is_odd = is_integer & (2.f * floorf(0.5f * b) != b);
    const float signed_power = (bits_of(a) < 0) & is_odd ? -power : power;
    const float found = (a < 0) & (size < INFINITY) & !is_integer ? NAN : signed_power;
    return (b == 0) | (a == 1.f) ? 1.f : (a != a) | (b != b) ? NAN : found;
}
#endif

#define SIGMOID(a) (1 / (1 + EXP(-(a))))
