/* Functions that compilers vectorise. Nothing depends on the processor or on the system's libm: only sqrt and fabs are
   taken from there, which are exact. */
#ifndef LIQUIDTRACK_MATHS_H
#define LIQUIDTRACK_MATHS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 32 /* columns that a layer computes at a time */

/* e^x, x within +-708. Range reduction by ln 2 (Cody & Waite, 1980) and the Taylor series: error below 2 ulp. */
static inline double fast_exp(double x) {
    const double magic = 0x1.8p52;
    x = x < -708 ? -708 : x > 708 ? 708 : x;
    double shifted = x * 0x1.71547652b82fep0 + magic, n = shifted - magic;
    double r = x - n * 0x1.62e42fee00000p-1 - n * 0x1.a39ef35793c76p-33;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    int64_t power, bits;
    memcpy(&power, &shifted, 8);
    memcpy(&bits, &p, 8);
    bits += (int64_t)((uint64_t)power << 52);
    memcpy(&p, &bits, 8);
    return p;
}

/* ln x of a normal x > 0, by the series of 2 atanh((m - 1) / (m + 1)) of the mantissa m in [sqrt(1/2), sqrt(2)). */
static inline double fast_log(double x) {
    int64_t bits;
    memcpy(&bits, &x, 8);
    int64_t above = bits - 0x3fe6a09e667f3bcdLL; /* of sqrt(1/2) */
    int64_t power = (above >> 52) + 0x4338000000000000LL;
    int64_t rest = bits - (int64_t)((uint64_t)(above >> 52) << 52);
    double e, m;
    memcpy(&e, &power, 8);
    memcpy(&m, &rest, 8);
    e -= 0x1.8p52;
    double f = (m - 1) / (m + 1), s = f * f;
    double p = 1.0 / 21;
    p = p * s + 1.0 / 19;
    p = p * s + 1.0 / 17;
    p = p * s + 1.0 / 15;
    p = p * s + 1.0 / 13;
    p = p * s + 1.0 / 11;
    p = p * s + 1.0 / 9;
    p = p * s + 1.0 / 7;
    p = p * s + 1.0 / 5;
    p = p * s + 1.0 / 3;
    return e * 0x1.62e42fefa39efp-1 + (2 * f + 2 * f * s * p);
}

/* e^x - 1: the Taylor series near 0, where the difference would cancel. */
static inline double fast_expm1(double x) {
    double far = fast_exp(x) - 1, p = 1.0 / 87178291200;
    p = p * x + 1.0 / 6227020800;
    p = p * x + 1.0 / 479001600;
    p = p * x + 1.0 / 39916800;
    p = p * x + 1.0 / 3628800;
    p = p * x + 1.0 / 362880;
    p = p * x + 1.0 / 40320;
    p = p * x + 1.0 / 5040;
    p = p * x + 1.0 / 720;
    p = p * x + 1.0 / 120;
    p = p * x + 1.0 / 24;
    p = p * x + 1.0 / 6;
    p = p * x + 0.5;
    return fabs(x) < 0.4 ? x + x * x * p : far;
}

/* ln(1 + x), x >= 0, to an absolute error of 2e-16. */
static inline double fast_log1p(double x) { return fast_log(1 + x); }

static inline double fast_tanh(double x) {
    x = x < -20 ? -20 : x > 20 ? 20 : x;
    double e = fast_exp(2 * x);
    return (e - 1) / (e + 1);
}

static inline double fast_sigmoid(double x) {
    x = x < -80 ? -80 : x > 80 ? 80 : x;
    return 1 / (1 + fast_exp(-x));
}

static inline double fast_asinh(double x) {
    double size = fabs(x);
    return copysign(fast_log(size + sqrt(size * size + 1)), x);
}

static inline double lower(double a, double b) { return a < b ? a : b; }
static inline double higher(double a, double b) { return a > b ? a : b; }
static inline double bounded(double x, double low, double high) { return lower(higher(x, low), high); }

static inline double soft(double length) { return fast_asinh(4 * length) / 2; }
static inline double size_of(double log_gap) { return bounded(2 * log_gap, -3, 3); }
static inline double wait_of(double seconds) { return fast_log1p(seconds / 0.1) / 2; }

typedef float Lanes __attribute__((vector_size(64), aligned(4)));

/* y (rows, LANES) = w (rows, columns) x (columns, LANES) + b (rows), negative numbers as 0 if `relu`.
   `stride` is the distance between the rows of w. */
static inline void layer(const float *w, int stride, const float *b, int rows, int columns, const float *x, float *y,
                         int relu) {
    for (int r = 0; r < rows; r += 4) {
        int some = rows - r < 4 ? rows - r : 4;
        const float *w0 = w + (size_t)r * stride, *w1 = some > 1 ? w0 + stride : w0;
        const float *w2 = some > 2 ? w1 + stride : w0, *w3 = some > 3 ? w2 + stride : w0;
        Lanes sum[4][2] = {{{0}}};
        for (int c = 0; c < columns; c++) {
            Lanes low = *(const Lanes *)(x + c * LANES), high = *(const Lanes *)(x + c * LANES + 16);
            sum[0][0] += w0[c] * low, sum[0][1] += w0[c] * high;
            sum[1][0] += w1[c] * low, sum[1][1] += w1[c] * high;
            sum[2][0] += w2[c] * low, sum[2][1] += w2[c] * high;
            sum[3][0] += w3[c] * low, sum[3][1] += w3[c] * high;
        }
        for (int q = 0; q < some; q++) {
            float *out = y + (r + q) * LANES;
            *(Lanes *)out = sum[q][0] + b[r + q], *(Lanes *)(out + 16) = sum[q][1] + b[r + q];
            if (relu)
                for (int k = 0; k < LANES; k++) out[k] = out[k] > 0 ? out[k] : 0;
        }
    }
}

/* The head: sizes, and its weights in the order of `kernels.WEIGHTS`. */
typedef struct {
    int inputs, units, query, features, hidden, message, heard, rounds;
    double time_unit, slowing, similarity;
    const float *cell_w, *cell_b, *flow_w, *flow_b, *readout_w, *readout_b;
    const float *first_w, *first_b, *second_w, *second_b, *judge_w, *judge_b, *rest;
} Head;

static inline Head head_of(const int32_t *sizes, const double *settings, const float *w) {
    Head h = {sizes[0], sizes[1], sizes[2],    sizes[3],    sizes[4],   sizes[5],
              sizes[6], sizes[7], settings[0], settings[1], settings[2]};
    h.cell_w = w, w += 3 * h.units * (h.inputs + h.units);
    h.cell_b = w, w += 3 * h.units;
    h.flow_w = w, w += 4 * h.query * h.units;
    h.flow_b = w, w += 4 * h.query;
    h.readout_w = w, w += 9 * h.query;
    h.readout_b = w, w += 9;
    h.first_w = w, w += h.hidden * (h.features + h.query);
    h.first_b = w, w += h.hidden;
    h.second_w = w, w += h.hidden * h.hidden;
    h.second_b = w, w += h.hidden;
    h.judge_w = w, w += (1 + h.message) * h.hidden;
    h.judge_b = w, w += 1 + h.message;
    h.rest = w;
    return h;
}

#endif
