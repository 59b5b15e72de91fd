"""`python -m thenvoi_bridge` is the command `thenvoi-bridge`."""

from thenvoi_bridge.cli import main

if __name__ == "__main__":
    main()
