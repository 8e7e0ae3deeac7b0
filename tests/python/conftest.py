"""Settings of the whole test run."""

import signal

# A shell starts commands in the background with SIGINT ignored, and every process that a test starts
# would inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)
