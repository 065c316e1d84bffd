"""Skills: what tells questions apart, how well each expert does with each, and who is recruited for a question."""

from .keywords import kept, keywords_in, tidied
from .lexicon import skills_told
from .matching import Matching, Nearest, matched
from .profile_file import parse_profiles, read_profiles, text_of
from .profiles import Aggregation, ExpertProfile, SkillProfiles, Tagging, Tally, Trimming, declared
from .ratings import Ratings
from .recruiting import Draw, Recruited, Rules, recruited
from .trimming import trimming_of, without_rare
from .weights import Weighting, shares, weights

__all__ = [
    "Aggregation",
    "Draw",
    "ExpertProfile",
    "Matching",
    "Nearest",
    "Ratings",
    "Recruited",
    "Rules",
    "SkillProfiles",
    "Tagging",
    "Tally",
    "Trimming",
    "Weighting",
    "declared",
    "kept",
    "keywords_in",
    "matched",
    "parse_profiles",
    "read_profiles",
    "recruited",
    "shares",
    "skills_told",
    "text_of",
    "tidied",
    "trimming_of",
    "weights",
    "without_rare",
]
