"""``mineral-pipeline``, also as ``python -m jobs``."""

import sys

from jobs.running.command_line import main

if __name__ == "__main__":
    sys.exit(main())
