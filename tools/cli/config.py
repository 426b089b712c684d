"""Settings of `liquidtrack completion`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True)
class CompletionConfig:
    """Print a completion script, for example `liquidtrack completion bash >> ~/.bash_completion`.

    Attributes:
        shell: the shell that the script is for.
    """

    shell: Positional[Literal["bash", "zsh", "fish"]]
