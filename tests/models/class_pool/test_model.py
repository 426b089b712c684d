"""The class pool: NumPy equals torch, class permutations commute, its file is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.class_pool.config import ClassPoolConfig
from models.class_pool.inference import (
    ClassPoolNumpy,
    load_class_pool,
    log_softmax,
    own_class_pool,
    save_class_pool,
    softmax,
)
from models.errors import WeightsError


def drawn(config: ClassPoolConfig, seed: int = 0) -> ClassPoolNumpy:
    """A pool with random weights, none of them zero."""
    rng = np.random.default_rng(seed)
    shapes = {
        "cell.blocks.0.weight": (4, config.units, config.inputs + config.units),
        "cell.blocks.0.bias": (4, config.units),
        "read.weight": (1 + config.kinds, config.units + config.inputs),
        "read.bias": (1 + config.kinds,),
        "trust.weight": (1, config.units),
        "trust.bias": (1,),
        "pace": (2,),
    }
    if config.soft:
        shapes["floor"] = (1,)
    return ClassPoolNumpy({n: np.asarray(rng.normal(0, 0.4, s), np.float32) for n, s in shapes.items()}, config)


def views(config: ClassPoolConfig, rows: int, classes: int, seed: int = 1) -> list[tuple[Any, ...]]:
    """Evidence, quality and seconds of five views of some tracks; the first ones have no time before them."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(5):
        z = 3 * rng.normal(size=(rows, classes)).astype(np.float32)
        e = log_softmax(z) if config.soft else np.eye(classes, dtype=np.float32)[z.argmax(axis=1)]
        dt = np.full(rows, np.inf if k == 0 else 0.0) + (k > 0) * rng.exponential(1.0, rows)
        out.append((e, rng.normal(size=(rows, config.quality)).astype(np.float32), dt.astype(np.float32)))
    return out


def pooled(pool: ClassPoolNumpy, seen: list[tuple[Any, ...]]) -> Any:
    rows, classes = seen[0][0].shape
    belief, h = np.zeros((rows, classes), np.float32), np.zeros((rows, pool.config.units), np.float32)
    for e, quality, dt in seen:
        belief, h = pool.step(e, quality, dt, belief, h)
    return pool.probability(belief, h)


@pytest.mark.parametrize("agreement", [True, False])
@pytest.mark.parametrize("soft", [True, False])
def test_numpy_pool_equals_torch(soft: bool, agreement: bool) -> None:
    torch = pytest.importorskip("torch", reason="the definition needs the extra `torch`")
    from models.class_pool.model import ClassPool

    config = ClassPoolConfig(3, units=7, soft=soft, agreement=agreement)
    pool = drawn(config)
    module = ClassPool(config)
    module.load_state_dict({n: torch.from_numpy(v) for n, v in pool.weights.items()})
    seen = views(config, 6, 11)
    belief, h = torch.zeros(6, 11), torch.zeros(6, 7)
    with torch.inference_mode():
        for told in seen:
            belief, h = module.step(*map(torch.from_numpy, told), belief, h)
        wanted = module.probability(belief, h).numpy()
    np.testing.assert_allclose(pooled(pool, seen), wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["views", "labels"])
def test_packaged_pools_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="the definition needs the extra `torch`")
    from models.class_pool.model import ClassPool

    pool = own_class_pool(name)
    module = ClassPool(pool.config)
    module.load_state_dict({n: torch.from_numpy(v) for n, v in pool.weights.items()})
    belief, h = torch.zeros(8, 30), torch.zeros(8, pool.config.units)
    seen = views(pool.config, 8, 30)
    with torch.inference_mode():
        for told in seen:
            belief, h = module.step(*map(torch.from_numpy, told), belief, h)
        wanted = module.probability(belief, h).numpy()
    np.testing.assert_allclose(pooled(pool, seen), wanted, atol=1e-4)


