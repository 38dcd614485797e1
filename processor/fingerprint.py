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
    sample = violation.sample and identity(violation.blocked_kind, violation.sample)
    fields = (
        violation.site,
        violation.document_url,  # without its query, but for the parameters that the site asked to keep
        violation.effective_directive,
        violation.blocked_url,
        violation.source_file,
        str(violation.line_number),
        str(violation.column_number),
        violation.disposition,
        violation.browser,
        major(violation.browser_version),
        # These follow from the URLs, unless somebody makes up a text that reads like what another became.
        violation.blocked_kind,
        violation.blocked_host,
        violation.document_host,
        *((sample,) if sample else ()),
        *(("signature", marked) if marked else ()),
    )
    return blake2b("\0".join(fields).encode(), digest_size=16).digest()
