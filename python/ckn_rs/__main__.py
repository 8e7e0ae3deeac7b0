"""``python -m ckn_rs`` is the command ``ckn-rs``."""

import sys

from ckn_rs.cli import main

sys.exit(main())
