"""Section `collector`: Sentinel's two servers on one core against nginx that answers 204, and go-csp-collector.

The client has the other core. All by default settings but for the spool's room (servers.py), `disk` durability, metrics
and validation on; what was answered 204 is looked for in the spool after each run.
"""

import functools

from loadtest.bench import wrk
from loadtest.bench.figures import Figure, ratio, skipped
from loadtest.bench.loaded import Measured, Pace, in_turn
from loadtest.bench.options import Options
from loadtest.bench.peers import GO, NGINX, go_missing, nginx, nginx_missing
from loadtest.bench.requests import Load, loads
from loadtest.bench.servers import Kind, sentinel

FAST = Kind("fast", "Sentinel, fast", functools.partial(sentinel, flags=("--server", "fast")))
GRANIAN = Kind("granian", "Sentinel, granian", functools.partial(sentinel, flags=("--server", "granian")))
_TWO = Kind("two", "two workers", functools.partial(sentinel, flags=("--workers", "2")))
_ONE = Kind("one", "one worker", functools.partial(sentinel, flags=("--workers", "1")))
_NGINX_OF_TWO = Kind("nginx-two", "nginx of two workers", functools.partial(nginx, workers=2))
_UNSAID = "it closes without `Connection: close`, so wrk sends each time one more request in vain"
_SATURATED = "the client was at its limit: the server may do more"


def collector(options: Options) -> list[Figure]:
    """Each load in turn over all servers, then two workers against one."""
    if why := wrk.reason_missing():
        return [skipped("collector", "collector", why)]
    reasons = {NGINX.key: nginx_missing(), GO.key: go_missing()}
    figures = [skipped(f"collector.{key}", key, why) for key, why in reasons.items() if why]
    kinds = [kind for kind in (FAST, GRANIAN, NGINX, GO) if not reasons.get(kind.key)]
    found = loads()
    for load in found:
        rounds = in_turn(options, [kind for kind in kinds if kind.takes(load.key)], load)
        figures += _figures(load, kinds, rounds)
    return figures + two_workers(options, found[0])


def _figures(load: Load, kinds: list[Kind], rounds: dict[str, list[Measured]]) -> list[Figure]:
    figures = []
    for kind in kinds:
        done = rounds.get(kind.key, [])
        key, name = f"collector.{load.key}.{kind.key}", f"{load.name}, {kind.name}"
        if not done:
            figures.append(skipped(f"{key}.rate", name, "it refuses some of what browsers send"))
            continue
        note = _SATURATED if any(one.saturated for one in done) else ""
        note = _UNSAID if any(one.broken for one in done) else note
        rates = [one.rate for one in done]
        figures.append(Figure(f"{key}.rate", name, "requests/s", rates, "more", note))
        if load.reports > 1:
            figures.append(
                Figure(
                    f"{key}.reports", f"{name}: reports", "reports/s", [rate * load.reports for rate in rates], "more"
                )
            )
        figures.append(Figure(f"{key}.cpu", f"{name}: CPU", "µs/request", [one.cpu_us for one in done], "less"))
    return figures + ratios(load, rounds)


def ratios(load: Load, rounds: dict[str, list[Measured]]) -> list[Figure]:
    """Sentinel's servers over each peer that took part."""
    rates = {key: [one.rate for one in done] for key, done in rounds.items()}
    figures = []
    for mine, peer in ((mine, peer) for mine in ("fast", "granian") for peer in ("nginx", "go")):
        if rates.get(mine) and rates.get(peer):
            key = f"collector.{load.key}.{mine}-over-{peer}"
            figures.append(ratio(key, f"{load.name}, {mine} over {peer}", rates[mine], rates[peer]))
    over = [figure for figure in figures if figure.key.endswith("-over-nginx")]
    if over and load.key == "connection":  # the target is the better one's
        best = max(over, key=lambda figure: figure.value or 0)
        key = f"collector.{load.key}.best-over-nginx"
        figures.append(Figure(key, f"the better one: {best.name}", "x", best.rounds, "more"))
    return figures


def two_workers(options: Options, load: Load) -> list[Figure]:
    """There is no core left for the client. So both share theirs with it: a worker and a thread of wrk on each core."""
    first, second = options.server_core, options.client_core
    both = f"{first},{second}"
    ones, twos = ((_ONE,), (_TWO,)) if nginx_missing() else ((_ONE, NGINX), (_TWO, _NGINX_OF_TWO))
    one, two = Pace(options.seconds, 32, str(first), str(first)), Pace(options.seconds, 64, both, both)
    rounds: dict[str, list[Measured]] = {}
    for _ in range(options.rounds):
        for kinds, pace in ((ones, one), (twos, two)):
            for key, done in in_turn(options.once(), kinds, load, pace).items():
                rounds.setdefault(key, []).extend(done)
    note = f"each core has a worker and a client of its own: one of both on core {first}, two of both on {both}"
    rates = {key: [one.rate for one in done] for key, done in rounds.items()}
    cost = {key: [one.cpu_us for one in done] for key, done in rounds.items()}
    doubled = [2 * one for one in cost["one"]]
    figures = [
        Figure(
            "collector.one.shared", "one worker, sharing its core with the client", "requests/s", rates["one"], "more"
        ),
        Figure(
            "collector.two.shared", "two workers, sharing their cores with clients", "requests/s", rates["two"], "more"
        ),
        ratio("collector.two-over-one", "two workers over one", rates["two"], rates["one"], note),
        ratio("collector.two-over-one.cpu", "two workers over one, by CPU a request", doubled, cost["two"]),
    ]
    if NGINX.key in rates:  # what the machine lets grow
        peers = rates[_NGINX_OF_TWO.key], rates[NGINX.key]
        figures.append(ratio("collector.two-over-one.nginx", "two workers of nginx over one", *peers, note))
    return figures
