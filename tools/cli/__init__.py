"""The command line: commands, settings, messages, faults, completion.

The command's entry point is `tools.cli.main:main`.
"""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """`main` of versions up to 0.1, for commands that were installed with them.

    Raises:
        AttributeError: the name is not `main`.
    """
    if name == "main":
        return _old_entry_point
    raise AttributeError(f"module 'tools.cli' has no attribute {name!r}")


def _old_entry_point() -> int:
    """Run the command line, and print once how to renew the installation."""
    import sys

    from models.extras import RENEW
    from tools.cli.main import main

    print(f"liquidtrack: this command was installed by an earlier version; {RENEW}.", file=sys.stderr)
    return main()
