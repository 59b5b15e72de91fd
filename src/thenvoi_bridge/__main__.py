"""The command `thenvoi-bridge`, and `python -m thenvoi_bridge`."""

import gc

MANY = 50_000
"""Objects that may be made before Python looks for garbage among them."""


def main() -> None:
    """Run the command. Importing makes many objects and no garbage; the search took a tenth of a start."""
    gc.set_threshold(MANY)
    from thenvoi_bridge.cli import main as command

    command()


if __name__ == "__main__":
    main()
