"""What is learned from captured reports, and that the traffic made of it is like them."""

import json
from collections import Counter, defaultdict

import pytest

from loadtest import learn
from loadtest.traffic.learned import FILE, load
from loadtest.traffic.model import Traffic

LEARNED = load()
MANY = 4000
SEEDS = range(1, 9)  # what a page has, its policies and its noise, weighs as much as the page is visited


def test_learned_json_is_what_the_corpus_teaches():
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(learn.learned(learn.CORPUS)))


def test_other_captures_teach_something_else(tmp_path):
    headers = {"user-agent": "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36", "content-type": "application/reports+json"}
    body = {"documentURL": "https://a.com/", "blockedURL": "inline", "effectiveDirective": "script-src-elem",
            "sample": "x", "disposition": "report"}  # fmt: skip
    item = {"type": "csp-violation", "body": body}
    rows = [
        {"headers": headers, "body": json.dumps([item, item, {"type": "coop", "body": {}}])},
        {"user_agent": "Opera/9", "content_type": "text/plain", "body": '{"csp-report":{"blocked-uri":"self"}}'},
    ]
    (tmp_path / "captures-mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    found = learn.learned(tmp_path)
    assert found["formats"] == {"chromium": {"array": 1}}
    assert found["sizes"] == {"chromium": {"3": 1}}
    assert found["entries"] == {"chromium": {"csp-violation": 2, "coop": 1}}
    assert (found["report_only"], found["nonces"], found["sample"]) == (1.0, 0.0, {1: 2})
    assert [(old["agent"], old["content_type"], old["keys"]) for old in found["old"]] == [
        ("Opera/9", "text/plain", ("blocked-uri",))
    ]


class Made:
    """What the captures were asked, asked of the traffic."""

    def __init__(self) -> None:
        self.formats, self.sizes, self.entries = (defaultdict(Counter) for _ in range(3))
        self.noise, self.lengths, self.agents, self.bytes = Counter(), defaultdict(list), set(), []
        self.report_only, self.nonces = Counter(), Counter()
        for seed in SEEDS:
            traffic = Traffic("learned", MANY, seed)
            for post in traffic:
                if post.retry_of is None:
                    self.add(post)
            self.noise.update(traffic.totals.noise)

    def add(self, post):
        found, engine = json.loads(post.body), post.agent.engine
        form = "array" if isinstance(found, list) else "legacy" if "csp-report" in found else "object"
        items = found if form == "array" else [found]
        self.formats[engine][form] += 1
        self.bytes.append(len(post.body) // len(items))
        if form == "array":
            self.sizes[engine][str(len(items))] += 1
            self.entries[engine].update(item["type"] for item in items)
        if engine == "old":
            self.agents.add((post.agent.text, post.content_type.decode()))
        for item in items:
            if item.get("type", "csp-violation") == "csp-violation":
                self.violation(item.get("csp-report") or item["body"])

    def violation(self, body):
        for name, keys in {
            "policy": ("original-policy", "originalPolicy"),
            "document": ("document-uri", "documentURL"),
            "blocked": ("blocked-uri", "blockedURL"),
        }.items():
            text = next((body[key] for key in keys if body.get(key)), "")
            if text and (name != "blocked" or "://" in text):
                self.lengths[name].append(len(text))
            if name == "policy" and text:
                self.nonces["'nonce-" in text] += 1
        if body.get("disposition"):
            self.report_only[body["disposition"] == "report"] += 1


@pytest.fixture(scope="module")
def made():
    return Made()


def shares(counted):
    whole = sum(counted.values())
    return {key: number / whole for key, number in counted.items()}


@pytest.mark.parametrize("what", ["formats", "sizes", "entries"])
@pytest.mark.parametrize("engine", ["chromium", "firefox", "webkit"])
def test_formats_sizes_of_arrays_and_other_types_come_in_the_captured_shares(made, what, engine):
    counted, wanted = getattr(made, what)[engine], shares(getattr(LEARNED, what)[engine])
    found = shares(counted)
    tolerance = 0.02 if counted.total() > 500 else 0.1
    assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=tolerance)
    assert sum(found.values()) - sum(found[key] for key in wanted) < 0.005  # the last array of all may be cut


def test_noise_report_only_and_nonces_come_in_the_captured_shares(made):
    assert made.noise.total() / MANY / len(SEEDS) == pytest.approx(LEARNED.noise, abs=0.005)
    assert shares(made.report_only)[True] == pytest.approx(LEARNED.report_only, abs=0.02)
    assert shares(made.nonces)[True] == pytest.approx(LEARNED.nonces, abs=0.03)


@pytest.mark.parametrize("what", ["policy", "document", "blocked"])
def test_texts_are_about_as_long_as_captured_ones(made, what):
    wanted = [int(length) for length, number in getattr(LEARNED, what).items() for _ in range(number)]
    for share in (0.5, 0.85, 0.95):
        assert percentile(made.lengths[what], share) == pytest.approx(percentile(wanted, share), abs=25), share
    assert max(made.lengths[what]) == pytest.approx(max(wanted), rel=0.02)


def test_bodies_are_about_as_large_as_captured_ones(made):
    """A bit larger: captured pages lie on `localhost` and have no referrer."""
    for percent in range(10, 100, 10):
        ratio = percentile(made.bytes, percent / 100) / LEARNED.bytes[percent]
        assert 1 <= ratio < 1.55, percent
    assert max(made.bytes) > 20_000


def percentile(numbers, share):
    return sorted(numbers)[round(share * (len(numbers) - 1))]


def test_old_browsers_are_the_captured_ones(made):
    assert made.agents <= {(one.agent, one.content_type) for one in LEARNED.old}
    assert len(made.agents) > 70
