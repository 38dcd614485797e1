"""Reports of other types, which share the endpoint: what each says, as the engines spell it."""

import json

from loadtest.traffic.browsers import Agent
from loadtest.traffic.spelling import firefox_around

_BODIES: dict[str, dict[str, object]] = {
    "deprecation": {"columnNumber": 218, "id": "UnloadHandler", "lineNumber": 2,
                    "message": "Unload event listeners are deprecated and will be removed."},
    "intervention": {"columnNumber": 274, "id": "BeforeUnloadNoGesture", "lineNumber": 2,
                     "message": "Blocked attempt to show a confirmation panel for a frame without a user gesture."},
    "integrity-violation": {"blockedURL": "https://cdn.widgets.example/s.js", "destination": "script",
                            "reportOnly": False},
    "coop": {"disposition": "enforce", "effectivePolicy": "same-origin", "type": "navigation-from-response"},
    "csp-hash": {"destination": "script", "hash": "sha256-0hAheEzaMe6uXIKV4EehS9pu1am1lj/KnnzrOYqckXk=",
                 "subresourceURL": "https://cdn.widgets.example/s.js", "type": "subresource"},
    "permissions-policy-violation": {"columnNumber": 156, "disposition": "enforce", "lineNumber": 2,
                                     "policyId": "geolocation"},
    "crash": {"is_top_level": True, "visibility_state": "hidden"},
}  # fmt: skip


def other(kind: str, url: str, agent: Agent, age: int) -> str:
    """One entry of an array."""
    body = {"documentURL": url, **_BODIES.get(kind, {})}
    if agent.engine == "firefox":
        return firefox_around(kind, body, url, agent, age)
    if agent.engine == "webkit":
        around = {"body": body, "user_agent": agent.text, "destination": "csp", "type": kind, "age": age, "attempts": 0,
                  "url": url}  # fmt: skip
    else:
        around = {"age": age, "body": body, "type": kind, "url": url, "user_agent": agent.text}
    return json.dumps(around, separators=(",", ":"))
