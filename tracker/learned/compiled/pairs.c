/* The pairs of `Learned`: which are near, their features, their log-odds by the head.
   The equations are those of costs.py, gating.py, pair_features.py and inference.py. */
#include "boxes.h"
#include "layout.h"

#define MAX_LOGIT 15.0f

/* Pairs (detection, track), in that order, whose centres are within the tracks' reach along both axes.
   Writes up to `most` of them, and returns how many there are. */
int64_t liquid_near(int n, const double *p, int m, const double *coordinates, double reach_std, int64_t most,
                    int64_t *track, int64_t *detection) {
    double *reach = malloc((size_t)(4 * n + 1) * sizeof *reach), *at_x = reach + 2 * n, *at_y = at_x + n;
    char *close = calloc(n + 8, 1); /* of the tracks, to one observation; scanned 8 at a time */
    int64_t count = 0;
    for (int i = 0; i < n; i++) {
        const double *one = p + (size_t)i * P_WIDTH;
        double height = fast_exp(one[P_LAST + 3]);
        reach[i] = reach_std * one[P_STD] + height, reach[n + i] = reach_std * one[P_STD + 1] + height;
        at_x[i] = one[P_MEAN], at_y[i] = one[P_MEAN + 1];
    }
    for (int j = 0; j < m; j++) {
        double x = coordinates[4 * j], y = coordinates[4 * j + 1];
        for (int i = 0; i < n; i++) close[i] = (fabs(x - at_x[i]) < reach[i]) & (fabs(y - at_y[i]) < reach[n + i]);
        for (int i = 0; i < n; i += 8) {
            uint64_t any;
            memcpy(&any, close + i, 8);
            for (int k = i; any && k < i + 8; k++)
                if (close[k]) {
                    if (count < most) track[count] = k, detection[count] = j;
                    count++;
                }
        }
    }
    free(reach), free(close);
    return count;
}

typedef struct { /* of one track, computed once for all its pairs */
    double volume, height, wait, spread, long_wait, long_age, last[4];
} Track;

static Track track_of(const double *p) {
    double last = p[P_LAST + 3], volume = 0;
    for (int c = 0; c < 4; c++) volume += fast_log(p[P_PRIOR_STD + c]);
    double height = fast_exp(last);
    Track t = {volume - 2 * last,
               height,
               fast_log1p(p[P_ELAPSED] / 0.3),
               fast_log(p[P_PRIOR_STD] / height),
               fast_log1p(p[P_ELAPSED] / 0.1) / 2,
               fast_log1p(p[P_AGE]) / 3,
               {0}};
    corners(p + P_LAST, t.last);
    return t;
}

/* The largest and the second largest number of each group, at least 0; equal numbers count once. */
static void bests(int64_t count, const double *value, const int64_t *group, double *best, double *second) {
    for (int64_t k = 0; k < count; k++) {
        double v = value[k], *b = best + group[k], *s = second + group[k];
        if (v > *b)
            *s = *b, *b = v;
        else if (v < *b && v > *s)
            *s = v;
    }
}

static double other(double value, double best, double second) { return value >= best ? second : best; }

/* Which pairs the head scores (1) and which are settled (2), all others 0; see gating.py. */
static void gate(int n, int m, int64_t count, const int64_t *i, const int64_t *j, const double *odds, const double *p,
                 const double *score, char *kind) {
    double *best = calloc((size_t)2 * (n + m) + count + 1, sizeof *best), *second = best + n + m;
    double *above = second + n + m; /* only pairs with more than 0 here can be settled, or rivals of a settled pair */
    char *open = malloc(n + m + 1);
    int64_t settled = 0;
    memset(open, 1, n + m);
    for (int64_t k = 0; k < count; k++) above[k] = odds[k] - (SETTLED - CLEAR);
    bests(count, above, i, best, second), bests(count, above, j, best + n, second + n);
    for (int64_t k = 0; k < count; k++) {
        double v = above[k];
        kind[k] = odds[k] > MIN_LOGIT;
        if (odds[k] < SETTLED || score[j[k]] < MIN_SCORE || p[i[k] * P_WIDTH + P_ELAPSED] > MAX_UNSEEN_S) continue;
        double rival = higher(other(v, best[i[k]], second[i[k]]), other(v, best[n + j[k]], second[n + j[k]]));
        if (v - CLEAR >= rival) kind[k] = 2, open[i[k]] = open[n + j[k]] = 0, settled++;
    }
    if (settled) {
        char *met = malloc(n + m + 1);
        memcpy(met, open, n + m);
        for (int64_t k = 0; k < count; k++) {
            int a = open[i[k]], b = open[n + j[k]];
            int good = odds[k] > MIN_LOGIT && (a || b) && (odds[k] > MIN_RIVAL_LOGIT || (a && b));
            if (kind[k] != 2) kind[k] = good;
            if (good) met[i[k]] = met[n + j[k]] = 1;
        }
        for (int64_t k = 0; k < count; k++)
            if (kind[k] == 2 && (met[i[k]] || met[n + j[k]])) kind[k] = 1;
        free(met);
    }
    free(open), free(best);
}

