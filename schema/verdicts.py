"""The verdicts on a report, and the words that say why: what the processor writes and the dashboards show."""

VERDICTS = ("consistent", "impossible", "undecidable", "")  # empty: of a time when reports were not judged

# Of a consistent report the reason is the directive that blocks.
REASONS = {
    # impossible
    "allowed": "the policy allows it",
    "no-directive": "no directive of the policy governs it",
    "misfit": "this directive never blocks such a thing",
    # undecidable
    "no-policy": "the report has no policy",
    "truncated": "the policy or the URL is too long to be all there",
    "directive-unknown": "no browser knows this directive",
    "not-named": "the report doesn't say what was blocked",
    "unreadable": "what was blocked can't be read",
    "document-unknown": "it depends on the document, whose origin the report doesn't tell",
    "scheme-unknown": "it depends on the scheme, which the report doesn't tell",
    "disposition-unknown": "it depends on whether the policy was enforced, which the report doesn't tell",
    "path-removed": "it depends on the path, which the browser removed",
    "redirect": "the policy allows this URL, but perhaps not what it redirects to",
    "strict-dynamic": "'strict-dynamic' allows it or not, by what inserted it",
    "inline-or-eval": "it depends on whether it was inline or eval, which old Firefox doesn't tell",
    "duplicate-name": "the name is listed, but a second policy of that name would be blocked",
}
