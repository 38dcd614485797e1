"""The console's pages, one file a page: what each shows is declared there, how it looks is in ../templates."""

from dashboards.pages import alerts, overview, policies, rejects, sites, sources, system, violation, violations
from dashboards.pages.frame import Page

PAGES: tuple[Page, ...] = (
    overview.PAGE, violations.PAGE, violation.PAGE, sources.PAGE, *policies.PAGES, alerts.PAGE, sites.PAGE,
    rejects.PAGE, system.PAGE,
)  # fmt: skip
