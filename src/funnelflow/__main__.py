"""Run the command line as ``python -m funnelflow``."""

from funnelflow.cli import main

if __name__ == "__main__":
    main()
