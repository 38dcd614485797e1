"""What is not the site's own doing: marked with a category and the rule's id, never dropped.

What is looked at is what is stored, so a rule says of a row in the store what it says of the report that comes in.
"""

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from processor.browser import major
from processor.directives import KNOWN
from processor.hosts import belongs, is_local
from processor.stored import Origins, Place, host_of, origins_of, parts, place
from schema.noise import PLACES, Rule, Rules
from schema.noise_files import packaged, version_of
from schema.sites import Site
from schema.violation import Violation


class Noise(NamedTuple):
    """`category`: extension, injected, browser, foreign or malformed; with `rule` empty for the site's own doing."""

    category: str = ""
    rule: str = ""
    version: str = ""  # of the rules that were asked


def noise(violation: Violation, site: Site, rules: Rules | None = None) -> Noise:
    """The first rule that holds of what is stored of `violation`; the site's own rules are asked first."""
    return judge_of(rules or packaged(), site).noise(violation, site)


class _Test(NamedTuple):
    """A rule, ready to be asked."""

    rule: Rule
    label: Noise
    places: tuple[int, ...]  # into those of a violation
    directives: frozenset[str]
    sample: re.Pattern[str] | None


class _Asked(NamedTuple):
    """What the rules are asked of."""

    violation: Violation
    places: tuple[Place, Place, Place]  # as PLACES
    local: bool


_LONGEST = 253  # characters of a host's name (RFC 1035, 2.3.4, written with dots)
_ORIGINS, _WORDS = 4096, 512  # a judge remembers: at most 6 MB, and some 500 KB of usual ones
_LONGEST_TEXTS = 512
_Index = dict[str, frozenset[int]]
_NONE: frozenset[int] = frozenset()


class Judge:
    """Some rules with their indexes: a violation is held against those only that one of its fields points to."""

    def __init__(self, rules: Iterable[Rule], version: str) -> None:
        self._tests = [_test(rule, version) for rule in rules]
        self._none = Noise("", "", version)
        self._by_scheme: _Index = {}
        self._by_host: _Index = {}
        self._by_kind: _Index = {}
        self._by_sample = self._local = self._unknown = self._always = _NONE
        for number, test in enumerate(self._tests):
            self._index(number, test.rule)
        samples = [self._tests[number].rule.sample for number in sorted(self._by_sample)]
        self._any_sample = re.compile("|".join(f"(?:{sample})" for sample in samples)) if samples else None
        # Origins come again and again, and nothing else of a URL points to a rule.
        self._at = lru_cache(maxsize=_ORIGINS)(self._of_text)
        self._around = lru_cache(maxsize=_ORIGINS)(self._of_texts)
        self._told = lru_cache(maxsize=_WORDS)(self._of_words)

    def _index(self, number: int, rule: Rule) -> None:
        """By whatever of its conditions is rarest in reports."""
        words, index = (rule.host, self._by_host) if rule.host else (rule.scheme, self._by_scheme)
        if not words and not (rule.sample or rule.local_document or rule.unknown_directive):
            words, index = rule.blocked_kinds, self._by_kind
        for word in words:
            index[word] = index.get(word, _NONE) | {number}
        if words:
            return
        if rule.sample:
            self._by_sample |= {number}
        elif rule.local_document:
            self._local |= {number}
        elif rule.unknown_directive:
            self._unknown |= {number}
        else:
            self._always |= {number}

    def noise(self, violation: Violation, site: Site, origins: Origins | None = None) -> Noise:
        """Mostly nothing points to a rule, which a look at what is remembered tells."""
        its, origins = violation, origins or origins_of(violation)
        blocked, source, document = origins.blocked, origins.source, origins.document
        if len(blocked) + len(source) + len(document) <= _LONGEST_TEXTS:
            here, around = self._at(blocked), self._around(source, document)
        else:
            here, around = self._of_text(blocked), self._of_texts(source, document)
        told = self._told(its.blocked_kind, its.effective_directive, its.sample)
        if self._local and (not its.document_host or is_local(its.document_host)) and _is_local(its, site):
            told = told | self._local
        if not (here or around or told):
            return self._none
        places = (place(its.blocked_url), place(its.source_file), place(its.document_url))
        asked = _Asked(its, places, _is_local(its, site))
        return next((test.label for test in map(self._tests.__getitem__, sorted(here | around | told))
                     if _holds(test, asked)), self._none)  # fmt: skip

    def _of_words(self, kind: str, directive: str, sample: str) -> frozenset[int]:
        """The rules that something else than a URL points to."""
        found = self._always | self._by_kind.get(kind, _NONE)
        if directive not in KNOWN:
            found = found | self._unknown
        if sample and self._any_sample is not None and self._any_sample.search(sample):
            found = found | self._by_sample
        return found

    def _of_texts(self, source: str, document: str) -> frozenset[int]:
        return self._of_text(source) | self._of_text(document)

    def _of_text(self, text: str) -> frozenset[int]:
        """The rules that a URL points to."""
        scheme, authority, _ = parts(text)
        found = self._by_scheme.get(scheme, _NONE)
        under = self._of_host(authority)
        return found | under if under else found

    def _of_host(self, authority: str) -> frozenset[int]:
        """The rules that name a host or a domain it is below."""
        found = _NONE
        host = host_of(authority)
        if len(host) > _LONGEST:
            return found
        while host:
            if host in self._by_host:
                found = found | self._by_host[host]
            host = host.partition(".")[2]
        return found


