/* Overlaps of boxes (left, top, right, bottom), as in tracker/boxes.py. */
#ifndef LIQUIDTRACK_BOXES_H
#define LIQUIDTRACK_BOXES_H

#include "maths.h"

typedef struct {
    double iou, buffered, height;
} Overlap;

static inline Overlap overlap(const double *a, const double *b, double buffer) {
    double wide_a = a[2] - a[0], tall_a = a[3] - a[1], wide_b = b[2] - b[0], tall_b = b[3] - b[1];
    double x = lower(a[2], b[2]) - higher(a[0], b[0]), y = lower(a[3], b[3]) - higher(a[1], b[1]);
    double wide = wide_a + wide_b, tall = tall_a + tall_b, areas = wide_a * tall_a + wide_b * tall_b;
    double inner = higher(x, 0) * higher(y, 0);
    double outer = higher(x + buffer * wide, 0) * higher(y + buffer * tall, 0);
    double most = 1 + 2 * buffer;
    Overlap o = {inner / (areas - inner), outer / (most * most * areas - outer), higher(y, 0) / (tall - higher(y, 0))};
    return o;
}

/* The centre and the log sizes (4) -> the corners (4). */
static inline void corners(const double *coordinates, double *xyxy) {
    for (int c = 0; c < 2; c++) {
        double half = fast_exp(coordinates[2 + c]) * 0.5;
        xyxy[c] = coordinates[c] - half, xyxy[2 + c] = coordinates[c] + half;
    }
}

typedef struct {
    double left;
    int row;
} Edge;

static int by_left(const void *a, const void *b) {
    const Edge *x = a, *y = b;
    return x->left < y->left ? -1 : x->left > y->left ? 1 : x->row - y->row;
}

/* Of n boxes whose rows lie `stride` numbers apart: the largest IoU of each with another, and the largest share of each
   that lies in one other of higher rank. Ranks lie `step` numbers apart. Rows whose `skip` is at least `most` are left
   out, and get 0; `same` are classes that a containing box must share, or NULL. */
static inline void touching(int n, const double *xyxy, int stride, const double *rank, int step, const double *skip,
                            int skip_step, double most, const int64_t *same, double *iou, double *share, int out) {
    Edge *edge = malloc((n + 1) * sizeof *edge);
    int count = 0;
    for (int i = 0; i < n; i++) {
        iou[i * out] = share[i * out] = 0;
        if (!skip || skip[i * skip_step] < most) edge[count].left = xyxy[(size_t)i * stride], edge[count++].row = i;
    }
    qsort(edge, count, sizeof *edge, by_left);
    for (int p = 0; p < count; p++) {
        int i = edge[p].row;
        const double *a = xyxy + (size_t)i * stride;
        double area_a = (a[2] - a[0]) * (a[3] - a[1]);
        for (int q = p + 1; q < count && edge[q].left < a[2]; q++) {
            int j = edge[q].row;
            const double *b = xyxy + (size_t)j * stride;
            double high = lower(a[3], b[3]) - higher(a[1], b[1]);
            if (!(high > 0)) continue;
            double shared = high * (lower(a[2], b[2]) - b[0]), area_b = (b[2] - b[0]) * (b[3] - b[1]);
            double both = shared / (area_a + area_b - shared);
            iou[i * out] = higher(iou[i * out], both), iou[j * out] = higher(iou[j * out], both);
            if (same && same[i] != same[j]) continue;
            int first_lower = rank[i * step] < rank[j * step];
            double *lower_share = share + (first_lower ? i : j) * out;
            *lower_share = higher(*lower_share, shared / (first_lower ? area_a : area_b));
        }
    }
    free(edge);
}

#endif
