"""What is not the site's own doing: marked with a category and the rule's id, never dropped.

What is looked at is what is stored, so a rule says of a row in the store what it says of the report that comes in.
"""

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from csp.verdict import origin
from processor.browser import major
from processor.directives import KNOWN
from processor.hosts import belongs, is_local
from processor.stored import Place, host_of, parts, place
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
_ORIGINS, _SAMPLES = 4096, 512  # a judge remembers: at most 2 MB
_LONGEST_TEXT = 256
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
        self._in = lru_cache(maxsize=_ORIGINS)(self._of_text)
        self._sampled = lru_cache(maxsize=_SAMPLES)(self._of_sample)

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

    def noise(self, violation: Violation, site: Site) -> Noise:
        found = self._pointed_at(violation, site)
        for text in (violation.blocked_url, violation.source_file, violation.document_url):
            if text:
                start = origin(text)  # all that is looked at, and hosts come again and again; their URLs need not
                if pointed := (self._in if len(start) <= _LONGEST_TEXT else self._of_text)(start):
                    found = found | pointed
        if not found:
            return self._none
        places = (place(violation.blocked_url), place(violation.source_file), place(violation.document_url))
        asked = _Asked(violation, places, _is_local(violation, site))
        return next((test.label for test in map(self._tests.__getitem__, sorted(found)) if _holds(test, asked)),
                    self._none)  # fmt: skip

    def _pointed_at(self, violation: Violation, site: Site) -> frozenset[int]:
        """The rules that something else than a URL points to."""
        found = self._always
        if violation.blocked_kind in self._by_kind:
            found = found | self._by_kind[violation.blocked_kind]
        if self._local and _is_local(violation, site):
            found = found | self._local
        if violation.effective_directive not in KNOWN:
            found = found | self._unknown
        if violation.sample and (self._sampled if len(violation.sample) <= _LONGEST_TEXT else self._of_sample)(
            violation.sample
        ):
            found = found | self._by_sample
        return found

    def _of_sample(self, sample: str) -> bool:
        return self._any_sample is not None and self._any_sample.search(sample) is not None

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


def judge_of(rules: Rules, site: Site) -> Judge:
    """The same for all sites without rules of their own. Told apart by identity: comparing would take longer."""
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
