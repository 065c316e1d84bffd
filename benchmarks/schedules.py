"""The order of loads beside others, in a simulation: how long the engine's policy takes to the best that is known.

    python -m benchmarks.schedules [--first-seed 1000] [--seeds 15] [--trials 200]

Settings A to G and, as H, setting E over 4 models in all: 100 problems on a card that holds one of 16 models. Load 2 s,
8 calls at a time, a call takes a second by the median. The best known is the least of the published policies (those
that linger among them), of so many randomised ones and of ours, for each seed by itself. `declared`: strategies say
whom they will ask; `learned`: nobody does, and the engine knows what problems before have asked, of which there are
none when it begins. The policy was chosen on the seeds 0 to 14, and of its terms those that 0 to 59 bear out. Nothing
here depends on how fast the machine is.

The exit status is 0 where the medians are within 5 %: where it is declared of all settings, and where it is learned of
all but C and E. In E each model is as likely as others to be asked next, in C each of a problem's own three, so that
there is nothing to be learned, and the luckiest of so many random orders is a little further ahead.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from multiprocessing import Pool

from tests.engine.schedules import PUBLISHED, SETTINGS, Compared, compared

_MOST = 1.05
_FOUR = "H"
_BY_CHANCE = ("C", "E")
"""Settings in which what was asked before does not tell what will be."""
_TOLD = {**SETTINGS, _FOUR: "as E, over 4 models in all"}


def measured(trials: int, job: tuple[str, int]) -> Compared:
    """One seed of a setting."""
    setting, seed = job
    if setting == _FOUR:
        return compared("E", seed, trials=trials, models=4)
    return compared(setting, seed, trials=trials)


def median(ratios: Iterable[float]) -> float:
    return statistics.median(ratios)


def shown(setting: str, found: Sequence[Compared]) -> bool:
    """Prints one setting; whether the policy is as good as it is to be."""
    declared = [each.ratio(declared=True) for each in found]
    learned = [each.ratio(declared=False) for each in found]
    loads = median(each.mine[True].loads for each in found)
    to_bound = median(each.mine[True].seconds / each.bound for each in found)
    print(
        f"{setting}  {_TOLD[setting]:40} {median(declared):8.3f} {max(declared):7.3f} {median(learned):8.3f} "
        f"{max(learned):7.3f} {median(each.chance / each.best for each in found):7.3f} {to_bound:7.3f} {loads:6g}",
        flush=True,
    )
    return median(declared) <= _MOST and (setting in _BY_CHANCE or median(learned) <= _MOST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--trials", type=int, default=200, help="randomised orders for each seed")
    asked = parser.parse_args()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    print(f"seeds {seeds[0]} to {seeds[-1]}, {asked.trials} randomised orders each; seconds to the best known")
    print(f"{'':43} {'declared':>16} {'learned':>16} {'chance':>7} {'declared':>14}")
    print(f"{'':43} {'median':>8} {'max':>7} {'median':>8} {'max':>7} {'median':>7} {'/bound':>7} {'loads':>6}")
    good, all_found = True, dict[str, Sequence[Compared]]()
    with Pool() as pool:
        for setting in _TOLD:
            jobs = [(setting, seed) for seed in seeds]
            all_found[setting] = pool.map(partial(measured, asked.trials), jobs, chunksize=1)
            good = shown(setting, all_found[setting]) and good
    print(f"\n{'published, medians':43} " + " ".join(f"{setting:>7}" for setting in all_found))
    for name in PUBLISHED:
        row = (median(each.published[name] / each.best for each in found) for found in all_found.values())
        print(f"{name:43} " + " ".join(f"{ratio:7.3f}" for ratio in row))
    sys.exit(not good)


if __name__ == "__main__":
    main()
