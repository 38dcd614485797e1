"""A store full of what strangers may write: HTML, script URLs, characters that turn text around, 64 KiB in a field."""

from clickhouse_connect.driver.client import Client

from alerts.events import Event, title
from alerts.evidence import path
from alerts.record import Record, Routed
from dashboards.rows import FIELDS
from tests.support.store import START, account, insert, put, violation

TEXT = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)><svg onload=alert(3)>{{7*7}}{% x %}\u202e\u2066\u0000"
    "&lt;/pre></textarea></title><style>*{display:none}</style>javascript:alert(4)"
)
LONG = "https://evil.example/" + "é/" * 21_800  # 64 KiB as UTF-8
# What the processor chooses from a list is none.
_NO_TEXTS = {"site", "window", "fingerprint", "reports", "estimated", "first_seen", "last_seen", "line_number",
             "column_number", "status_code", "trust", "policy_hash", "blocked_kind", "disposition",
             "verdict"}  # fmt: skip
TEXTS = [name for name in FIELDS if name not in _NO_TEXTS]
LABEL, WORD = "m" * 63, "w" * 64  # without a place to break a line
POLICIES = ("00000000000000ee", "00000000000000ff")
_REJECTS = ["day", "reason", "slot", "site", "received", "user_agent", "raw"]
_POLICY = f"script-src 'self' {TEXT.replace(';', ' ')}; img-src\u202e x; {TEXT}"


def fill(client: Client) -> None:
    """Violations 1 (hostile in every field), 2 (long in every field), 3 (a script URL) and 4 (words); two policies."""
    texts = dict.fromkeys(TEXTS, TEXT) | {"original_policy": _POLICY, "policy_hash": POLICIES[0]}
    longs = dict.fromkeys(TEXTS, LONG) | {"effective_directive": "img-src", "policy_hash": POLICIES[1]}
    insert(client, [
        violation(1, **texts, reports=3), violation(2, **longs),
        violation(3, blocked_url="javascript:alert(1)", document_url="javascript:alert(1)", sample=TEXT,
                  blocked_kind="inline", verdict="consistent", verdict_reason="script-src-elem"),
        violation(4, site=LABEL, effective_directive=WORD, browser=WORD, os=WORD, noise_rule=WORD, source_file=WORD,
                  original_policy=f"{WORD} {WORD}, {WORD}", policy_hash="00000000000000dd"),
    ])  # fmt: skip
    account(client, [("shop", START, "received", "", 3), ("shop", START, "ignored", TEXT, 2),
                     ("shop", START, "rejected", TEXT, 1)])  # fmt: skip
    day = START // 86400
    put(client, "rejects", _REJECTS, [[day, day], ["not-json", "empty"], [1, 2], ["shop", ""],
                                      [START * 1000, START * 1000 + 1], [TEXT, LONG], [TEXT, LONG]])  # fmt: skip
    keys = [(1).to_bytes(16, "big"), (2).to_bytes(16, "big")]
    put(client, "examples", ["site", "fingerprint", "raw", "seen"],
        [["shop", "shop"], keys, [TEXT, LONG], [START, START]])  # fmt: skip
    decided = ["site", "effective_directive", "blocked", "state", "changed", "note", "who"]
    put(client, "source_states", decided,
        [["shop"], ["script-src-elem"], ["inline"], ["known"], [START * 1000], [TEXT], [TEXT]])  # fmt: skip
    _alert(client)


def _alert(client: Client) -> None:
    """One of each text, one of them told to a channel that fails."""
    record = Record()
    record.client = client
    events = [
        Event(kind="new-source", site="shop", directive=text, blocked=text, time=START * 1000,
              title=title("new-source", "shop", text, text),
              evidence={"page": text, "note": text, "trust": 90,
                        "path": path("/violations", site="shop", directive=text, blocked_host=text)})
        for text in (TEXT, LONG)
    ]  # fmt: skip
    record.events([Routed(events[0], START * 1000, ("a",)), Routed(events[1], START * 1000, ())])
    put(client, "alert_messages",
        ["seq", "attempts", "id", "channel", "channel_name", "events", "payload", "made", "due", "state", "error"],
        [[1], [2], ["x"], ["a"], [TEXT], [[events[0].id]], ["{}"], [4102444800000], [START * 1000], ["due"], [TEXT]],
    )  # fmt: skip
