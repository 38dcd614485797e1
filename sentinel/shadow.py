"""What changed noise rules would make of what is stored, rule by rule. Holds no rows: counts, and a few examples."""

import math
from typing import Any, NamedTuple

from processor.noise import Noise
from schema.violation import Violation

EXAMPLES = 3  # of what a rule would gain, and of what it would lose
_SHOWN = 160  # characters of an example's field


class Distinct:
    """How many different fingerprints: exact for the first, then estimated to about 2% (HyperLogLog).

    Fingerprints are evenly spread by themselves.
    """

    _EXACT = 4096
    _BITS = 12

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._registers: bytearray | None = None

    def add(self, fingerprint: bytes) -> None:
        if self._registers is not None:
            self._note(fingerprint, self._registers)
            return
        self._seen.add(fingerprint[:12])
        if len(self._seen) > self._EXACT:
            self._registers = bytearray(1 << self._BITS)
            for its in self._seen:
                self._note(its, self._registers)
            self._seen.clear()

    def _note(self, fingerprint: bytes, registers: bytearray) -> None:
        number = int.from_bytes(fingerprint[:8], "big")
        rest = number >> self._BITS
        rank = 64 - self._BITS - rest.bit_length() + 1
        place = number & ((1 << self._BITS) - 1)
        registers[place] = max(registers[place], rank)

    def __len__(self) -> int:
        if self._registers is None:
            return len(self._seen)
        size = len(self._registers)
        estimate = 0.7213 / (1 + 1.079 / size) * size * size / sum(2.0**-rank for rank in self._registers)
        empty = self._registers.count(0)
        return round(size * math.log(size / empty) if empty and estimate <= 2.5 * size else estimate)


class Side:
    """Reports and violations of a rule, on one side of a change."""

    def __init__(self) -> None:
        self.reports = 0
        self.violations = Distinct()

    def add(self, violation: Violation) -> None:
        self.reports += violation.reports
        self.violations.add(violation.fingerprint)

    def told(self) -> dict[str, int]:
        return {"reports": self.reports, "violations": len(self.violations)}


class Key(NamedTuple):
    rule: str  # empty: no noise
    category: str


class Line:
    """One rule."""

    def __init__(self) -> None:
        self.now, self.then, self.gained, self.lost = Side(), Side(), Side(), Side()
        self.examples: list[dict[str, Any]] = []

    @property
    def changed(self) -> int:
        return self.gained.reports + self.lost.reports

    def example(self, violation: Violation, other: Key, *, gained: bool) -> None:
        if sum(example["gained"] == gained for example in self.examples) < EXAMPLES:
            shown = ("site", "document_url", "effective_directive", "blocked_url", "source_file", "sample", "browser")
            said = {name: str(getattr(violation, name))[:_SHOWN] for name in shown if getattr(violation, name)}
            self.examples.append({"gained": gained, "other": other.rule, "reports": violation.reports} | said)


class Shadow:
    def __init__(self) -> None:
        self.reports = 0
        self.changed = 0
        self.lines: dict[Key, Line] = {}

    def add(self, violation: Violation, label: Noise) -> None:
        """A stored violation, and what the changed rules say of it."""
        now, then = Key(violation.noise_rule, violation.noise), Key(label.rule, label.category)
        self.reports += violation.reports
        of_now, of_then = self._line(now), self._line(then)
        of_now.now.add(violation)
        of_then.then.add(violation)
        if now != then:
            self.changed += violation.reports
            of_now.lost.add(violation)
            of_then.gained.add(violation)
            of_now.example(violation, then, gained=False)
            of_then.example(violation, now, gained=True)

    def _line(self, key: Key) -> Line:
        if key not in self.lines:
            self.lines[key] = Line()
        return self.lines[key]

    def told(self) -> dict[str, Any]:
        """Those with most changes first."""
        ordered = sorted(self.lines.items(), key=lambda item: (-item[1].changed, -item[1].now.reports, item[0]))
        return {
            "reports": self.reports,
            "changed": self.changed,
            "rules": [
                {
                    "rule": key.rule,
                    "category": key.category,
                    "now": line.now.told(),
                    "then": line.then.told(),
                    "gained": line.gained.told(),
                    "lost": line.lost.told(),
                    "examples": line.examples,
                }
                for key, line in ordered
            ],
        }
