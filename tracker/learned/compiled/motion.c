/* The motion of `LiquidMotion`: the Kalman mixture, the track statistics and the liquid state, a row a track.
   The equations are those of kalman.py, kalman_mixture.py, track_averages.py, pair_features.py and inference.py. */
#include "boxes.h"
#include "layout.h"

/* (columns, LANES) of rows: the transposed numbers of up to LANES rows, 0 beyond them. */
static void gather(const double *rows, int stride, int count, int columns, float *out) {
    memset(out, 0, (size_t)columns * LANES * sizeof *out);
    for (int k = 0; k < count; k++)
        for (int c = 0; c < columns; c++) out[c * LANES + k] = (float)rows[(size_t)k * stride + c];
}

/* Coordinates (M, 4), crowding (M) and containment (M) of boxes (M, 4). */
void liquid_observe(int m, const double *xyxy, const double *score, const int64_t *label, double *coordinates,
                    double *crowding, double *containment) {
    for (int j = 0; j < m; j++)
        for (int c = 0; c < 2; c++) {
            double low = xyxy[4 * j + c], high = xyxy[4 * j + 2 + c];
            coordinates[4 * j + c] = (low + high) * 0.5, coordinates[4 * j + 2 + c] = fast_log(high - low);
        }
    touching(m, xyxy, 4, score, 1, NULL, 0, 0, label, crowding, containment, 1);
}

/* Probabilities of the modes, of their log weights. */
static void mode_shares(const double *weight, double *share) {
    double most = weight[0], sum = 0;
    for (int k = 1; k < MODES; k++) most = higher(most, weight[k]);
    for (int k = 0; k < MODES; k++) sum += share[k] = fast_exp(weight[k] - most);
    for (int k = 0; k < MODES; k++) share[k] /= sum;
}

/* One track's filter at `time`: the prediction `p` of the layout in layout.h. */
static void filter_predict(const double *row, double time, const double *modes, double *p) {
    const double *x = row + ROW_X, *v = x + WIDE, *xx = v + WIDE, *xv = xx + WIDE, *vv = xv + WIDE;
    const double *tau = modes, *speed = tau + WIDE, *wander = speed + WIDE, *noise = wander + WIDE;
    double *new_x = p + P_STATE, *new_v = new_x + WIDE, *new_xx = new_v + WIDE;
    double *new_xv = new_xx + WIDE, *new_vv = new_xv + WIDE;
    double dt = time - row[0], height = fast_exp(row[ROW_LAST + 3]), share[MODES], decay[WIDE];
    p[P_ELAPSED] = dt;
    /* x and y have one tau, and width and height */
    for (int k = 0; k < WIDE; k += 2) decay[k] = decay[k + 1] = -fast_expm1(-dt / tau[k]);
    for (int k = 0; k < WIDE; k++) {
        double unit = k % 4 < 2 ? height : 1, t = tau[k], a = dt / t, u = decay[k], e = 1 - u, reach = t * u;
        double s = speed[k] * unit, power = s * s, d = wander[k] * unit, spread = s * t;
        double series = a * a * a * (2.0 / 3 - a * (0.5 - a * (7.0 / 30 - a / 12)));
        double qxx = spread * spread * (a < 1e-2 ? series : 2 * (a - u) - u * u);
        double both = xv[k] + reach * vv[k];
        new_x[k] = x[k] + reach * v[k];
        new_v[k] = e * v[k];
        new_xx[k] = xx[k] + reach * (xv[k] + both) + qxx + d * d * dt;
        new_xv[k] = e * both + power * reach * u;
        new_vv[k] = e * e * (vv[k] - power) + power;
    }
    mode_shares(row + ROW_WEIGHT, share);
    for (int c = 0; c < 4; c++) {
        double unit = c < 2 ? height : 1, mean = 0, variance = 0;
        for (int k = 0; k < MODES; k++) mean += share[k] * new_x[4 * k + c];
        for (int k = 0; k < MODES; k++) {
            double r = noise[4 * k + c] * unit, apart = new_x[4 * k + c] - mean;
            variance += share[k] * (new_xx[4 * k + c] + r * r + apart * apart);
        }
        p[P_PRIOR + c] = mean, p[P_PRIOR_STD + c] = sqrt(variance), p[P_LAST + c] = row[ROW_LAST + c];
    }
    corners(p + P_PRIOR, p + P_PRIOR_BOX);
}

