"""More answers of the read API, as those of dashboards/answers.py: policies, alerts, refusals, decisions."""

from typing import Annotated, Any

from msgspec import Meta

from dashboards.answers import Answer, Count, Estimated, Next, Time


class Policy(Answer):
    site: str
    policy_hash: str
    original_policy: str
    first_seen: Time
    last_seen: Time
    reports: Count
    estimated: Estimated
    violations: Count


class Policies(Answer):
    items: list[Policy]
    next: Next


class OfSite(Answer):
    site: str
    first_seen: Time
    last_seen: Time
    reports: Count
    estimated: Estimated


class Blocked(Answer):
    directive: str
    blocked: str
    reports: Count
    estimated: Estimated
    violations: Count


class OnePolicy(Answer):
    policy_hash: str
    original_policy: str
    sites: list[OfSite]
    blocks: list[Blocked]


class Message(Answer):
    id: str
    channel: str
    state: str
    attempts: Count
    last_error: str | None
    sent_at: Time | None
    next_attempt: Time | None


class Alert(Answer):
    id: str
    kind: str
    site: str
    directive: str
    blocked: str
    time: Time
    title: str
    evidence: dict[str, Any]
    due: Time | None
    messages: list[Message]


class Alerts(Answer):
    items: list[Alert]
    next: Next


class Reject(Answer):
    received: Time
    site: str
    reason: str
    user_agent: str
    raw: Annotated[str, Meta(description="The begin of the body, without its secrets.")]


class Rejects(Answer):
    items: list[Reject]
    next: Next


class Decided(Answer):
    decided: Count
    unseen: Annotated[int, Meta(ge=0, description="Of them, those that nobody reported yet.")]
