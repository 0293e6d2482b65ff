"""Run the command line as ``python -m omistats``."""

from __future__ import annotations

import sys

from omistats.cli import main

sys.exit(main())