/* The head's query: codes and corrections (n, query + 1) of liquid states, with the corrected predictions. */
static void query(const Head *head, int n, const double *rows, int width, const double *scale, double *p, float *code) {
    int q = head->query, most = 4 * q > head->units ? 4 * q : head->units;
    float *h = malloc((size_t)(head->units + most + q + 9) * LANES * sizeof *h);
    float *flow = h + head->units * LANES, *codes = flow + most * LANES, *read = codes + q * LANES;
    for (int at = 0; at < n; at += LANES) {
        int count = n - at < LANES ? n - at : LANES;
        float elapsed[LANES] = {0};
        for (int k = 0; k < count; k++) {
            double dt = p[(size_t)(at + k) * P_WIDTH + P_ELAPSED];
            elapsed[k] = head->slowing > 0 ? head->slowing * fast_log1p(dt / head->slowing) : dt;
        }
        gather(rows + (size_t)at * width + ROW_LIQUID, width, count, head->units, h);
        layer(head->flow_w, head->units, head->flow_b, 4 * q, head->units, h, flow, 0);
        for (int c = 0; c < q; c++)
            for (int k = 0; k < LANES; k++) {
                float f = fast_tanh(flow[c * LANES + k]), g = fast_tanh(flow[(q + c) * LANES + k]);
                float a = flow[(2 * q + c) * LANES + k], b = flow[(3 * q + c) * LANES + k];
                float rate = fast_log1p(fast_exp(-fabs(a))) + higher(a, 0);
                float s = fast_sigmoid(b - rate * elapsed[k]);
                codes[c * LANES + k] = s * f + (1 - s) * g;
            }
        layer(head->readout_w, q, head->readout_b, 9, q, codes, read, 0);
        for (int k = 0; k < count; k++) {
            double *one = p + (size_t)(at + k) * P_WIDTH;
            for (int c = 0; c < q; c++) code[(size_t)(at + k) * (q + 1) + c] = codes[c * LANES + k];
            code[(size_t)(at + k) * (q + 1) + q] = read[8 * LANES + k];
            for (int c = 0; c < 4; c++) {
                double log_std = bounded(read[(4 + c) * LANES + k], -2, 2);
                one[P_MEAN + c] = one[P_PRIOR + c] + one[P_PRIOR_STD + c] * fast_tanh(read[c * LANES + k]);
                one[P_STD + c] = one[P_PRIOR_STD + c] * fast_exp(log_std) * scale[c];
            }
            corners(one + P_MEAN, one + P_BOX);
        }
    }
    free(h);
}

/* The predictions (n, P_WIDTH) and codes (n, query + 1) of tracks (n, width) at `time`, with their statistics. */
void liquid_predict(int n, const double *rows, int width, double time, const double *modes, const int32_t *sizes,
                    const double *settings, const float *weights, const double *scale, double *p, float *code) {
    Head head = head_of(sizes, settings, weights);
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * width, *statistics = row + ROW_LIQUID + head.units;
        double *one = p + (size_t)i * P_WIDTH;
        filter_predict(row, time, modes, one);
        one[P_AGE] = time - statistics[0], one[P_CROWDING] = statistics[1];
        memcpy(one + P_MEANS, statistics + 2, 4 * SPANS * sizeof *one);
    }
    touching(n, p + P_PRIOR_BOX, P_WIDTH, p + P_PRIOR_BOX + 3, P_WIDTH, p + P_ELAPSED, P_WIDTH, PRESENT, NULL,
             p + P_NEIGHBOUR, p + P_OCCLUSION, P_WIDTH);
    query(&head, n, rows, width, scale, p, code);
}

