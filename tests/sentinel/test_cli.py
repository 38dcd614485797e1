"""The command line, before any command."""

import subprocess
import sys


def test_nothing_that_counts_is_imported_before_it_was_said_where_to():
    """The library of the metrics looks for its folder once, when it is imported; else a command's figures stay at 0."""
    asked = "import sys, sentinel.cli; print(*(name for name in sys.modules if name.startswith('prometheus_client')))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
