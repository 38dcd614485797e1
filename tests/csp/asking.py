"""Short questions for tables."""

from csp.match import Decision, Request, decide
from csp.policy import parse_list

DOCUMENT = "https://example.test/page.html"


def ask(policy: str, directive: str, document: str = DOCUMENT, **request) -> Decision:
    if "ancestors" in request:
        request["ancestors"] = tuple(request["ancestors"])
    return decide(parse_list(policy), document, directive, Request(**request))


def allows(policy: str, directive: str, document: str = DOCUMENT, **request) -> bool:
    return ask(policy, directive, document, **request).allowed


def loads(source: str, url: str, document: str = DOCUMENT, **request) -> bool:
    """An image: nothing but the URL counts."""
    return allows(f"img-src {source}", "img-src", document, url=url, **request)


def words(text: str) -> list[str]:
    return text.split()
