"""`liquidtrack inspect` on heads with known weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy, save_head
from models.errors import ConfigError, DataError, WeightsError
from tools.inspect.config import InspectConfig
from tools.inspect.feature_names import FEATURE_NAMES, named
from tools.inspect.probes import (
    Matches,
    RecordingHead,
    correlations,
    memory_fraction,
    response_times,
    responses,
    sensitivities,
)
from tools.inspect.report import find, inspect
from tracker.learned.pair_features import FEATURES, INPUTS

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")


def weights(config: HeadConfig, noise: float = 0.05) -> Any:
    from models.association_head.model import AssociationHead

    torch.manual_seed(0)
    model = AssociationHead(INPUTS, FEATURES, config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += noise * torch.randn_like(parameter)
    return model


def write(model: Any, path: Path) -> str:
    save_head(path, {n: v.detach().numpy() for n, v in model.state_dict().items()}, model.config, {})
    return str(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five people who cross, seen with noise."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "walk"
    (folder / "det").mkdir(parents=True)
    lines = []
    for frame in range(1, 61):
        for i in range(5):
            x, y = 150 + 90 * np.sin(frame / 15 + i) + rng.normal(0, 1), 80 + 4 * i + rng.normal(0, 1)
            lines.append(f"{frame},-1,{x:.2f},{y:.2f},40,100,{rng.uniform(0.7, 0.95):.2f}\n")
    (folder / "det/det.txt").write_text("".join(lines))
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=60\nimWidth=400\nimHeight=300\n")
    return folder.parent


def test_unknown_features_are_named_by_number() -> None:
    assert named(("a", "b"), 1) == ("a",)
    assert named(("a", "b"), 4) == ("a", "b", "number 3", "number 4")


class Linear(HeadNumpy):
    """A head whose state is a weighted sum and whose logits use competing pairs' features too."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.config = HeadConfig(cell="gru-dt", units=3)
        self.a, self.k, self.c = rng.normal(size=(4, 3)), np.array([0.9, 0.5, 0.0]), np.array([0.0, 0.2, -0.4])
        self.b = np.array([2.0, -1.0, 0.0])

    def step(self, x: Any, h: Any, dt: Any) -> Any:
        return x @ self.a + h * self.k + np.log(dt)[:, None] * self.c

    def logits(self, features: Any, base: Any, *rest: Any) -> Any:
        own = features @ self.b
        return base + own - (own.sum() - own)  # a pair takes from its rivals


def test_unit_responses_equal_the_derivatives() -> None:
    rng = np.random.default_rng(1)
    head = Linear()
    x, h, dt = rng.normal(size=(500, 4)) * [1, 2, 3, 0], rng.normal(size=(500, 3)), rng.uniform(0.05, 1, 500)
    matches = Matches(x, h, dt, head.step(x, h, dt))
    own = matches.after.std(axis=0)
    found = responses(head, matches)
    np.testing.assert_allclose(found[:, :4], (head.a * x.std(axis=0)[:, None] / own).T, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found[:, 4], head.c / own, rtol=1e-6, atol=1e-12)
    corr = correlations(matches)
    expected = np.corrcoef(x[:, :3].T, matches.after.T)[3:, :3]
    np.testing.assert_allclose(corr[:, :3], expected, rtol=1e-9)
    assert (corr[:, 3] == 0).all()  # an input that never changes


def test_memory_fraction_is_one_or_zero_for_pure_memory_or_input() -> None:
    rng = np.random.default_rng(1)
    head = Linear()
    x, h, dt = rng.normal(size=(2000, 4)), rng.normal(size=(2000, 3)), np.ones(2000)
    head.a[:, 0] = 0  # the first unit keeps what it had, the last one hears the match alone
    head.k, head.a[:, 1] = np.array([1.0, 1.0, 0.0]), [1, 0, 0, 0]
    found = memory_fraction(head, Matches(x, h, dt, head.step(x, h, dt)))
    # of the middle one, half the variance is memory
    np.testing.assert_allclose(found, [1, np.sqrt(0.5), 0], atol=0.03)


