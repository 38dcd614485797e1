"""`python -m loadtest SECTION…`, which is what `make bench` runs."""

import sys

from loadtest.bench.main import main

sys.exit(main(sys.argv[1:]))
