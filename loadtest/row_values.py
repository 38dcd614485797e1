"""What is in the loader's rows: statements that make it of numbers, by hashes."""


def _of(salt: str, sides: int) -> str:
    """A number below `sides`, of the violation."""
    return f"cityHash64(id, '{salt}') % {sides}"


def _share(salt: str) -> str:
    """From 0 to 1, of the violation."""
    return f"(cityHash64(id, '{salt}') % 1000000 / 1000000)"


def _some(salt: str, of: list[tuple[int, str]]) -> str:
    """One of these texts, by percent."""
    bounds, least = [], 0
    for percent, text in of:
        least += percent
        bounds.append(f"{_of(salt, 100)} < {least}, '{text}'")
    return f"multiIf({', '.join(bounds)}, '')"


_DIRECTIVES = [(30, "script-src-elem"), (17, "img-src"), (11, "style-src-elem"), (10, "connect-src"), (7, "font-src"),
               (6, "frame-src"), (5, "style-src-attr"), (4, "script-src"), (3, "script-src-attr"), (2, "media-src"),
               (2, "worker-src"), (1, "object-src"), (1, "form-action"), (1, "base-uri")]  # fmt: skip
_KINDS = [(68, "url"), (12, "inline"), (8, "extension"), (4, "eval"), (4, "data"), (3, "blob"), (1, "about")]
_NOISE = [(18, "extension"), (12, "injected"), (6, "browser"), (3, "foreign"), (1, "malformed")]
_VERDICTS = [(70, "consistent"), (12, "impossible"), (18, "undecidable")]
_BROWSERS = [(52, "Chrome"), (18, "Safari"), (12, "Firefox"), (10, "Edge"), (8, "Samsung Internet")]
_SYSTEMS = [(48, "Windows"), (20, "Android"), (16, "iOS"), (11, "Mac OS X"), (5, "Linux")]

# Zipf's law, near enough: the first of 20 has a third of it, the last a hundredth.
_ZIPF = "toUInt32(exp({share} * log({most} + 1))) - 1"
_POLICY = "leftPad(lower(hex(cityHash64(site, {variant}))), 16, '0')"

_FIELDS = {
    "site": f"concat('site-', leftPad(toString({_ZIPF.format(share=_share('site'), most=20)}), 2, '0'))",
    "page": _ZIPF.format(share=_share("page"), most=300),
    "own_host": "concat(if(page % 5 = 0, 'shop.', 'www.'), site, '.example')",
    "numbered": "page % 3 = 1",
    "document_template": (
        "concat('https://', own_host, '/', arrayElement(['orders', 'products', 'help', 'news', 'account'],"
        " page % 5 + 1), '/part-', toString(page), if(numbered, '/{number}', ''))"
    ),
    "document_url": f"replaceOne(document_template, '{{number}}', toString(100000 + {_of('number', 40000)}))",
    "blocked_kind": _some("kind", _KINDS),
    "host": _ZIPF.format(share=_share("host"), most=5000),
    "by_url": "blocked_kind IN ('url', 'extension')",
    "blocked_site": "if(blocked_kind = 'url', concat('tracker-', toString(intDiv(host, 2)), '.example'), '')",
    "blocked_host": (
        "multiIf(blocked_kind = 'url', concat(if(host % 2 = 0, 'cdn.', 'static.'), blocked_site),"
        " blocked_kind = 'extension', lower(hex(cityHash64(host % 200))), '')"
    ),
    "scheme": "if(blocked_kind = 'extension', 'chrome-extension', 'https')",
    "file": f"{_of('file', 40)}",
    "blocked_url": (
        "if(by_url, concat(scheme, '://', blocked_host, '/assets/v', toString(file % 7), '/bundle-', toString(file),"
        " '.js'), blocked_kind)"
    ),
    "blocked_template": "replaceRegexpOne(blocked_url, 'bundle-[0-9]+', 'bundle-{number}')",
    "effective_directive": _some("directive", _DIRECTIVES),
    "disposition": f"if({_of('disposition', 10)} < 7, 'report', 'enforce')",
    "source_file": (
        f"if({_of('source', 10)} < 6, concat('https://', own_host, '/static/app-', toString(page % 40), '.js'), '')"
    ),
    "line_number": f"if(source_file = '', 0, 1 + {_of('line', 400)})",
    "column_number": f"if(source_file = '', 0, 1 + {_of('column', 9000)})",
    "status_code": f"if({_of('status', 20)} = 0, 404, 200)",
    "sample": "if(blocked_kind IN ('inline', 'eval'), concat('window.dataLayer = ', toString(file)), '')",
    "referrer": f"if({_of('referrer', 2)} = 0, concat('https://', own_host, '/'), '')",
    "browser": _some("browser", _BROWSERS),
    "os": _some("os", _SYSTEMS),
    "major": f"toString(138 + {_of('major', 4)})",
    "browser_version": "concat(major, '.0.', toString(cityHash64(major) % 100))",
    "user_agent": (
        "concat('Mozilla/5.0 (', os, ') AppleWebKit/537.36 (KHTML, like Gecko) ', browser, '/', browser_version,"
        " ' Safari/537.36')"
    ),
    "noise": _some("noise", _NOISE),
    "noise_rule": f"if(noise = '', '', concat(noise, '-rule-', toString({_of('rule', 6)})))",
    "noise_version": "'2026.1'",
    "verdict": _some("verdict", _VERDICTS),
    "verdict_reason": (
        "multiIf(verdict = 'consistent', effective_directive, verdict = 'impossible', 'allowed', 'redirect')"
    ),
    "trust": "multiIf(verdict = 'impossible', 60, noise = 'malformed', 40, 100)",
    "trust_reasons": "multiIf(verdict = 'impossible', 'impossible', noise = 'malformed', 'unknown-browser', '')",
    "policy_hash": _POLICY.format(variant="(toMonday(window), page % 3)"),
    "fingerprint": "unhex(hex(sipHash128(id, 'fingerprint', {seed:UInt32})))",
}
_STORED = (
    "site", "window", "fingerprint", "policy_hash", "noise", "verdict", "document_url", "document_host", "referrer",
    "effective_directive", "blocked_url", "blocked_host", "blocked_site", "blocked_kind", "disposition", "source_file",
    "line_number", "column_number", "status_code", "sample", "browser", "browser_version", "os", "user_agent",
    "noise_rule", "verdict_reason", "trust", "reports", "first_seen", "last_seen", "noise_version", "trust_reasons",
    "signature", "environment", "document_template", "blocked_template",
)  # fmt: skip
_OTHERWISE = {"document_host": "own_host", "signature": "''", "environment": "''"}

