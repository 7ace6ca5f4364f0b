"""Notices when a series has changed its level."""

import math
from collections.abc import Sequence

EVIDENCE = 3.5
"""Standard deviations that a change must show: of a hundred series without a change about one shows as many."""

FEWEST = 6
"""A level is made of at least so many values."""


def level_since(values: Sequence[float]) -> int:
    """The index from which on the values keep their present level; 0 where no change is evident.

    The rank-sum test of the older values against the newer ones at every place; it goes by ranks, so that no outlier
    passes for a change (F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945).
    """
    size, sum_of_older, since, clearest = len(values), 0.0, 0, EVIDENCE
    for older, rank in enumerate(_ranks(values)[: max(0, size - FEWEST)], start=1):
        sum_of_older += rank
        if older < FEWEST:
            continue
        surplus = abs(sum_of_older - older * (size + 1) / 2)
        evidence = surplus / math.sqrt(older * (size - older) * (size + 1) / 12)
        if evidence > clearest:
            since, clearest = older, evidence
    return since


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each in order of size, from 1 on; equals share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    first = 0
    for place, index in enumerate(order, start=1):
        if place == len(order) or values[order[place]] != values[index]:
            for equal in order[first:place]:
                ranks[equal] = (first + 1 + place) / 2
            first = place
    return ranks