/* The features of the scene (6); see `_scene`. */
static void scene(int n, const double *p, int m, const double *score, float *out) {
    double oldest = 0, latest = INFINITY;
    int here = 0, late = 0, lost = 0, sure = 0;
    for (int i = 0; i < n; i++) {
        oldest = higher(oldest, p[(size_t)i * P_WIDTH + P_AGE]);
        latest = lower(latest, p[(size_t)i * P_WIDTH + P_ELAPSED]);
    }
    for (int i = 0; i < n; i++) {
        const double *one = p + (size_t)i * P_WIDTH;
        here += one[P_ELAPSED] < 1, late += one[P_AGE] < oldest - LATE_START_S;
        lost += one[P_ELAPSED] > LOST_AFTER_S + latest;
    }
    for (int j = 0; j < m; j++) sure += score[j] >= WEAK_SCORE;
    out[0] = fast_log1p(oldest) / 3, out[1] = fast_log1p(n) / 3, out[2] = (double)late / n, out[3] = (double)lost / n;
    out[4] = fast_log((1.0 + sure) / (1.0 + here)), out[5] = fast_log1p(latest / 0.1) / 2;
}

typedef struct { /* the observations of a frame */
    const double *coordinates, *xyxy, *score, *crowding, *containment;
} Seen;

/* The features of one pair but those of the scene, into column k of x (features, LANES); see FEATURE_GROUPS.
   Lengths and innovations are still without the inverse hyperbolic sine of `compress`. */
static void features(const double *p, const Track *t, double track_score, const Seen *seen, int64_t j, Overlap boxes,
                     double density, double odds, double similarity, float *x, int k) {
    const double *z = seen->coordinates + 4 * j, *past[1 + SPANS] = {p + P_LAST};
    for (int s = 0; s < SPANS; s++) past[1 + s] = p + P_MEANS + 4 * s;
    x += k;
    for (int c = 0; c < 2; c++) {
        x[c * LANES] = (z[c] - p[P_PRIOR + c]) / t->height;
        x[(2 + c) * LANES] = (z[c] - past[0][c]) / t->height;
        x[(4 + c) * LANES] = size_of(z[2 + c] - past[0][2 + c]);
        for (int s = 0; s < SPANS; s++) {
            x[(23 + 2 * s + c) * LANES] = (z[c] - past[1 + s][c]) / t->height;
            x[(23 + 2 * SPANS + 2 * s + c) * LANES] = size_of(z[2 + c] - past[1 + s][2 + c]);
        }
    }
    for (int c = 0; c < 4; c++) x[(6 + c) * LANES] = (z[c] - p[P_PRIOR + c]) / p[P_PRIOR_STD + c];
    x[10 * LANES] = boxes.iou, x[11 * LANES] = boxes.buffered, x[12 * LANES] = boxes.height;
    x[13 * LANES] = overlap(t->last, seen->xyxy + 4 * j, 0).iou, x[14 * LANES] = t->spread;
    x[15 * LANES] = track_score, x[16 * LANES] = seen->score[j], x[17 * LANES] = seen->crowding[j];
    x[18 * LANES] = bounded(density / 10, -2, 2), x[19 * LANES] = bounded(odds / 10, -2, 2);
    x[20 * LANES] = isfinite(similarity) ? similarity : 0, x[21 * LANES] = isfinite(similarity) ? 1 : 0;
    x[22 * LANES] = seen->containment[j];
    float *rest = x + (23 + 4 * SPANS) * LANES;
    rest[0] = p[P_CROWDING], rest[LANES] = t->long_age, rest[2 * LANES] = p[P_OCCLUSION];
    rest[3 * LANES] = p[P_NEIGHBOUR], rest[4 * LANES] = t->long_wait;
}

static void compress(float *x) {
    for (int k = 0; k < 4 * LANES; k++) x[k] = soft(x[k]);
    for (int k = 6 * LANES; k < 10 * LANES; k++) x[k] = fast_asinh(x[k]);
    for (int k = 23 * LANES; k < (23 + 2 * SPANS) * LANES; k++) x[k] = soft(x[k]);
}