def test_sensitivity_perturbs_one_pair_and_not_its_competitors() -> None:
    rng = np.random.default_rng(2)
    head = Linear()
    watched = RecordingHead(head)
    features = rng.normal(size=(6, 3)) * [1, 2, 3]
    level = head.logits(features, 0)
    for base in (-level, 1e6 - level):  # in doubt; far beyond any
        watched.logits(features, base)
    slope, size = sensitivities(watched, 50, 0)
    np.testing.assert_allclose(slope, head.b * features.std(axis=0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(size, abs(slope), rtol=1e-9)
    del watched.calls[0]
    with pytest.raises(DataError, match="in doubt"):
        sensitivities(watched, 50, 0)


@pytest.mark.parametrize(("slowing", "seconds"), [(0.0, 0.5), (0.3, 0.3 * np.expm1(0.5 / 0.3))])
def test_response_time_follows_the_rate(slowing: float, seconds: float) -> None:
    model = weights(HeadConfig(slowing=slowing), 0)
    with torch.no_grad():
        model.flow.weight.zero_()
        f, g, rate, gate = model.flow.bias.view(4, model.config.query_size)
        f[:], g[:] = 20.0, -20.0
        f[0] = -20.0  # an answer that has nowhere to go
        rate[:] = np.log(np.expm1(2.0))  # softplus: 2 a second
        gate[:] = -6.0  # so low that sigmoid(b - rate t) is an exponential
    head = HeadNumpy({n: v.numpy() for n, v in model.state_dict().items()}, model.config)
    found = response_times(head, np.zeros((2, model.config.units), np.float32))
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1:], seconds, rtol=0.07)  # 1 / rate in the query's time, on a grid of 6 %


def test_time_constants_equal_those_of_the_gates(root: Path, tmp_path: Path) -> None:
    model = weights(HeadConfig("cfc", units=32))
    with torch.no_grad():
        for block, rate in zip(model.cell.blocks, (0.5, 2.0, -4.0), strict=True):
            block.weight[2] = 0
            block.bias[2] = rate
    found = find(InspectConfig(write(model, tmp_path / "head"), root=root, profiles=("full",), pairs=5, quiet=True))
    assert found.seconds is not None
    for (layer, units), seconds in zip(found.groups().items(), (2.0, 0.5, 0.25), strict=True):
        np.testing.assert_allclose(found.seconds[:, units], seconds * model.config.time_unit, rtol=1e-5)
        assert layer in ("inter", "command", "motor")
    assert [len(units) for units in found.groups().values()] == [12, 8, 12]


def test_command_writes_plots_and_figures(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for run in "ab":
        out = tmp_path / run
        inspect(InspectConfig(out=out, root=root, profiles=("full", "jitter"), matches=100, pairs=10, quiet=True))
        said.append((capsys.readouterr().out, (out / "inspect.json").read_text()))
        for name in ("time_constants", "neurons", "pairs"):
            assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert said[0] == said[1]
    figures = json.loads(said[0][1])
    assert figures["cell"] == "cfc-leaky"
    assert figures["matches"] == 100
    assert [unit["layer"] for unit in figures["units"]] == ["neuron"] * 48
    assert set(figures["features"]) == set(FEATURE_NAMES)
    strongest = max(figures["features"], key=lambda name: figures["features"][name]["size"])
    assert said[0][0].partition("a pair ")[2].splitlines()[1].startswith(strongest)


def test_rendered_scene_is_inspected_without_data(tmp_path: Path) -> None:
    scene = "scene:3?duration=2&width=160&height=90&rate=10&people=8&exposure=0"
    found = find(InspectConfig(out=tmp_path, scene=scene, profiles=("full",), pairs=5, quiet=True))
    assert found.matches > 50
    assert np.isfinite(found.response).all()


@pytest.mark.parametrize(("cell", "why"), [("gru-dt", "does not flow in between"), ("none", "keeps no state")])
def test_a_cell_without_time_constants_is_one_sentence(
    cell: str, why: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = write(weights(HeadConfig(cell=cell)), tmp_path / "head")
    inspect(InspectConfig(head, tmp_path / "out", root, ("full",), pairs=5, quiet=True))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "time constants:" in line and "cell" in line]
    assert why in line
    assert not (tmp_path / "out/time_constants.png").exists()
    assert (tmp_path / "out/neurons.png").exists() == (cell == "gru-dt")


def test_mistakes_are_one_sentence(root: Path, tmp_path: Path) -> None:
    from models.association_head.model import AssociationHead

    with pytest.raises(WeightsError, match="cannot be read"):
        inspect(InspectConfig(str(tmp_path / "no"), tmp_path / "out", root))
    other = write(AssociationHead(INPUTS + 1, FEATURES, HeadConfig()), tmp_path / "other")
    with pytest.raises(WeightsError, match="do not fit this version's head"):
        inspect(InspectConfig(other, tmp_path / "out", root))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another folder"):
        inspect(InspectConfig(out=tmp_path / "file", root=root))
    (root / "walk/det/det.txt").write_text("1,-1,10,10,40,100,0.9\n")
    with pytest.raises(DataError, match="fewer than two"):
        inspect(InspectConfig(out=tmp_path / "out", root=root, profiles=("full",), quiet=True))
    with pytest.raises(ConfigError, match="2 or more"):
        InspectConfig(pairs=1)
