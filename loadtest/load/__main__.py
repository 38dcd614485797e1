"""`make load`: one profile, against a pipeline of its own or one that runs; exit code 1 where it did not hold."""

import contextlib
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from loadtest.bench.child import Failed
from loadtest.load.arguments import Given, read
from loadtest.load.locust import run
from loadtest.load.pipeline import Places, pipeline


def main(words: list[str]) -> int:
    """Exit code 0 everything held, 1 something did not or nothing could be said, 130 stopped by Ctrl-C."""
    given = read(words)
    for number in (signal.SIGTERM, signal.SIGINT):  # so that whatever runs is ended then too
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="csp-sentinel-load-"))
    try:
        with _places(given, folder) as places:
            return run(given, places, folder)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _places(given: Given, folder: Path) -> contextlib.AbstractContextManager[Places]:
    if given.host is None:
        print("starting a pipeline on free ports", file=sys.stderr)
        return pipeline(folder)
    return contextlib.nullcontext(Places(given.host, given.console))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
