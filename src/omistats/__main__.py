"""The command line, as ``python -m omistats``."""

import sys

from omistats.cli import main

sys.exit(main())
