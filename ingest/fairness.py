"""Fairness between sites: who may still add to a spool that is nearly full."""

from collections import Counter
from collections.abc import Mapping

# Dynamic thresholds (Choudhury and Hahne, 1998): a site may hold so many times what is still free. So one that floods
# stops at nine tenths, two at 9/19 each, and there is always room for a site that holds little. Nobody has to know how
# many sites there are.
_TIMES_FREE = 9
RESERVE = 1 / (1 + _TIMES_FREE)  # with so much of the spool free, no site can be over its share
_MOST_SITES = 1000
_REST = "*"  # no label has this sign; refusals of unknown sites are kept under ""
OVER_LIMIT = "*client-limit"  # whose the refusals are of networks over their limit: not the attacked site's


class Shares:
    """Bytes that wait in the spool, by site. What was there when the worker began is nobody's.

    A thousand sites that have something there have a share each, the rest have one together: where any label is taken,
    who makes up a million of them takes no more from those that were there before.
    """

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def _key(self, site: str) -> str:
        return site if site in self._held or len(self._held) < _MOST_SITES else _REST

    def add(self, site: str, length: int) -> None:
        held = self._held
        if site in held:
            held[site] += length
        else:
            key = self._key(site)
            held[key] = held.get(key, 0) + length

    def allow(self, lengths: Mapping[str, int], free: int) -> bool:
        """Whether each site may add so many bytes, where `free` are free now."""
        more: Counter[str] = Counter()
        for site, length in lengths.items():
            more[self._key(site)] += length
        most = _TIMES_FREE * (free - more.total())
        return all(self._held.get(key, 0) + length <= most for key, length in more.items())

    def shrink(self, waiting: int) -> None:
        """To the bytes that wait in all. The reader doesn't say whose it took, so all have lost in proportion."""
        total = sum(self._held.values())
        if total > waiting:
            lost = {key: held * waiting // total for key, held in self._held.items()}
            self._held = {key: held for key, held in lost.items() if held}  # who holds nothing makes room for another

    def used_up(self, free: int, within: int) -> bool:
        """Whether nobody can add more than `within` bytes, or somebody holds something and all that do can't."""
        if free <= within:
            return True
        return bool(self._held) and all((_TIMES_FREE * free - held) * RESERVE <= within for held in self._held.values())
