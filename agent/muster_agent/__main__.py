"""`python -m muster_agent`: the same as the command `muster-agent`."""

import sys

from muster_agent.cli import main

sys.exit(main())
