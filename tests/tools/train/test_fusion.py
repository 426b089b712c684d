"""The fit of the fused detector's scores."""

from __future__ import annotations

import numpy as np

from models.detection.calibration import YOLOX
from models.runtime.maths import expit
from tools.train.fusion import fit_weights


def test_known_weights_are_found_again() -> None:
    """Boxes that are right with the probability that known weights give."""
    draw = np.random.default_rng(0)
    known = np.array([[0.9, 0.4, 0.7, 0.1], [-2.0, 0.9, 0.0, -0.3], [-0.7, 0.0, 1.0, -0.3]])
    row = draw.integers(0, 3, 90_000)
    terms = np.column_stack([np.ones(len(row)), draw.normal(-1, 1.5, (len(row), 2)), draw.normal(-1.5, 0.6, len(row))])
    terms[row == 1, 2] = terms[row == 2, 1] = 0
    odds = YOLOX[0] * (terms * known[row]).sum(axis=1) + YOLOX[1]  # of a true positive, on the scale of all scores
    found = fit_weights(terms, row, draw.random(len(row)) < expit(odds), np.zeros((3, 4)))
    np.testing.assert_allclose(found, known, atol=0.06)


def test_weights_of_a_case_that_never_occurs_stay() -> None:
    start = np.arange(12.0).reshape(3, 4)
    terms = np.column_stack([np.ones(40), np.linspace(-2, 2, 40), np.zeros(40), np.zeros(40)])
    found = fit_weights(terms, np.ones(40, np.int64), np.arange(40) % 3 > 0, start)
    np.testing.assert_array_equal(found[[0, 2]], start[[0, 2]])
    assert (found[1] != start[1]).any()
    assert np.isfinite(found).all()
