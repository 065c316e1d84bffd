"""The values that every part exchanges; all frozen, none knows how it is made."""

from .batch import HALF, Asked, BatchResult, BatchStanding, BatchTerms, Undecided
from .event import Event
from .expert import Expert, capacity_of
from .message import ImagePart, Json, JsonObject, Message, Part, TextPart, ToolCall
from .outcome import Answer, Candidate, Choice, Estimate, Outcome, Scored, StoppedBy, Usage, Verdict
from .prefix import Mark, PrefixCache
from .price import Price, PriceTier
from .problem import KINDS, LETTERS, Example, Kind, Problem, Prompt, Template
from .request import (
    Completion,
    FinishReason,
    Labels,
    Place,
    Reply,
    Request,
    Response,
    Sampling,
    Tokens,
    canonical,
)
from .vectors import packed, unpacked

__all__ = [
    "HALF",
    "KINDS",
    "LETTERS",
    "Answer",
    "Asked",
    "BatchResult",
    "BatchStanding",
    "BatchTerms",
    "Candidate",
    "Choice",
    "Completion",
    "Estimate",
    "Event",
    "Example",
    "Expert",
    "FinishReason",
    "ImagePart",
    "Json",
    "JsonObject",
    "Kind",
    "Labels",
    "Mark",
    "Message",
    "Outcome",
    "Part",
    "Place",
    "PrefixCache",
    "Price",
    "PriceTier",
    "Problem",
    "Prompt",
    "Reply",
    "Request",
    "Response",
    "Sampling",
    "Scored",
    "StoppedBy",
    "Template",
    "TextPart",
    "Tokens",
    "ToolCall",
    "Undecided",
    "Usage",
    "Verdict",
    "canonical",
    "capacity_of",
    "packed",
    "unpacked",
]