/* The head's step: the states after a match, into the rows `out`, of inputs (inputs, LANES) of `count` tracks. */
static void liquid_step(const Head *head, int count, float *x, const double *states, int width, const double *elapsed,
                        int stride, float *branch, double *out) {
    int u = head->units;
    if (states)
        gather(states, width, count, u, x + head->inputs * LANES);
    else
        memset(x + head->inputs * LANES, 0, (size_t)u * LANES * sizeof *x);
    layer(head->cell_w, head->inputs + u, head->cell_b, 3 * u, head->inputs + u, x, branch, 0);
    float t[LANES] = {0};
    for (int k = 0; k < count; k++) {
        float dt = elapsed ? elapsed[(size_t)k * stride] : 0;
        t[k] = lower(dt / (float)head->time_unit, 1e6);
    }
    for (int c = 0; c < u; c++)
        for (int k = 0; k < LANES; k++) {
            float f = fast_tanh(branch[c * LANES + k]), h = x[(head->inputs + c) * LANES + k];
            float s = fast_sigmoid(branch[(u + c) * LANES + k] * t[k] + branch[(2 * u + c) * LANES + k]);
            branch[c * LANES + k] = f + s * (h - f);
        }
    for (int k = 0; k < count; k++)
        for (int c = 0; c < u; c++) out[(size_t)k * width + c] = branch[c * LANES + k];
}

/* The liquid state's inputs at one match, into column k of x (inputs, LANES); see INPUT_GROUPS.
   Lengths and innovations are still without the inverse hyperbolic sine of `compress`. */
static void match_inputs(const double *p, const double *z, double score, double crowding, const double *moved,
                         double share, float *x, int k) {
    double height = fast_exp(p[P_LAST + 3]);
    x += k;
    for (int c = 0; c < 4; c++) x[c * LANES] = (z[c] - p[P_PRIOR + c]) / p[P_PRIOR_STD + c];
    for (int c = 0; c < 2; c++) {
        x[(4 + c) * LANES] = (z[c] - p[P_LAST + c]) / height;
        x[(6 + c) * LANES] = size_of(z[2 + c] - p[P_LAST + 2 + c]);
        for (int s = 0; s < SPANS; s++) {
            x[(8 + 2 * s + c) * LANES] = (z[c] - p[P_MEANS + 4 * s + c]) / height;
            x[(8 + 2 * SPANS + 2 * s + c) * LANES] = size_of(z[2 + c] - p[P_MEANS + 4 * s + 2 + c]);
        }
        x[(8 + 4 * SPANS + c) * LANES] = moved[c] / height;
    }
    float *rest = x + (10 + 4 * SPANS) * LANES;
    rest[0 * LANES] = score, rest[1 * LANES] = crowding, rest[2 * LANES] = wait_of(p[P_ELAPSED]);
    rest[3 * LANES] = share, rest[4 * LANES] = p[P_OCCLUSION], rest[5 * LANES] = fast_log1p(p[P_AGE]) / 3;
}

static void compress(float *x) {
    for (int k = 0; k < 4 * LANES; k++) x[k] = fast_asinh(x[k]);
    for (int k = 4 * LANES; k < 6 * LANES; k++) x[k] = soft(x[k]);
    for (int k = 8 * LANES; k < (8 + 2 * SPANS) * LANES; k++) x[k] = soft(x[k]);
    for (int k = (8 + 4 * SPANS) * LANES; k < (10 + 4 * SPANS) * LANES; k++) x[k] = soft(x[k]);
}

