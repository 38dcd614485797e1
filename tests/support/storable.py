"""What holds for every violation, whatever the report was: the store takes it, and no field is over its limit."""

import msgspec

from processor.normalise import SAMPLE_BYTES
from processor.urls import URL_BYTES
from schema.delivery import USER_AGENT_BYTES
from schema.names import BLOCKED_KINDS, NOISE
from schema.verdicts import VERDICTS
from schema.violation import Violation
from tests.support.reports import RECEIVED_MS

_LIMITS = {"sample": SAMPLE_BYTES, "user_agent": USER_AGENT_BYTES, "effective_directive": 256} | dict.fromkeys(
    ("document_url", "referrer", "blocked_url", "source_file"), URL_BYTES
)


def assert_storable(found: Violation) -> None:
    """Of one report received at RECEIVED_MS."""
    for name, limit in _LIMITS.items():
        assert len(getattr(found, name).encode()) <= limit, name
    for name in ("document_url", "referrer", "blocked_url", "source_file"):
        assert not set("?#\n\r\t") & set(getattr(found, name)), name
    for name in ("document_host", "blocked_host", "blocked_site"):
        assert not set(" /?#@[]") & set(getattr(found, name)), name
        assert len(getattr(found, name)) <= 253
    assert found.blocked_kind in BLOCKED_KINDS
    assert found.noise in {"", *NOISE}
    assert found.verdict in VERDICTS
    assert bool(found.noise) == bool(found.noise_rule)
    assert 0 <= found.line_number < 2**32
    assert 0 <= found.column_number < 2**32
    assert 0 <= found.status_code < 2**16
    assert 0 <= found.trust <= 100
    assert found.window % 600 == 0
    assert found.window * 1000 <= found.first_seen == found.last_seen <= RECEIVED_MS
    assert len(found.fingerprint) == 16
    as_json = msgspec.json.encode(msgspec.structs.replace(found, fingerprint=b""))  # every text is valid UTF-8
    assert msgspec.json.decode(as_json, type=Violation, strict=True)
    assert b"\\u0000" not in as_json