/* The rounds of message passing: z (K) and the messages (chunks, 1 + message, LANES) of K pairs, in place. */
static void converse(const Head *head, int n, int m, int64_t count, const int64_t *row, const int64_t *column,
                     const float *gap, const float *shift, float known, float *z, float *words) {
    int talk = head->message, groups = n + m;
    int64_t chunks = (count + LANES - 1) / LANES;
    double *total = malloc((size_t)(3 * groups + count + 1) * sizeof *total), *best = total + groups;
    double *second = best + groups, *clipped = second + groups;
    float *sums = malloc((size_t)(2 * chunks * LANES + (5 + 2 + talk + head->heard + 1 + talk) * LANES) * sizeof *sums);
    float *heard = sums + 2 * chunks * LANES, *inner = heard + (7 + talk) * LANES, *said = inner + head->heard * LANES;
    const float *w = head->rest;
    for (int round = 0; round < head->rounds; round++) {
        const float *listen = w, *listen_b = listen + head->heard * (7 + talk), *revise = listen_b + head->heard;
        const float *revise_b = revise + (1 + talk) * head->heard;
        w = revise_b + 1 + talk;
        memset(total, 0, (size_t)3 * groups * sizeof *total);
        float sure_sum = 0, mean[2] = {0};
        for (int64_t k = 0; k < count; k++) {
            clipped[k] = bounded(z[k], -MAX_LOGIT, MAX_LOGIT);
            double e = (float)fast_exp(clipped[k]);
            total[row[k]] += e, total[n + column[k]] += e;
        }
        bests(count, clipped, row, best, second), bests(count, clipped, column, best + n, second + n);
        for (int g = 0; g < groups; g++) total[g] = fast_log1p(total[g]);
        for (int64_t k = 0; k < count; k++) {
            float a = sums[2 * k] = total[row[k]], b = sums[2 * k + 1] = total[n + column[k]];
            float sure = fast_exp(2 * (float)clipped[k] - a - b);
            sure_sum += sure, mean[0] += gap[2 * k] * sure, mean[1] += gap[2 * k + 1] * sure;
        }
        for (int c = 0; c < 2; c++) mean[c] = (mean[c] + shift[c]) / (sure_sum + known);
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            float *word = words + chunk * (1 + talk) * LANES + LANES;
            int64_t at = chunk * LANES;
            int here = count - at < LANES ? count - at : LANES;
            for (int k = 0; k < LANES; k++) {
                int64_t one = at + (k < here ? k : 0), a = row[one], b = n + column[one];
                double v = clipped[one];
                heard[k] = v / 4, heard[LANES + k] = sums[2 * one] / 4, heard[2 * LANES + k] = sums[2 * one + 1] / 4;
                heard[3 * LANES + k] = other(v, best[a], second[a]) / 4;
                heard[4 * LANES + k] = other(v, best[b], second[b]) / 4;
                heard[5 * LANES + k] = gap[2 * one] - mean[0], heard[6 * LANES + k] = gap[2 * one + 1] - mean[1];
            }
            for (int k = 5 * LANES; k < 7 * LANES; k++) heard[k] = soft(heard[k]);
            memcpy(heard + 7 * LANES, word, (size_t)talk * LANES * sizeof *word);
            layer(listen, 7 + talk, listen_b, head->heard, 7 + talk, heard, inner, 1);
            layer(revise, head->heard, revise_b, 1 + talk, head->heard, inner, said, 0);
            for (int k = 0; k < here; k++) z[at + k] += said[k];
            for (int k = 0; k < talk * LANES; k++) word[k] += said[LANES + k];
        }
    }
    free(sums), free(total);
}

/* The log-odds (K) of pairs of tracks with predictions (n, P_WIDTH), codes (n, query + 1) and scores (n), and
   observations (m); `similarity` is NULL without embeddings. */
