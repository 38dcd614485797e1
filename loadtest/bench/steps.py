"""An open-loop client whose rate changes in steps: `python -m loadtest.bench.steps HOST PORT TABLE RATE SECONDS …`.

Requests of the table are sent once each, in order. Prints a JSON list: of each step when it began and what came of it.
"""

import gc
import itertools
import sys
import time
from pathlib import Path

import msgspec

from loadtest.openloop import Client, Result


class Step(msgspec.Struct):
    """`began` is seconds since the epoch; `requests` of the table were its."""

    began: float
    requests: int
    result: Result


def main(arguments: list[str]) -> int:
    host, port, table, *pairs = arguments
    requests = msgspec.msgpack.decode(Path(table).read_bytes(), type=list[bytes])
    gc.disable()
    done: list[Step] = []
    left = iter(requests)
    for rate, seconds in zip(pairs[::2], pairs[1::2], strict=True):
        its = list(itertools.islice(left, int(float(rate) * float(seconds))))
        client = Client(host, int(port), its, float(rate))
        began = time.time()
        try:
            done.append(Step(began, len(its), client.run(float(seconds))))
        finally:
            client.close()
    print(msgspec.json.encode(done).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
