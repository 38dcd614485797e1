"""A known history: what the store holds in the tests of the read API and the console."""

from schema.violation import Violation
from tests.support.store import START, violation

BROWSERS = ("Chrome", "Firefox", "Mobile Safari")
KINDS = (("url", "cdn.evil.example"), ("inline", ""), ("url", "pixel.ads.example"), ("extension", ""))


def history() -> list[Violation]:
    """Forty violations over three hours on two sites: equal numbers are the same violation."""
    rows = []
    for turn in range(240):
        number = turn % 40
        kind, host = KINDS[number % 4]
        rows.append(violation(
            number, at=START + turn * 45 + number * 0.25, site=("shop", "blog")[number % 5 == 4], reports=1 + turn % 7,
            effective_directive=("script-src-elem", "img-src", "style-src-attr")[number % 3],
            document_url=f"https://www.shop.example/Page/{number}",
            document_host=("www.shop.example", "m.shop.example")[number % 2],
            blocked_url=f"https://{host}/Lib/{number}.js" if host else kind, blocked_host=host, blocked_kind=kind,
            blocked_site=".".join(host.split(".")[1:]),
            disposition=("enforce", "report", "")[number % 3], browser=BROWSERS[number % 3],
            noise="extension" if kind == "extension" else "", noise_rule="scheme" if kind == "extension" else "",
            policy_hash=f"{number % 2:016x}", original_policy=f"default-src 'self'; script-src {number % 2}",
            source_file="" if number % 3 else f"https://www.shop.example/static/app{number}.js",
        ))  # fmt: skip
    return rows


LEDGER = [
    ("shop", START, "received", "", 30), ("shop", START, "stored", "", 20), ("shop", START, "retried", "", 4),
    ("shop", START, "ignored", "deprecation", 3), ("shop", START, "rejected", "not-json", 2),
    ("shop", START, "rejected", "empty", 1),
    ("blog", START + 60, "received", "", 9), ("blog", START + 60, "sampled", "", 4),
    ("blog", START + 60, "foreign", "", 5),
    ("blog", START + 3600, "received", "", 2), ("blog", START + 3600, "rejected", "not-json", 2),
]  # fmt: skip
