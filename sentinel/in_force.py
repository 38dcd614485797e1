"""The sites and noise rules by which reports are judged now: read at the start, and again on SIGHUP."""

import logging
from collections.abc import Callable

from alerts.channels import BadChannel, check, masked
from schema.alerting import Alerting
from schema.noise import BadRules
from schema.noise_files import load_rules, packaged
from schema.sites import BadSites, Sites, load_sites
from sentinel.settings import Settings

logger = logging.getLogger("sentinel.processor")


class InForce:
    """One a process: the processor and the console have the same."""

    def __init__(self, settings: Settings) -> None:
        """Raises BadSites, BadRules."""
        self._settings = settings
        self._followers: list[Callable[[Sites], None]] = []
        self.sites = files(settings)

    def __call__(self) -> Sites:
        return self.sites

    def follow(self, take: Callable[[Sites], None]) -> None:
        """`take` is called with each that comes into force from now on."""
        self._followers.append(take)

    def reload(self) -> None:
        """Where they can't be used, those before go on."""
        try:
            self.sites = files(self._settings)
        except (BadSites, BadRules) as error:
            logger.error("sites and noise rules were not reloaded: %s", error)
            return
        for take in self._followers:
            take(self.sites)


def files(settings: Settings) -> Sites:
    """The sites, with the noise rules for all of them. Raises BadSites, BadRules."""
    rules = load_rules(settings.noise)
    sites = load_sites(settings.sites, rules)
    known = {rule.id for rule in (rules or packaged()).rules}
    for label, site in (sites.table or {}).items():
        for its in site.noise_off:
            if its not in known:
                raise BadSites(f"{settings.sites}: [sites.{label}]: noise_off has {its!r}, and there is no such rule")
    _check_webhooks(f"{settings.sites}: [alerts]", sites.alerting.default)
    for label, own in sites.alerting.sites.items():
        _check_webhooks(f"{settings.sites}: [sites.{label}.alerts]", own)
    return sites


def _check_webhooks(place: str, rules: Alerting) -> None:
    for url in rules.webhooks or ():
        try:
            check(url)
        except BadChannel as error:
            raise BadSites(f"{place}: webhooks has {masked(url)}, which {error}") from error
