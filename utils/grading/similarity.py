"""Pairs of files that are alike in structure: leads to be looked at together, never a score."""

from collections import Counter, defaultdict
from dataclasses import dataclass

LEAST = 12  # fingerprints; shorter files are alike by nature
ALIKE = 0.8  # of the shorter one's fingerprints, how many the other has too
COMMON = 0.25  # a fingerprint that so many files have says nothing
MOST = 60  # pairs in a report


@dataclass(frozen=True)
class Pair:
    """Two files and how much of the shorter one is in the other."""

    first: str
    second: str
    share: float


def pairs(prints, given=()):
    """The Pairs among name -> fingerprints, most alike first; what the skeleton gives (`given`) does not count."""
    given = set(given)
    owners = defaultdict(list)
    for name in sorted(prints):
        for value in set(prints[name]) - given:
            owners[value].append(name)
    many = max(4, COMMON * len(prints))
    telling, sizes = [names for names in owners.values() if len(names) <= many], Counter()
    common = Counter()
    for names in telling:
        sizes.update(names)
        for place, first in enumerate(names):
            common.update((first, second) for second in names[place + 1 :])
    found = []
    for (first, second), count in common.items():
        least = min(sizes[first], sizes[second])
        if least >= LEAST and count / least >= ALIKE:
            found.append(Pair(first, second, round(count / least, 3)))
    return sorted(found, key=lambda pair: (-pair.share, pair.first, pair.second))[:MOST]
