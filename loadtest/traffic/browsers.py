"""Browsers: today's, made up around the User-Agents that were captured, and old ones as they were captured."""

from typing import NamedTuple

from loadtest.traffic.learned import Learned

# Of the POSTs of browsers' own shape. Assumed, as the Web is; WebKit's share is that of the capacity model.
ENGINES = {"chromium": 68, "firefox": 10, "webkit": 20, "old": 2}
_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


class Agent(NamedTuple):
    """`engine`: chromium, firefox, webkit or old: how it spells a report. `browser`: its family and major version, as
    ua-parser names them. Old ones have their own content type, and `keys` in their order.
    """

    weight: int
    engine: str
    text: str
    browser: str
    content_type: str = "application/csp-report"
    keys: tuple[str, ...] = ()


def _today() -> tuple[Agent, ...]:
    """Some dozens; the newest versions are the most frequent, as on the Web."""
    systems = ((30, "Windows NT 10.0; Win64; x64", ""), (14, "Linux; Android 10; K", "Mobile "),
               (9, "Macintosh; Intel Mac OS X 10_15_7", ""), (3, "X11; Linux x86_64", ""))  # fmt: skip
    found = []
    for age, version in enumerate(range(156, 150, -1)):
        for weight, system, mobile in systems:
            text = f"Mozilla/5.0 ({system}) {_KIT} Chrome/{version}.0.0.0 {mobile}Safari/537.36"
            found.append(Agent(max(1, weight * 10 >> age * 2), "chromium", text, f"Chrome {mobile}{version}"))
        text = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_KIT} Chrome/{version}.0.0.0 Safari/537.36"
        found.append(Agent(max(1, 80 >> age * 2), "chromium", f"{text} Edg/{version}.0.0.0", f"Edge {version}"))
    for version in (157, 156, 153, 140):
        for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64"):
            text = f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
            found.append(Agent(15, "firefox", text, f"Firefox {version}"))
    for release in ("26.1", "26.0", "18.6"):
        mac = "Macintosh; Intel Mac OS X 10_15_7"
        phone = "iPhone; CPU iPhone OS 18_7 like Mac OS X"
        kit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
        desk, hand = f"Version/{release} Safari/605.1.15", f"Version/{release} Mobile/15E148 Safari/604.1"
        number = release.partition(".")[0]
        found.append(Agent(60, "webkit", f"Mozilla/5.0 ({mac}) {kit} {desk}", f"Safari {number}"))
        found.append(Agent(80, "webkit", f"Mozilla/5.0 ({phone}) {kit} {hand}", f"Mobile Safari {number}"))
    return tuple(found)


AGENTS = _today()


def agents(engine: str, learned: Learned) -> tuple[Agent, ...]:
    if engine == "old":
        return tuple(
            Agent(one.weight, "old", one.agent, one.browser, one.content_type, tuple(one.keys)) for one in learned.old
        )
    return tuple(agent for agent in AGENTS if agent.engine == engine)