@pytest.mark.parametrize("soft", [True, False])
def test_pool_is_equivariant_to_class_permutation(soft: bool) -> None:
    config = ClassPoolConfig(3, soft=soft)
    seen = views(config, 4, 9)
    turn = np.random.default_rng(2).permutation(9)
    turned = [(e[:, turn], quality, dt) for e, quality, dt in seen]
    np.testing.assert_allclose(pooled(drawn(config), turned), pooled(drawn(config), seen)[:, turn], atol=1e-6)


def test_rows_are_independent() -> None:
    config = ClassPoolConfig(3)
    seen = views(config, 5, 9)
    alone = [tuple(column[2:3] for column in told) for told in seen]
    np.testing.assert_allclose(pooled(drawn(config), alone), pooled(drawn(config), seen)[2:3], atol=1e-6)


def test_softmax_is_stable_for_large_logits() -> None:
    z = np.array([[1000.0, 1001.0], [-1000.0, -1000.0]], np.float32)
    np.testing.assert_allclose(softmax(z), [[0.26894, 0.73106], [0.5, 0.5]], atol=1e-5)
    np.testing.assert_allclose(log_softmax(z), np.log(softmax(z)), atol=1e-5)


@pytest.mark.parametrize("name", ["views", "labels"])
def test_crops_close_in_time_add_little_evidence(name: str) -> None:
    news = own_class_pool(name).news(np.array([np.inf, 0.0, 0.033, 0.3, 1.0, 5.0, 100.0], np.float32))
    assert news[0] == 1
    assert (np.diff(news[1:]) >= 0).all()
    assert news[2] < 0.5  # ten crops within a third of a second count less than five
    assert news[1] < news[2] < news[3] < news[4]


def equal(name: str, classes: int, gap: float, count: int) -> float:
    """The probability of a class after so many equal views of it, `gap` seconds apart."""
    pool = own_class_pool(name)
    quality = np.array([[0.0, 0.0, 0.8, 0.0, 0.0] if name == "views" else [0.0, 0.8, 0.0]], np.float32)
    z = np.where(np.arange(classes) == 3, np.float32(5.0), np.float32(0.0))[None]
    e = log_softmax(z) if pool.config.soft else (z > 0).astype(np.float32)
    seen = [(e, quality, np.array([np.inf if k == 0 else gap], np.float32)) for k in range(count)]
    return float(pooled(pool, seen)[0, 3])


def test_identical_crops_add_less_confidence_the_closer_in_time() -> None:
    assert equal("views", 1000, 0.033, 8) < equal("views", 1000, 0.2, 8) < equal("views", 1000, 1.0, 8)


def test_ten_labels_within_a_third_of_a_second_add_little_to_one() -> None:
    once, often = equal("labels", 80, 0.033, 1), equal("labels", 80, 0.033, 10)
    assert once > 0.8
    assert abs(often - once) < 0.1
    assert often < 0.99  # ten independent votes would have left no doubt


def test_class_pool_file_round_trips(tmp_path: Path) -> None:
    pool = drawn(ClassPoolConfig(4, units=5))
    save_class_pool(tmp_path / "pool.safetensors", pool, {"data": "none"})
    back = load_class_pool(tmp_path / "pool.safetensors")
    assert back.config == pool.config
    for name, value in pool.weights.items():
        np.testing.assert_array_equal(back.weights[name], value)


def test_wrong_files_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "pool.safetensors"
    with pytest.raises(WeightsError, match=r"cannot be read as a class pool's weights .*train classification`\.$"):
        load_class_pool(path)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read as a class pool"):
        load_class_pool(path)
    save_class_pool(path, drawn(ClassPoolConfig(4, units=5)), {})
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(WeightsError, match="do not fit their checksum; get the file again"):
        load_class_pool(path)
    save_class_pool(path, ClassPoolNumpy(drawn(ClassPoolConfig(4, units=5)).weights, ClassPoolConfig(4, units=6)), {})
    with pytest.raises(WeightsError, match=r"its array cell\.blocks\.0\.weight is 4x5x17, not 4x6x18"):
        load_class_pool(path)
    with pytest.raises(WeightsError, match="is no liquidtrack-class-pool-1 file"):
        load_class_pool(Path(__file__).parents[3] / "models/weights/head.safetensors")
