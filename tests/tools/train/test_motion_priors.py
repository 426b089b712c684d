"""`liquidtrack fit motion`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tests.support.known_prior import TRUE
from tools.train.config.motion_priors import FitMotionConfig
from tools.train.motion_priors import Trajectory, fit_motion, fit_prior, loss
from tracker.motion.kalman_mixture import MOTION_MODES, MotionMode


def drawn(prior: MotionMode, objects: int = 300, looks: int = 30) -> Trajectory:
    """Objects of 100 pixels that move as the prior says, at uneven times, simulated in small steps."""
    rng = np.random.default_rng(0)
    dt = np.where(rng.random((objects, looks)) < 0.7, 0.04, rng.uniform(0.1, 0.8, (objects, looks)))
    dt[:, 0] = 0
    x, v = rng.uniform(0, 1000, (objects, 2)), 100 * prior.velocity_std * rng.normal(size=(objects, 2))
    size = np.log([40.0, 100.0]) + np.zeros((objects, 2))
    z = np.zeros((objects, looks, 4))
    for k in range(looks):
        h = dt[:, k, None] / 20
        for _ in range(20):
            x = x + v * h + 100 * prior.position_diffusion * np.sqrt(h) * rng.normal(size=x.shape)
            push = 100 * prior.velocity_std * np.sqrt(2 * h / prior.velocity_tau) * rng.normal(size=v.shape)
            v = v * (1 - h / prior.velocity_tau) + push
        size = size + np.sqrt(dt[:, k, None]) * [prior.width_diffusion, prior.height_diffusion] * rng.normal(
            size=size.shape
        )
        z[:, k, :2] = x + 100 * prior.measurement_noise * rng.normal(size=x.shape)
        z[:, k, 2:] = size + [prior.width_noise, prior.height_noise] * rng.normal(size=size.shape)
    return Trajectory(z, dt, np.ones(dt.shape))


def test_fit_recovers_the_generating_constants() -> None:
    series = drawn(TRUE)
    found = fit_prior(series)
    # Gaussian noise under a Student-t likelihood: its spreads come out smaller by one factor, their ratios stay
    assert found.velocity_tau == pytest.approx(TRUE.velocity_tau, rel=0.35)
    assert found.velocity_std / found.measurement_noise == pytest.approx(
        TRUE.velocity_std / TRUE.measurement_noise, rel=0.35
    )
    assert found.height_diffusion / found.height_noise == pytest.approx(7.5, rel=0.35)
    assert loss(found, series) <= loss(TRUE, series)
    assert loss(found, series) < loss(replace(found, velocity_tau=10 * found.velocity_tau), series)


def test_command_prints_a_row_per_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "street" / "one"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=60\nimWidth=800\nimHeight=600\n")
    rows = [f"{k},{i},{20 * i + 2 * k},{50 + k * i % 7},30,80,1,1,1" for k in range(1, 61) for i in range(1, 6)]
    (folder / "gt/gt.txt").write_text("\n".join(rows) + "\n")
    fit_motion(FitMotionConfig((tmp_path / "street",), runs=3, frames=10))
    said = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in said[1:]] == [
        "fitted on street",
        *(f"package {k + 1}" for k in range(len(MOTION_MODES))),
    ]
    losses = [float(line.split()[-1]) for line in said[1:]]
    assert losses[0] <= min(losses[1:])


def test_wrong_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds neither"):
        fit_motion(FitMotionConfig((tmp_path,)))
    with pytest.raises(ConfigError, match="frames is 2; give 3 to"):
        FitMotionConfig((tmp_path,), frames=2)
