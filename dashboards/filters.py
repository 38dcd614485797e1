"""The filters every question takes, and what they are in SQL."""

import re
from typing import Any, NamedTuple

import msgspec

from dashboards import times
from dashboards.parameters import Choice, Parameter, Text
from dashboards.query_string import BadParameter, Parameters
from schema.names import BLOCKED_KINDS
from schema.sites import LABEL
from schema.verdicts import VERDICTS

NOISES = ("none", "only", "all")
MOST_WORDS = 20

SITE = Text("site", "A site's label; empty: any.", f"^({LABEL.pattern})?$")
_DIRECTIVE = Text("directive", "An effective directive, in any case.")
_DOCUMENT_HOST = Text("document_host", "A host whose pages reported, in any case.")
_BLOCKED_HOST = Text("blocked_host", "A host that was blocked, in any case; empty: what has none.")
_BLOCKED_KIND = Choice("blocked_kind", BLOCKED_KINDS, "What was blocked.")
_DISPOSITION = Choice("disposition", ("enforce", "report", ""), "Of the policy; empty: the browser didn't say.")
_BROWSER = Text("browser", "A browser's name, in any case.")
_VERDICT = Choice("verdict", (*VERDICTS, "all"), "Of the report's own policy; empty: of before there were verdicts.")
_NOISE = Choice("noise", NOISES, "Without noise, nothing else, or (the default) all.")
_DOCUMENT_TEMPLATE = Text("document_template", "A page's URL, its numbers and ids replaced.")
_BLOCKED_TEMPLATE = Text("blocked_template", "The same of what was blocked.")
_WORDS = Text("q", f"Words that all stand in the URLs, in any case; at most {MOST_WORDS}.")
_FROM = Text("from", "From the 10-minute window of this time on (RFC 3339).", format="date-time")
_TO = Text("to", "Up to the window of this time, which is not before `from` (RFC 3339).", format="date-time")
PARAMETERS: tuple[Parameter, ...] = (
    SITE, _DIRECTIVE, _DOCUMENT_HOST, _BLOCKED_HOST, _BLOCKED_KIND, _DISPOSITION, _BROWSER, _VERDICT, _NOISE,
    _DOCUMENT_TEMPLATE, _BLOCKED_TEMPLATE, _WORDS, _FROM, _TO,
)  # fmt: skip
NAMES = tuple(parameter.name for parameter in PARAMETERS)


class Filters(msgspec.Struct, frozen=True):
    """None: any. An empty text selects what is empty. `start` and `end` (s, exclusive) are starts of windows."""

    site: str | None = None
    directive: str | None = None
    document_host: str | None = None
    blocked_host: str | None = None
    blocked_kind: str | None = None
    disposition: str | None = None
    browser: str | None = None
    verdict: str | None = None
    noise: str = "all"
    document_template: str | None = None
    blocked_template: str | None = None
    words: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None

    @property
    def of_urls(self) -> bool:
        """Whether the URLs decide, which the counts by minute lack."""
        return bool(self.words) or self.document_template is not None or self.blocked_template is not None


def read(given: Parameters) -> Filters:
    """Raises BadParameter."""
    start, end = _period(given)
    return Filters(
        site=site(given),
        directive=_lowered(given, _DIRECTIVE),
        document_host=_lowered(given, _DOCUMENT_HOST),
        blocked_host=_lowered(given, _BLOCKED_HOST),
        blocked_kind=_BLOCKED_KIND.read(given),
        disposition=_DISPOSITION.read(given),
        browser=_BROWSER.read(given),
        verdict=_verdict(given),
        noise=_NOISE.read(given) or "all",
        document_template=_DOCUMENT_TEMPLATE.read(given),
        blocked_template=_BLOCKED_TEMPLATE.read(given),
        words=words(given),
        start=start,
        end=end,
    )


def site(given: Parameters) -> str | None:
    """Raises BadParameter."""
    its = SITE.read(given)
    if its and not LABEL.fullmatch(its):
        raise BadParameter("site is a label: lower-case letters, digits and hyphens, at most 63 of them.")
    return its or None  # a form without a choice sends it empty, and no site is empty


def _verdict(given: Parameters) -> str | None:
    verdict = _VERDICT.read(given)
    return None if verdict == "all" else verdict


