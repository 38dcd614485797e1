"""What the collector answers: one table from reason to status and sentence."""

from http import HTTPStatus
from typing import NamedTuple

import msgspec

from schema.reasons import Reason

Headers = tuple[tuple[str, str], ...]
# Any origin: WebKit always sends `null`, and so do sandboxed documents. Asked for by every Chromium before every POST.
CORS: Headers = (("access-control-allow-origin", "*"),)
ALLOW = "OPTIONS, POST"


class Answer(NamedTuple):
    status: int
    headers: Headers = ()
    body: bytes = b""
    close: bool = False  # the rest of the request is not worth reading, or it was the connection's last

    def last(self) -> "Answer":
        return self._replace(close=True)


def problem(status: int, sentence: str, headers: Headers = (), *, close: bool = False) -> Answer:
    """RFC 9457."""
    title = HTTPStatus(status).phrase
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": sentence})
    return Answer(status, (("content-type", "application/problem+json"), *headers), body, close)


ACCEPTED = Answer(204, CORS)  # the one object that means: its reports are in the spool
LAST_ACCEPTED = ACCEPTED.last()
PREFLIGHT = Answer(
    204,
    (
        *CORS,
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "86400"),
    ),
)
OK = Answer(200, (("content-type", "text/plain"),), b"ok\n")
NO_ROOM = "The collector can take no reports now: its spool is full, or the log it waits for is away."
NOT_READY = problem(503, NO_ROOM, (("retry-after", "10"),))
NOT_FOUND = problem(404, "There is nothing here: reports go to /csp/report or /csp/report/{site}.")
ONLY_GET = problem(405, "Only GET and HEAD work here.", (("allow", "GET, HEAD"),))

UNCONFIRMED = problem(
    503, "The log has not confirmed this in time; it may be counted all the same.", (*CORS, ("retry-after", "10"))
)

REFUSED: dict[Reason, Answer] = {
    Reason.BAD_HTTP: problem(400, "This is not HTTP/1.1.", CORS, close=True),
    Reason.EMPTY: problem(400, "The body is empty; a report is a JSON object or an array of them.", CORS),
    Reason.NOT_JSON: problem(400, "The body is not JSON.", CORS),
    Reason.WRONG_SHAPE: problem(
        400, 'The body is neither {"csp-report": {...}} nor a report of the Reporting API nor an array of them.', CORS
    ),
    Reason.NOTHING_USABLE: problem(400, "The report has none of the fields a violation report has.", CORS),
    Reason.TOO_LARGE: problem(413, "The body is over the size limit of this collector.", CORS, close=True),
    Reason.HEAD_TOO_LARGE: problem(431, "The request's headers are too large.", CORS, close=True),
    Reason.WRONG_TYPE: problem(415, "A report can't have this content type; send application/csp-report.", CORS),
    Reason.WRONG_METHOD: problem(405, "Reports are sent with POST.", (*CORS, ("allow", ALLOW))),
    Reason.BAD_SITE: problem(
        404, "That can't be a site: a label has lower-case letters, digits and hyphens, at most 63.", CORS
    ),
    Reason.UNKNOWN_SITE: problem(404, "No site of that name reports here.", CORS),
    Reason.UNSIGNED: problem(
        403, "This site takes reports at signed URLs only; this one has no signature, a wrong one, or an old one.", CORS
    ),
    Reason.GONE: Answer(204, CORS),  # nothing was taken; but Chromium repeats whatever fails at least ten times
    Reason.INCOMPLETE: problem(408, "The body did not arrive in time.", CORS, close=True),
    # Chromium's Reporting API tries again, so of a crowd behind one address little is lost; who floods has its answer.
    Reason.CLIENT_LIMIT: problem(
        429, "Too many reports come from this network; try again.", (*CORS, ("retry-after", "10"))
    ),
    Reason.BUSY: problem(503, "The collector can take no more now; try again.", (*CORS, ("retry-after", "10"))),
}
