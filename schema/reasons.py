"""Why a report was refused or set aside: a closed list, because each name becomes a label and a ledger key."""

from enum import StrEnum


class Reason(StrEnum):
    EMPTY = "empty"
    NOT_JSON = "not-json"
    WRONG_SHAPE = "wrong-shape"
    NOTHING_USABLE = "nothing-usable"
    BAD_ENTRY = "bad-entry"
    TOO_LARGE = "too-large"
    BAD_HTTP = "bad-http"
    HEAD_TOO_LARGE = "head-too-large"
    WRONG_TYPE = "wrong-type"
    WRONG_METHOD = "wrong-method"
    BAD_SITE = "bad-site"
    UNKNOWN_SITE = "unknown-site"
    GONE = "gone"
    UNSIGNED = "unsigned"
    INCOMPLETE = "incomplete"
    BUSY = "busy"
    CLIENT_LIMIT = "client-limit"
    UNREADABLE = "unreadable"
    NO_ENVELOPE = "no-envelope"