void liquid_logits(int64_t count, const int64_t *track, const int64_t *detection, int n, const double *p,
                   const float *code, const double *track_score, int m, const double *coordinates, const double *xyxy,
                   const double *score, const double *crowding, const double *containment, const double *similarity,
                   const int32_t *sizes, const double *settings, const float *weights, double *logits) {
    Head head = head_of(sizes, settings, weights);
    Seen seen = {coordinates, xyxy, score, crowding, containment};
    int stride = head.features + head.query, hidden = head.hidden, talk = head.message, plain = head.features - 6;
    Track *tracks = malloc((size_t)(n + 1) * sizeof *tracks);
    Overlap *boxes = malloc((size_t)(count + 1) * sizeof *boxes);
    double *density = malloc((size_t)(2 * count + 1) * sizeof *density), *odds = density + count;
    int64_t *rows = malloc((size_t)(3 * count + 1) * sizeof *rows), *row = rows + count, *column = row + count, few = 0;
    char *kind = malloc(count + 1);
    float shift[2] = {0}, known = 0.1f;
    for (int i = 0; i < n; i++) tracks[i] = track_of(p + (size_t)i * P_WIDTH);
    for (int64_t k = 0; k < count; k++) {
        int64_t i = track[k], j = detection[k];
        const double *one = p + i * P_WIDTH, *z = coordinates + 4 * j;
        double distance = 0;
        for (int c = 0; c < 4; c++) {
            double gap = (z[c] - one[P_PRIOR + c]) / one[P_PRIOR_STD + c];
            distance += gap * gap;
        }
        density[k] = distance / COST_DOF;
        boxes[k] = overlap(one + P_PRIOR_BOX, xyxy + 4 * j, MIX_BUFFER);
    }
    for (int64_t k = 0; k < count; k++) density[k] = -0.5 * (COST_DOF + 4) * fast_log1p(density[k]);
    for (int64_t k = 0; k < count; k++) {
        int64_t i = track[k], j = detection[k];
        density[k] -= tracks[i].volume;
        Overlap o = boxes[k];
        double shared = MIX_IOU * o.iou + MIX_BUFFERED * o.buffered + MIX_HEIGHT * o.height;
        double change = fabs(track_score[i] - score[j]);
        double v = IOU_SLOPE * (shared - MIX_SCORE * change - MIX_WAIT * tracks[i].wait - MIX_LEAST);
        v += MIX_DENSITY * bounded(density[k], -20, 20);
        if (similarity && isfinite(similarity[k])) v += ALIKE * (similarity[k] - ALIKE_FROM);
        odds[k] = v - WEAK_LOGIT * (score[j] < WEAK_SCORE);
    }
    gate(n, m, count, track, detection, odds, p, score, kind);
    for (int64_t k = 0; k < count; k++) {
        int64_t i = track[k], j = detection[k];
        logits[k] = kind[k] == 2 ? UNAMBIGUOUS_LOGIT : NEVER_LOGIT;
        if (kind[k] == 1) row[few] = i, column[few] = j, rows[few++] = k;
        if (kind[k] != 2) continue;
        known += 1;
        for (int c = 0; c < 2; c++)
            shift[c] += (float)((coordinates[4 * j + c] - p[i * P_WIDTH + P_PRIOR + c]) / tracks[i].height);
    }
    if (few) {
        int64_t chunks = (few + LANES - 1) / LANES;
        int width = stride > hidden ? stride : hidden;
        float *z = malloc((size_t)(4 * few + 1) * sizeof *z), *gap = z + few;
        float *words = malloc((size_t)chunks * (1 + talk) * LANES * sizeof *words), around[6];
        float *x = malloc((size_t)(2 * width + hidden) * LANES * sizeof *x), *y = x + width * LANES;
        scene(n, p, m, score, around);
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            int64_t at = chunk * LANES;
            int here = few - at < LANES ? few - at : LANES;
            memset(x, 0, (size_t)width * LANES * sizeof *x);
            for (int k = 0; k < here; k++) {
                int64_t one = rows[at + k], i = row[at + k];
                features(p + i * P_WIDTH, tracks + i, track_score[i], &seen, column[at + k], boxes[one], density[one],
                         odds[one], similarity ? similarity[one] : NAN, x, k);
                for (int c = 0; c < head.query; c++)
                    x[(head.features + c) * LANES + k] = code[(size_t)i * (head.query + 1) + c];
                for (int c = 0; c < 6; c++) x[(plain + c) * LANES + k] = around[c];
                for (int c = 0; c < 2; c++)
                    gap[2 * (at + k) + c] = (coordinates[4 * column[at + k] + c] - p[i * P_WIDTH + P_PRIOR + c]) /
                                            tracks[i].height;
            }
            compress(x);
            layer(head.first_w, stride, head.first_b, hidden, stride, x, y, 1);
            layer(head.second_w, hidden, head.second_b, hidden, hidden, y, x, 1);
            float *out = words + chunk * (1 + talk) * LANES;
            layer(head.judge_w, hidden, head.judge_b, 1 + talk, hidden, x, out, 0);
            for (int k = 0; k < here; k++) z[at + k] = (float)odds[rows[at + k]] + out[k];
            for (int k = LANES; k < (1 + talk) * LANES; k++) out[k] = fast_tanh(out[k]);
        }
        converse(&head, n, m, few, row, column, gap, shift, known, z, words);
        for (int64_t k = 0; k < few; k++) {
            int64_t one = rows[k];
            double alike = similarity && isfinite(similarity[one]) ? head.similarity * (similarity[one] - ALIKE_FROM) : 0;
            int doubtful = (float)odds[one] < -WEAK_LOGIT && score[column[k]] < WEAK_SCORE;
            logits[one] = z[k] + alike - WEAK_LOGIT * doubtful;
        }
        free(z), free(words), free(x);
    }
    free(tracks), free(boxes), free(density), free(rows), free(kind);
}
