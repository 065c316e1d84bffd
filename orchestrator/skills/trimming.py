"""Experts that are recruited for next to no question are left out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from .profiles import SkillProfiles, Trimming
from .recruiting import Recruited, Rules, recruited

SHARE = 0.05
"""Of all slots; who has less is left out."""


def trimming_of(profiles: SkillProfiles, rules: Rules, seed: int = 0, share: float = SHARE) -> Trimming:
    """Recruits for every question of the profiles, and tells who gets less than `share` of all slots.

    Where that would be everybody, as in a large pool, nobody is left out.
    """
    among, ratings = tuple(profiles.experts), profiles.ratings
    counts = Counter(dict.fromkeys(among, 0))
    for mark, skills in sorted(profiles.problems.items()):
        rng = random.Random(f"{seed}|{mark}")
        counts.update(recruited(skills or None, ratings, among, rules, rng).experts)
    slots = counts.total()
    rare = [expert for expert in among if counts[expert] < share * slots]
    return Trimming(share, slots, dict(counts), tuple(rare) if len(rare) < len(among) else (), str(rules))


def without_rare(
    team: Recruited, trimming: Trimming, among: Sequence[str], rules: Rules, rng: random.Random
) -> Recruited:
    """The team with the slots of experts that are left out drawn anew, in proportion to how often others are recruited.

    Without replacement such a slot goes to somebody who is not in the team; where nobody is left, it goes.
    """
    chances = _chances(trimming, among)
    if not chances or all(expert in chances for expert in team.experts):
        return team
    kept: list[str] = [expert for expert in team.experts if expert in chances]
    found: list[str] = []
    for expert in team.experts:
        if expert in chances:
            found.append(expert)
            continue
        taken = () if rules.draw == "replacement" else (*kept, *found)
        left = {name: chance for name, chance in chances.items() if name not in taken}
        if left:
            found.append(_one(left, rules, rng))
    because = {expert: team.because.get(expert) or "in place of one that is seldom recruited" for expert in found}
    return Recruited(tuple(found), team.rule, because)


def _chances(trimming: Trimming, among: Sequence[str]) -> Mapping[str, float]:
    left = [expert for expert in among if expert not in trimming.removed]
    counts = {expert: float(trimming.counts.get(expert, 0)) for expert in left}
    return counts if any(counts.values()) else dict.fromkeys(left, 1.0)


def _one(chances: Mapping[str, float], rules: Rules, rng: random.Random) -> str:
    if rules.draw == "top":
        return max(chances, key=chances.__getitem__)
    names = list(chances)
    return rng.choices(names, list(chances.values()) if any(chances.values()) else None)[0]
