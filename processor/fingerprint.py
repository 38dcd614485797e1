"""What makes two reports the same violation, in 128 bits."""

from hashlib import blake2b

from processor.browser import major
from processor.samples import identity
from schema.violation import Violation


def fingerprint(violation: Violation, marked: str = "") -> bytes:
    """16 bytes. Fields are joined by NUL, which none of them holds, so no two lists of fields look alike.

    `marked`: what is wrong with the report URL's signature, where the site wants to know; such reports are not counted
    with those that are signed.

    Where no URL was blocked the sample tells (rule 45); a report without one is identified as it always was.
    """
    its = violation
    # One text at once takes half the time of joining a list of them. The document's URL is without its query, but for
    # the parameters that the site asked to keep. The last three follow from the URLs, unless somebody makes up a text
    # that reads like what another became.
    text = (
        f"{its.site}\0{its.document_url}\0{its.effective_directive}\0{its.blocked_url}\0{its.source_file}\0"
        f"{its.line_number}\0{its.column_number}\0{its.disposition}\0{its.browser}\0{major(its.browser_version)}\0"
        f"{its.blocked_kind}\0{its.blocked_host}\0{its.document_host}"
    )
    if its.sample and (sample := identity(its.blocked_kind, its.sample)):
        text = f"{text}\0{sample}"
    if marked:
        text = f"{text}\0signature\0{marked}"
    return blake2b(text.encode(), digest_size=16).digest()
