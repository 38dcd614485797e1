"""One target under atheris, in a process of its own: `python -m tests.fuzz.guided TARGET [libFuzzer's flags]`."""

import logging
import sys

import atheris

# Only what is imported in here is seen by the fuzzer.
with atheris.instrument_imports(include=["schema", "csp", "ingest", "log", "processor", "dashboards", "sentinel"]):
    from tests.fuzz.targets import TARGETS
    from tests.fuzz.timed import timed


def main() -> None:
    logging.disable()
    name, *flags = sys.argv[1:]
    target = TARGETS[name]
    command = f"{sys.executable} -m tests.fuzz.guided {name}"  # as -merge=1 starts it again, by a shell
    atheris.Setup([command, *flags], lambda data: timed(target.run, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