def _lowered(given: Parameters, parameter: Text) -> str | None:
    text = parameter.read(given)
    return None if text is None else text.lower()


_SEPARATORS = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")


def words(given: Parameters) -> tuple[str, ...]:
    """Split and lowered as the store's text index does: at ASCII characters that are no letter and no digit."""
    text = _WORDS.read(given) or ""
    found = tuple(word.encode().lower().decode() for word in _SEPARATORS.split(text) if word)
    if text.strip() and not found:
        raise BadParameter("q is words to find in URLs, so it needs a letter or a digit.")
    if len(found) > MOST_WORDS:
        raise BadParameter(f"q has at most {MOST_WORDS} words.")
    return found


def _period(given: Parameters) -> tuple[int | None, int | None]:
    """Whole windows that overlap from…to, so that every answer speaks of the same reports."""
    first, last = _FROM.read(given), _TO.read(given)
    start = None if first is None else times.read("from", first)
    end = None if last is None else times.read("to", last)
    if start is not None and end is not None and start > end:
        raise BadParameter("from is later than to; swap them.")
    first_window = None if start is None else times.window_at(start)
    after = None if end is None else times.window_after(end)
    if start == end and first_window == after and first_window is not None:
        after = times.window_after(first_window + 1)  # a moment lies in a window too
    return first_window, after


class Where(NamedTuple):
    """A condition of ours, and the values the server binds to its {name:Type}."""

    sql: str
    values: dict[str, Any]
    rows: str = ""  # what `FROM {rows}` reads: dashboards/relations.py
    columns: tuple[str, ...] = ()  # of which `{columns}` in it are those that the question names


NO_FILTER = Where("", {})


def filled(question: str, its: Where) -> str:
    """`{where}` in it stands for the filters, `{rows}` for the rows they select.

    To plan a question over all of the forty columns takes 5 ms more, also where it needs three of them.
    """
    question = question.replace("{rows}", its.rows).replace("{where}", its.sql)
    named = {*_NAMES.findall(question)}
    return question.replace("{columns}", "".join(f"{name}, " for name in its.columns if name in named))


_NAMES = re.compile(r"\w+")


_COLUMNS = {
    "site": "site",
    "directive": "effective_directive",
    "document_host": "document_host",
    "blocked_host": "blocked_host",
    "blocked_kind": "blocked_kind",
    "disposition": "disposition",
    "verdict": "verdict",
    "document_template": "document_template",
    "blocked_template": "blocked_template",
}
# As the index of words has it (0018): another spelling of the same would not be looked up in it.
_SEARCHED = "lower(concat(document_url, ' ', blocked_url, ' ', source_file))"


def where(filters: Filters, time: str = "window") -> Where:
    """`time` is the column the period is about. Only `violations` has what `words` search, and the templates."""
    found: list[str] = []
    values: dict[str, Any] = {}
    for name, column in _COLUMNS.items():
        value = getattr(filters, name)
        if value is not None:
            found.append(f"{column} = {{{name}:String}}")
            values[name] = value
    if filters.browser is not None:
        found.append("lowerUTF8(browser) = lowerUTF8({browser:String})")
        values["browser"] = filters.browser
    if filters.noise != "all":
        found.append("noise = ''" if filters.noise == "none" else "noise != ''")
    for number, word in enumerate(filters.words):
        found.append(f"hasToken({_SEARCHED}, {{word{number}:String}})")
        values[f"word{number}"] = word
    period = _between(filters, time)
    return Where(" AND ".join(f"({part})" for part in (*found, *period.sql)) or "1", values | period.values)


def received(filters: Filters) -> Where:
    """For the ledger: a refused report has a site and a minute, and nothing else to filter by."""
    return where(Filters(site=filters.site, start=filters.start, end=filters.end), "minute")


class _Period(NamedTuple):
    sql: list[str]
    values: dict[str, Any]


def _between(filters: Filters, time: str) -> _Period:
    found = _Period([], {})
    if filters.start is not None:
        found.sql.append(f"{time} >= toDateTime({{start:UInt32}}, 'UTC')")
        found.values["start"] = filters.start
    if filters.end is not None:
        found.sql.append(f"{time} < toDateTime({{end:UInt32}}, 'UTC')")
        found.values["end"] = filters.end
    return found
