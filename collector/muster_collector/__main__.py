"""`python -m muster_collector` is the `muster` command."""

import sys

from muster_collector.cli import main

sys.exit(main())
