"""What comes in by which host and path."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.k8s.objects import Object, each, find, namespace, of, says
from tests.k8s.rules.settings import settled

REPORTS = "/csp/report"  # health and readiness are nobody's business outside


def routes_have_their_listeners_host(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "HTTPRoute"):
        for parent in made["spec"]["parentRefs"]:
            gateway = find(objects, "Gateway", parent["name"], parent.get("namespace", namespace(made)))
            for listener in gateway["spec"]["listeners"] if gateway else []:
                wrong = set(made["spec"].get("hostnames", [])) - {listener.get("hostname")}
                if listener["name"] == parent.get("sectionName") and wrong:
                    yield f"{says(made)}: its listener is not of {', '.join(sorted(wrong))}"


def hosts_lead_where_the_console_says(objects: list[Object]) -> Iterator[str]:
    """Its own URL, and the one that it tells sites to send reports to."""
    for program, settings in settled(objects):
        if program.arguments[0] == "console":
            urls = {"console": settings.console_url, "collector": settings.collector_url}
            for made in of(objects, "HTTPRoute"):
                for name in {reference["name"] for reference in _backends(made)} & urls.keys():
                    if made["spec"].get("hostnames") != [urlsplit(urls[name]).hostname]:
                        yield f"{says(made)}: {name} is not at {urls[name]}"


def collectors_get_only_reports(objects: list[Object]) -> Iterator[str]:
    for made in of(objects, "HTTPRoute"):
        for rule in made["spec"]["rules"]:
            paths = [match.get("path", {}).get("value") for match in rule.get("matches", [{}])]
            if any(its["name"].startswith("collector") for its in rule["backendRefs"]) and set(paths) != {REPORTS}:
                yield f"{says(made)}: more than {REPORTS} gets to the collectors"


def _backends(route: Object) -> list[Object]:
    return [reference for references in each(route["spec"], "backendRefs") for reference in references]
