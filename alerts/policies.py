"""Policies never seen before on a site."""

from datetime import UTC, datetime

from clickhouse_connect.driver.client import Client

from alerts.asking import ask, by_site
from alerts.events import Event, title
from alerts.evidence import cut, path
from alerts.looking import Look
from alerts.source_questions import RECENT_DAYS
from schema.keys import POLICY_TEXTS

MOST_A_DAY = 20  # on a site: more are one event, because there are policies that differ with every request

_KEY = "sipHash128(site, '', policy_hash)"
_NEW = f"""
SELECT toString(its_site), policy_hash, toUnixTimestamp64Milli(first), toUnixTimestamp64Milli(last), best
FROM (
    SELECT site AS its_site, policy_hash, min(first_seen) AS first, max(last_seen) AS last, min(arrived) AS came,
        max(trust) AS best, max(own) AS its_own, any({_KEY}) AS its_key
    FROM site_policies
    WHERE (site, policy_hash) IN (
        SELECT site, policy_hash FROM site_policies
        WHERE last_arrived >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
    )
    GROUP BY its_site, policy_hash
)
WHERE came >= fromUnixTimestamp64Milli({{new_since:Int64}}, 'UTC')
    AND last >= fromUnixTimestamp64Milli({{now:Int64}}, 'UTC') - INTERVAL {RECENT_DAYS} DAY
    AND best >= {{least}} AND (its_own OR {{noisy}})
    AND its_key NOT IN (SELECT key FROM alert_events WHERE kind = 'new-policy')
ORDER BY first, its_site, policy_hash
LIMIT 1000 BY its_site
LIMIT 5000
"""  # noqa: S608  (questions of ours)
_TODAY = """
SELECT toString(site) AS its_site, uniqExact(id), countIf(blocked = '')
FROM alert_events
WHERE kind = 'new-policy' AND site IN {sites:Array(String)} AND time >= fromUnixTimestamp64Milli({day:Int64}, 'UTC')
GROUP BY its_site
"""
_DAY_MS = 86_400_000


def look(client: Client, at: Look) -> list[Event]:
    """What is new among those the store got since. Raises ClickHouseError."""
    least, values = by_site(at.alerting, "min_trust")
    noisy, more = by_site(at.alerting, "noise")
    asked = {"since": at.since, "new_since": at.new_since, "now": at.now, **values, **more}
    found = ask(client, _NEW.replace("{least}", least).replace("{noisy}", noisy), **asked)
    if not found:
        return []
    day = at.now // _DAY_MS * _DAY_MS
    told = {site: (many, summed) for site, many, summed in
            ask(client, _TODAY, sites=sorted({row[0] for row in found}), day=day)}  # fmt: skip
    texts = dict(ask(client, POLICY_TEXTS, hashes=[row[1] for row in found]))
    events = []
    for site, policy, first, last, trust in found:
        many, summed = told.get(site, (0, 0))
        if many < MOST_A_DAY:
            events.append(_one(site, policy, texts.get(policy, ""), first, last, trust, at.now))
        else:
            if not summed:
                events.append(_many(site, at.now))
            events.append(Event(kind="new-policy", site=site, blocked=policy, time=at.now, title="", evidence={}))
        told[site] = (many + 1, summed + (many >= MOST_A_DAY))
    return events


def _one(site: str, policy: str, text: str, first: int, last: int, trust: int, now: int) -> Event:
    evidence = {
        "first_seen": first,
        "last_seen": last,
        "policy_hash": policy,
        "policy": cut(text),
        "trust": trust,
        "path": f"/policies/{policy}",
    }
    its_title = title("new-policy", site, blocked=policy)
    return Event(kind="new-policy", site=site, blocked=policy, time=now, title=its_title, evidence=evidence)


def _many(site: str, now: int) -> Event:
    day = datetime.fromtimestamp(now / 1000, UTC).date().isoformat()
    evidence = {
        "day": day,
        "note": f"More than {MOST_A_DAY} new policies on {day}; the rest of the day is silent. Does something in the "
        "policy differ with each request?",
        "path": path("/policies", site=site),
    }
    its_title = f"{site}: more than {MOST_A_DAY} new policies in a day"
    return Event(kind="new-policy", site=site, occasion=day, time=now, title=its_title, evidence=evidence)
