"""The command `thenvoi-bridge`, and `python -m thenvoi_bridge`."""

import atexit
import gc

MANY = 50_000
"""Objects that may be made before Python looks for garbage among them."""


def main() -> None:
    """Run the command.

    Importing makes many objects and no garbage; the search took a tenth of a start. A last one at the end, of
    what goes with the process anyway, took a sixth of a short command.
    """
    gc.set_threshold(MANY)
    atexit.register(gc.freeze)
    from thenvoi_bridge.cli import main as command

    command()


if __name__ == "__main__":
    main()