# A window's rows, by `place`: different violations, because they rise with it. Where the curve is flat they are the
# same in every window, and where it is steep there is room between them.
_NUMBERS = """
    SELECT toDateTime({first:UInt32} + intDiv(number, {per_window:UInt32}) * 600, 'UTC') AS window,
        number % {per_window:UInt32} AS place,
        cityHash64(number, {first:UInt32}, {seed:UInt32}) AS luck,
        (place + luck % 1000 / 1000) / {per_window:UInt32} AS share,
        place + toUInt64({different:UInt32} * pow(share, 6)) AS id,
        toInt64(1 + 90 * pow(1 - share, 4) * (luck % 997 / 997)) AS reports,
        toInt64(intDiv(luck, 1000) % 600000) AS began,
        toInt64(toUnixTimestamp(window)) * 1000 + began AS first_ms,
        fromUnixTimestamp64Milli(first_ms, 'UTC') AS first_seen,
        fromUnixTimestamp64Milli(first_ms + if(reports = 1, 0, intDiv(luck, 7) % (600000 - began)), 'UTC') AS last_seen
    FROM numbers({rows:UInt64})
"""
VIOLATIONS = f"""
INSERT INTO violations ({", ".join(_STORED)})
WITH {", ".join(f"{sql} AS {name}" for name, sql in _FIELDS.items())}
SELECT {", ".join(_OTHERWISE.get(name, name) for name in _STORED)}
FROM ({_NUMBERS})
"""  # noqa: S608  (columns of ours)

POLICIES = f"""
INSERT INTO policies (policy_hash, original_policy, last_seen)
WITH concat('site-', leftPad(toString(intDiv(number, 60) % 20), 2, '0')) AS site,
    toMonday(toDateTime({{first:UInt32}}, 'UTC')) + 7 * (intDiv(number, 3) % 6) AS week
SELECT {_POLICY.format(variant="(week, toUInt32(number % 3))")},
    concat('default-src ''self''; script-src ''self'' https://cdn-', toString(number), '.example; report-to csp'),
    toDateTime({{first:UInt32}} + {{windows:UInt32}} * 600, 'UTC')
FROM numbers(1200)
"""  # noqa: S608  (ours)

# By site and minute: what came, what was stored of it, and the rest.
LEDGER = """
INSERT INTO ledger (site, minute, outcome, detail, reports)
WITH 10 + cityHash64(number) % 200 AS stored, cityHash64(number, 'more') % 8 AS ignored
SELECT concat('site-', leftPad(toString(number % 20), 2, '0')),
    toDateTime({first:UInt32} + intDiv(number, 20) * 60, 'UTC'), its.1, its.2, its.3
FROM (
    SELECT number, arrayJoin([('stored', '', stored), ('ignored', 'deprecation', ignored), ('retried', '', 1),
        ('rejected', 'not-json', 1), ('received', '', stored + ignored + 2)]) AS its
    FROM numbers({windows:UInt32} * 10 * 20)
)
WHERE its.3 > 0
"""
REJECTS = """
INSERT INTO rejects (day, reason, slot, site, received, user_agent, raw)
SELECT toDate(received), 'not-json', number % 8192, concat('site-', leftPad(toString(number % 20), 2, '0')),
    fromUnixTimestamp64Milli(toInt64({first:UInt32} + {windows:UInt32} * 600 - number * 20) * 1000, 'UTC') AS received,
    'Mozilla/5.0', concat('{"broken', toString(number))
FROM numbers(20000)
"""