/* One track's filter after a detection at `z` (4): the row `out`, of the row and its prediction. */
static void filter_update(const double *row, const double *p, const double *z, double time, const double *modes,
                          double *out) {
    const double *noise = modes + 3 * WIDE, *x = p + P_STATE, *v = x + WIDE, *xx = v + WIDE, *xv = xx + WIDE;
    const double *vv = xv + WIDE;
    double height = fast_exp(row[ROW_LAST + 3]), density[WIDE], foresight[MODES], mean = 0;
    double fade = fast_exp(p[P_ELAPSED] / -MEMORY_S);
    out[0] = time;
    for (int k = 0; k < WIDE; k++) {
        double r = noise[k] * (k % 4 < 2 ? height : 1), variance = r * r, total = xx[k] + variance;
        double gap = z[k % 4] - x[k], gain_x = xx[k] / total, gain_v = xv[k] / total;
        density[k] = (MODE_DOF + 1) * fast_log1p(gap * gap / (MODE_DOF * total)) + fast_log(total);
        double *to = out + ROW_X + k;
        to[0] = x[k] + gain_x * gap, to[WIDE] = v[k] + gain_v * gap;
        to[2 * WIDE] = gain_x * variance, to[3 * WIDE] = gain_v * variance, to[4 * WIDE] = vv[k] - gain_v * xv[k];
    }
    for (int k = 0; k < MODES; k++) {
        const double *d = density + 4 * k;
        foresight[k] = -0.5 * (((d[0] + d[1]) + d[2]) + d[3]);
        mean += foresight[k];
    }
    for (int k = 0; k < MODES; k++)
        out[ROW_WEIGHT + k] = row[ROW_WEIGHT + k] * fade + bounded(foresight[k] - mean / MODES, -SURPRISE, SURPRISE);
    memcpy(out + ROW_LAST, z, 4 * sizeof *z);
}

/* The rows (n, width) after matches at `time` with coordinates (n, 4), of the rows and their predictions. */
void liquid_update(int n, const double *rows, int width, const double *p, const double *coordinates,
                   const double *score, const double *crowding, double time, const double *modes, const double *spans,
                   const int32_t *sizes, const double *settings, const float *weights, double *out) {
    Head head = head_of(sizes, settings, weights);
    float *x = malloc((size_t)(head.inputs + 4 * head.units) * LANES * sizeof *x);
    for (int at = 0; at < n; at += LANES) {
        int count = n - at < LANES ? n - at : LANES;
        memset(x, 0, (size_t)head.inputs * LANES * sizeof *x);
        for (int k = 0; k < count; k++) {
            int i = at + k;
            const double *row = rows + (size_t)i * width, *one = p + (size_t)i * P_WIDTH, *z = coordinates + 4 * i;
            const double *habit = row + ROW_LIQUID + head.units;
            double *new = out + (size_t)i * width, *new_habit = new + ROW_LIQUID + head.units, share[MODES];
            mode_shares(row + ROW_WEIGHT, share);
            match_inputs(one, z, score[i], crowding[i], habit + 2 + 4 * SPANS, share[0], x, k);
            filter_update(row, one, z, time, modes, new);
            double quality = score[i] * (1 - crowding[i]), elapsed = one[P_ELAPSED], age = time - habit[0];
            new_habit[0] = habit[0], new_habit[1] = crowding[i];
            for (int s = 0; s < SPANS; s++) {
                /* weight of the time since the last match among all remembered time */
                double gain = quality * fast_expm1(-elapsed / spans[s]) / fast_expm1(-(age + elapsed) / spans[s]);
                for (int c = 0; c < 4; c++) {
                    double usual = habit[2 + 4 * s + c];
                    new_habit[2 + 4 * s + c] = usual + gain * (z[c] - usual);
                }
            }
            new_habit[2 + 4 * SPANS] = new_habit[3 + 4 * SPANS] = 0;
        }
        compress(x);
        liquid_step(&head, count, x, rows + (size_t)at * width + ROW_LIQUID, width,
                    p + (size_t)at * P_WIDTH + P_ELAPSED, P_WIDTH, x + (head.inputs + head.units) * LANES,
                    out + (size_t)at * width + ROW_LIQUID);
    }
    free(x);
}

