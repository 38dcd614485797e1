"""What captured reports say of traffic: reads a folder of captures, writes `traffic/learned.json`.

    python -m loadtest.learn [FOLDER]

The folder holds files `captures*.jsonl` as tests/corpus/README.md describes them, and is tests/corpus by default. What
was captured with its headers are today's browsers; what came without them are old ones, of which the spelling counts.
"""

import base64
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from loadtest.traffic.learned import FILE
from processor.browser import browser, major
from processor.normalise import normalise
from schema.delivery import Delivery, Kind
from schema.report import Entry, EntryKind, entries
from schema.sites import Site
from schema.violation import Violation

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
_ENGINES = {"Firefox/": "firefox", "Chrome/": "chromium", "AppleWebKit/": "webkit"}  # the first that the text holds
_OURS = {"", "foreign"}  # test pages lie on the machine itself, which is no noise of theirs
_KEYWORD = len("trusted-types-policy")  # the longest: what is longer is a URL
_WITH_SAMPLE = {"inline", "eval", "trusted-types"}  # kinds of what is blocked


class _Capture(NamedTuple):
    body: bytes
    agent: str
    content_type: str
    today: bool
    found: list[Entry]

    @property
    def engine(self) -> str:
        return next((engine for word, engine in _ENGINES.items() if word in self.agent), "")

    @property
    def form(self) -> str:
        if self.body.lstrip()[:1] == b"[":
            return "array"
        return "legacy" if self.found[0].legacy else "object"

    def violations(self) -> Iterator[Violation]:
        delivery = Delivery(0, "default", Kind.REPORTS, len(self.found), self.agent.encode(), self.body)
        for entry in self.found:
            if entry.kind is EntryKind.VIOLATION:
                yield normalise(entry, delivery, Site())


def learned(folder: Path) -> dict[str, Any]:
    """What `traffic/learned.py` describes, ready to be written."""
    captures = [one for file in sorted(folder.glob("captures*.jsonl")) for one in _captures(file)]
    today = [one for one in captures if one.today and one.engine]
    bodies = [entry.body for one in captures for entry in one.found if entry.kind is EntryKind.VIOLATION]
    return {
        "formats": _nested((one.engine, one.form) for one in today),
        "sizes": _nested((one.engine, str(len(one.found))) for one in today if one.form == "array"),
        "entries": _nested((one.engine, entry.type) for one in today if one.form == "array" for entry in one.found),
        "noise": _share(row.noise not in _OURS for one in captures for row in one.violations()),
        "report_only": _share(row.disposition == "report" for one in today for row in one.violations()
                              if row.disposition),
        "nonces": _share("'nonce-" in _text(body, "original-policy", "originalPolicy")
                         for one in today for entry in one.found for body in [entry.body] if body),
        "policy": _counted(_lengths(bodies, "original-policy", "originalPolicy")),
        "document": _counted(_lengths(bodies, "document-uri", "documentURL")),
        "blocked": _counted(length for length in _lengths(bodies, "blocked-uri", "blockedURL") if length > _KEYWORD),
        "sample": _counted(len(row.sample) for one in today for row in one.violations()
                               if row.blocked_kind in _WITH_SAMPLE),
        "bytes": _percentiles(len(one.body) // len(one.found) for one in captures),
        "old": _old(one for one in captures if not one.today),
    }  # fmt: skip


def _captures(file: Path) -> Iterator[_Capture]:
    for line in file.read_text().splitlines():
        of = json.loads(line)
        body = base64.b64decode(of["body_b64"]) if "body_b64" in of else of["body"].encode()
        headers = of.get("headers", {})
        agent = of.get("user_agent", headers.get("user-agent", ""))
        kind = of.get("content_type", headers.get("content-type", ""))
        yield _Capture(body, agent, kind, bool(headers), entries(body))


def _nested(pairs: Iterator[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for outer, inner in pairs:
        found[outer][inner] += 1
    return {outer: dict(inner.most_common()) for outer, inner in sorted(found.items())}


def _share(those: Iterator[bool]) -> float:
    found = Counter(those)
    return round(found[True] / max(1, found.total()), 4)


def _text(body: dict[str, Any], *names: str) -> str:
    return next((body[name] for name in names if isinstance(body.get(name), str)), "")


def _lengths(bodies: list[dict[str, Any]], *names: str) -> Iterator[int]:
    return (len(text) for body in bodies if (text := _text(body, *names)))


def _counted(numbers: Iterator[int]) -> dict[int, int]:
    return dict(sorted(Counter(numbers).items()))


def _percentiles(numbers: Iterator[int]) -> list[int]:
    """From the least to the most, 101 of them."""
    found: Sequence[int] = sorted(numbers) or [0]
    return [found[round(percent * (len(found) - 1) / 100)] for percent in range(101)]


def _old(captures: Iterator[_Capture]) -> list[dict[str, Any]]:
    """Each User-Agent with each of its spellings, and how often."""
    found: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for one in captures:
        if one.form == "legacy":
            found[one.agent, one.content_type, tuple(one.found[0].body)] += 1
    return [
        {"agent": agent, "browser": _browser(agent), "content_type": kind, "keys": keys, "weight": number}
        for (agent, kind, keys), number in found.most_common()
    ]


def _browser(agent: str) -> str:
    its = browser(agent)
    return f"{its.name} {major(its.version)}"


def main(arguments: list[str]) -> int:
    found = learned(Path(arguments[0]) if arguments else CORPUS)
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    FILE.write_text(f"{{\n{rows}\n}}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
