"""Why a report is refused or set aside, for people: what it means, and what to do."""

from typing import NamedTuple

from schema.reasons import Reason


class Words(NamedTuple):
    means: str
    do: str


WORDS = {
    Reason.EMPTY: Words("The body was empty.", "Nothing: scanners and health checks do that."),
    Reason.NOT_JSON: Words("The body is no JSON.", "Look at what came: mostly probes."),
    Reason.WRONG_SHAPE: Words("JSON, but no report.", "See who posts it: perhaps a beacon at the wrong address."),
    Reason.NOTHING_USABLE: Words("A report without anything that says what was blocked.", "Nothing, if it is rare."),
    Reason.BAD_ENTRY: Words("An entry of an array that is no report.", "Nothing: the other entries were taken."),
    Reason.TOO_LARGE: Words("The body is over the limit.", "If it was a real report, raise SENTINEL_MAX_BODY_BYTES."),
    Reason.BAD_HTTP: Words("The request breaks HTTP.", "Look at the proxy before the collector."),
    Reason.HEAD_TOO_LARGE: Words("The request's headers are too long.", "Look for cookies, or a proxy that adds some."),
    Reason.WRONG_TYPE: Words("A content type that no report has.", "Look for forms or uploads sent to this address."),
    Reason.WRONG_METHOD: Words("Neither POST nor OPTIONS.", "Nothing: somebody opened the address in a browser."),
    Reason.BAD_SITE: Words("What stands behind /csp/report/ can't be a label.", "Correct the address in the header."),
    Reason.UNKNOWN_SITE: Words("The sites file doesn't name this site.", "Add it, or correct the header."),
    Reason.GONE: Words("The site is marked as gone.", "Take the header out where it is still sent."),
    Reason.UNSIGNED: Words("The address has no valid signature.", "Make a new one: csp-sentinel sign."),
    Reason.INCOMPLETE: Words("The connection ended within the body.", "Nothing: tabs are closed."),
    Reason.BUSY: Words("The collector could take no more.", "Look at the spool and the disk on the system page."),
    Reason.CLIENT_LIMIT: Words("Its network is over SENTINEL_CLIENT_RATE.", "If it is a proxy of yours, set 0."),
    Reason.UNREADABLE: Words("It was taken, and then could not be read.", "Tell the maintainers, please."),
    Reason.NO_ENVELOPE: Words("A record of the log that is no envelope.", "See who else writes to the topic."),
}  # fmt: skip
