"""Settings of the whole test run."""

import signal

# A shell starts commands in the background with SIGINT ignored, and all processes that tests start
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