/* The rows (n, width) of tracks first detected at `time`; `weight` are the log weights of their modes. */
void liquid_start(int n, int width, const double *coordinates, const double *score, const double *crowding,
                  const double *weight, double time, const double *modes, const int32_t *sizes,
                  const double *settings, const float *weights, double *out) {
    Head head = head_of(sizes, settings, weights);
    const double *speed = modes + WIDE, *noise = modes + 3 * WIDE;
    float *x = malloc((size_t)(head.inputs + 4 * head.units) * LANES * sizeof *x);
    double share[MODES];
    mode_shares(weight, share);
    for (int at = 0; at < n; at += LANES) {
        int count = n - at < LANES ? n - at : LANES;
        memset(x, 0, (size_t)head.inputs * LANES * sizeof *x);
        for (int k = 0; k < count; k++) {
            int i = at + k;
            const double *z = coordinates + 4 * i;
            double *new = out + (size_t)i * width, *habit = new + ROW_LIQUID + head.units, height = fast_exp(z[3]);
            memset(new, 0, width * sizeof *new);
            new[0] = time;
            for (int c = 0; c < WIDE; c++) {
                double unit = c % 4 < 2 ? height : 1, r = noise[c] * unit, s = speed[c] * unit;
                new[ROW_X + c] = z[c % 4], new[ROW_X + 2 * WIDE + c] = r * r, new[ROW_X + 4 * WIDE + c] = s * s;
            }
            memcpy(new + ROW_WEIGHT, weight, MODES * sizeof *weight);
            memcpy(new + ROW_LAST, z, 4 * sizeof *z);
            habit[0] = time, habit[1] = crowding[i];
            for (int s = 0; s < SPANS; s++) memcpy(habit + 2 + 4 * s, z, 4 * sizeof *z);
            float *rest = x + (10 + 4 * SPANS) * LANES + k; /* all other inputs are 0 at the first detection */
            rest[0] = score[i], rest[LANES] = crowding[i], rest[3 * LANES] = share[0];
        }
        liquid_step(&head, count, x, NULL, width, NULL, 0, x + (head.inputs + head.units) * LANES,
                    out + (size_t)at * width + ROW_LIQUID);
    }
    free(x);
}

/* The rows (n, width) in the pixels of a frame whose camera has moved by `affine` (2, 3). */
void liquid_warp(int n, const double *rows, int width, int units, const double *affine, double *out) {
    double a = affine[0], b = affine[1], c = affine[3], d = affine[4], grow = 0.5 * fast_log(fabs(a * d - b * c));
    memcpy(out, rows, (size_t)n * width * sizeof *out);
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * width;
        double *new = out + (size_t)i * width, *habit = new + ROW_LIQUID + units;
        for (int part = 0; part < 5; part++) /* the covariance of x with y that results is neglected */
            for (int k = 0; k < WIDE; k += 4) {
                double *to = new + ROW_X + part * WIDE + k, x = to[0], y = to[1];
                to[0] = part < 2 ? a * x + b * y : a * a * x + b * b * y;
                to[1] = part < 2 ? c * x + d * y : c * c * x + d * d * y;
                if (part == 0) to[0] += affine[2], to[1] += affine[5], to[2] += grow, to[3] += grow;
            }
        for (int s = 0; s < 1 + SPANS; s++) {
            double *to = s ? habit + 2 + 4 * (s - 1) : new + ROW_LAST, x = to[0], y = to[1];
            to[0] = a * x + b * y + affine[2], to[1] = c * x + d * y + affine[5], to[2] += grow, to[3] += grow;
        }
        for (int k = 0; k < 2; k++) habit[2 + 4 * SPANS + k] += new[ROW_LAST + k] - row[ROW_LAST + k];
    }
}