def _test(rule: Rule, version: str) -> _Test:
    names = {name for given in rule.directives for name in (given, f"{given}-elem", f"{given}-attr")}
    places = tuple(PLACES.index(name) for name in rule.looks_at())
    sample = re.compile(rule.sample) if rule.sample else None
    return _Test(rule, Noise(rule.category, rule.id, version), places, frozenset(names), sample)


def _holds(test: _Test, asked: _Asked) -> bool:
    rule, violation = test.rule, asked.violation
    return (
        (not test.directives or violation.effective_directive in test.directives)
        and (not rule.blocked_kinds or violation.blocked_kind in rule.blocked_kinds)
        and (not rule.unknown_directive or violation.effective_directive not in KNOWN)
        and (not rule.local_document or asked.local)
        and (test.sample is None or test.sample.search(violation.sample) is not None)
        and _made_by(rule, violation)
        and (not test.places or any(_fits(rule, number, asked) for number in test.places))
    )


def _made_by(rule: Rule, violation: Violation) -> bool:
    if rule.os and violation.os not in rule.os:
        return False
    if not rule.browser:
        return True
    if violation.browser not in rule.browser:
        return False
    said = major(violation.browser_version)
    version = int(said[:9]) if said.isascii() and said.isdigit() else 0
    return rule.since <= version and (not rule.below or version < rule.below)


_DOCUMENT = PLACES.index("document")


def _fits(rule: Rule, number: int, asked: _Asked) -> bool:
    found = asked.places[number]
    if rule.scheme and found.scheme not in rule.scheme:
        return False
    if rule.path and not found.path.startswith(rule.path):
        return False
    return not rule.host or any(
        belongs(found.host, name) and (number == _DOCUMENT or not belongs(asked.violation.document_host, name))
        for name in rule.host
    )


def _is_local(violation: Violation, site: Site) -> bool:
    host = violation.document_host
    if not host:
        return violation.document_url.startswith("file:") or violation.document_url == "file"
    return is_local(host) and not (site.hosts and site.owns(host))


_KEPT = 128  # judges, those asked last: a site with rules of its own has one, and every reload brings new ones
_judges: OrderedDict[tuple[int, int], tuple[Rules, Site | None, Judge]] = OrderedDict()


_last: tuple[Rules, Site, Judge] | None = None  # replaced as a whole, because several threads ask


def judge_of(rules: Rules, site: Site) -> Judge:
    """The same for all sites without rules of their own. Told apart by identity: comparing would take longer."""
    global _last  # noqa: PLW0603  (what one report asked, the next one asks mostly)
    last = _last
    if last is not None and last[0] is rules and last[1] is site:
        return last[2]
    judge = _kept(rules, site)
    _last = rules, site, judge
    return judge


def _kept(rules: Rules, site: Site) -> Judge:
    own = site if site.noise or site.noise_off else None
    key = (id(rules), id(own))
    kept = _judges.get(key)
    if kept is None:
        asked = [*site.noise, *(rule for rule in rules.rules if rule.id not in site.noise_off)]
        judge = Judge(asked, version_of(rules, site.noise, site.noise_off))
        kept = _judges[key] = (rules, own, judge)  # what is kept alive keeps its identity
        if len(_judges) > _KEPT:
            _judges.popitem(last=False)
    elif len(_judges) > 1:
        with contextlib.suppress(KeyError):  # another thread's judge took its place just now
            _judges.move_to_end(key)
    return kept[2]
