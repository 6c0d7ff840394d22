"""How a short text says things, in English or German: its sentences, what it denies, what is no statement at all."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_FOLDED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "’": "'", "×": "x"}
    | {"→": "->", "⇒": "->", "–": "-", "—": "-"}
)
_LONGEST = 400
"""Characters of a sentence that are read as one: patterns look far ahead, and nobody writes longer ones."""
_ABBREVIATED = re.compile(
    r"\b(?:i\.\s?e|e\.\s?g|z\.\s?b|d\.\s?h|u\.\s?a|vs|bzw|ca|resp|approx|etc|usw|evtl|ggf|incl|inkl)\.", re.IGNORECASE
)
_END = re.compile(r"(?<=[.!?;])\s+|\n\s*\n|\n\s*[-*+•]\s+")
_MARKUP = re.compile(r"(?m)^\s*#+\s*|(?<!\d)\*|\*(?!\d)|[`$\\{}]")
_BORDER = re.compile(
    r"[,.](?!\d)|[;:()!?]|->|=>|\s[-/+|]\s|\b(?:and|und|but|aber|while|whereas|waehrend"
    r"|(?<!not )(?<!n't )because|(?<!nicht )weil|denn|since|sondern|so (?:that|dass|the|it|they|we|es)|sodass"
    r"|although|though|obwohl|therefore|thus|deshalb|daher|yet|doch|jedoch|otherwise|sonst|which)\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:no|not(?! only| just)|never|none|nothing|neither|nor|cannot|hardly|kein\w*|nicht(?! nur)|nichts|nie"
    r"|niemals|weder|kaum|ignor\w*|independent\w*|unabhaengig\w*|regardless|doubt\w*|bezweif\w*"
    r"|by no means|blind|insensitive|unempfindlich|unable|fails? to)\b|n't\b",
    re.IGNORECASE,
)
"""Denies what follows in its clause."""
_LACKS = re.compile(
    r"\b(?:without|before|vor|lacks?|lacking|ohne|instead of|rather than|statt|anstatt|fehlt)\W+(?:\w+\W+)?$",
    re.IGNORECASE,
)
"""Denies the next words only: 'without scaling the gradients are large'."""
_DISMISSED = re.compile(
    r"\b(?:not|nicht|kein\w*|no|n't|hardly|kaum)\s+(?:\w+\s+)?(?:matter|important|relevant|necessary|needed|wichtig"
    r"|noetig|notwendig|wesentlich|true|the (?:case|reason|cause)|der (?:fall|grund)|wahr|zu)\b"
    r"|\b(?:nothing|nichts)\b.{0,20}\b(?:to do|zu tun)\b|\bhaengt nicht|\b(?:no|keine) (?:role|rolle)\b"
    r"|\birrelevant|\bunwichtig|\begal\b"
    r"|\bunnecessary|\bueberfluessig|\bnicht\W*$",
    re.IGNORECASE,
)
"""Denies the whole clause: '… do not matter', and German sentences that end with 'nicht'."""
_QUESTION = re.compile(
    r"^\W*(?:(?:and|und)\s+)?(?:why|what|which|how|does|do|is|are|warum|wieso|weshalb|welche\w*|was|wie|bleib\w*|ist|sind|gibt)\b"
    r"[^:]*\?\W*$|^\W*(?:(?:state|say|tell)\s+)?(?:why|warum|wieso|weshalb)\b[^:,?]*$|^\W*(?:why|warum|wieso|weshalb)\W*$",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^\W*(?:compare|explain|describe|discuss|vergleichen sie|vergleiche|erklaeren sie|erklaere|begruenden sie"
    r"|begruende|beschreiben sie|beschreibe|diskutieren sie|nennen sie|sagen sie|geben sie|zeigen sie)\b",
    re.IGNORECASE,
)
_AT_A_LOSS = re.compile(
    r"\b(?:no idea|not sure|don't know|do not know|keine ahnung|weiss (?:ich )?(?:es )?nicht|unsure|unklar)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_ITEM = re.compile(r"[,;.\n/|]|\b(?:and|und|or|oder)\b", re.IGNORECASE)
_BINDING = (
    r"->|[=<>:+]|\b(?:an|the|of|to|in|on|at|for|from|with|by|is|are|was|were|be|been|has|have|had|do|does|did|it|its|they|their"
    r"|that|this|these|those|which|who|then|so|if|because|since|while|but|when|where|there|we|you|can|could|may|might|will"
    r"|would|should|must|despite|due|above|below|over|after|before|between|into|against|makes?|gives?|needs?|uses?|helps?"
    r"|learns?|finds?|gets?|reaches|keeps?|looks?|detects?|rises?|falls?|becomes?|leads?|causes?|means?|instead|vs|versus"
    r"|der|die|das|den|dem|des|ein\w?|eine\w|es|sie|er|ist|sind|war|hat|haben|wird|werden|im|auf|zum|zur|von|vom|mit|fuer|bei"
    r"|aus|dazu|sich|dass|weil|da|denn|wenn|diese\w?|durch|ueber|unter|zwischen|wurde\w?|kann|man|trotz|wegen|aber|ihre\w?"
    r"|seine\w?|statt|gegen|gegenueber|lernt|findet|finden|erkennt|erkennen|braucht|macht|machen|gibt|fuehrt|fuehren|bleibt"
    r"|steigt|sinkt|nutzt|verwendet|sieht|sehen|passt|nach|vor|bedeutet|bedeuten)\b"
)
"""What binds words into a statement: articles, prepositions, auxiliaries, frequent verbs, signs."""
_BOUND = re.compile(_BINDING, re.IGNORECASE)
_GLUE = re.compile(
    _BINDING
    + r"|%|\b[a-z]_?[xy]\b|\b[a-z]\b|\b(?:as|not?|all|each|every|only|just|still|yet|too|very|much|per|also|than|zu|als"
    r"|wie|nur|auch|noch|alle\w*|jede\w?|je|pro|sehr|etwas|viel|kein\w*|nicht|without|ohne)\b",
    re.IGNORECASE,
)
"""The same, and what lists of words hold as well: negations, degrees, names."""
_LISTED = 4
"""Chosen: items of one word from which on an enumeration is a list of words."""
_UNBOUND = 6
"""Chosen: words in a row with nothing to bind them from which on they are one."""


def fold(text: str) -> str:
    """Without umlauts, which comments often spell out, and typographic signs; patterns are folded in the same way."""
    return unicodedata.normalize("NFC", text).translate(_FOLDED)


@lru_cache(maxsize=64)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, folded, without the marks of comments and Markdown."""
    whole = _ABBREVIATED.sub(lambda found: found[0].replace(".", ""), _MARKUP.sub("", fold(text)))
    parts = [" ".join(part.split()) for part in _END.split(whole)]
    return tuple(p[i : i + _LONGEST] for p in parts for i in range(0, len(p), _LONGEST))


def statements(text: str) -> tuple[str, ...]:
    """Its sentences without those that only ask, or repeat what the sheet asks."""
    return tuple(
        s for s in sentences(text) if re.search(r"\w", s) and not (_QUESTION.match(s) or _INSTRUCTION.match(s))
    )


def denied(sentence: str, start: int, end: int) -> bool:
    """Whether what stands there is denied: by a negation before it in its clause, or of the whole clause."""
    first, last = _clause(sentence, start, end)
    negated = _NOT.search(sentence, first, end)
    return bool(negated or _LACKS.search(sentence[first:start]) or _DISMISSED.search(sentence[first:last]))


def doubtful(sentence: str, start: int, end: int) -> bool:
    """Whether a negation follows in the same clause: it may mean what stands there or only the rest."""
    return bool(_NOT.search(sentence, end, _clause(sentence, start, end)[1]))


def _clause(sentence: str, start: int, end: int) -> tuple[int, int]:
    """Where the clause or clauses of a passage begin and end."""
    borders = list(_BORDER.finditer(sentence))
    first = max((b.end() for b in borders if b.end() <= start), default=0)
    return first, min((b.start() for b in borders if b.start() >= end), default=len(sentence))


def clauses(sentence: str) -> tuple[tuple[int, int], ...]:
    """Where its clauses begin and end."""
    borders = [(0, 0), *((b.start(), b.end()) for b in _BORDER.finditer(sentence)), (len(sentence), len(sentence))]
    return tuple((end, start) for (_, end), (start, _) in pairwise(borders) if start > end)


def words(text: str, letters: int = 2) -> int:
    """How many words of so many letters a text has."""
    return sum(len(word) >= letters for word in _WORD.findall(text))


def is_word_list(text: str) -> bool:
    """Key words in a row, with nothing said of them."""
    items = _items(text)
    single = sum(words(item) == 1 for item in items)
    enumerated = single >= _LISTED and 4 * single >= 3 * len(items)
    unbound = sum(words(item) for item in items if words(item) >= _UNBOUND and not _GLUE.search(item))
    return enumerated or 4 * unbound > 3 * words(text)


def is_terse(text: str) -> bool:
    """Hardly more than key words, in pairs at best: an answer in short, or words that sound like one."""
    items = _items(text)
    loose = [item for item in items if not _BOUND.search(item)]
    unbound = sum(words(item) for item in loose if words(item) >= _UNBOUND - 1)
    return (len(items) >= _LISTED - 1 and len(loose) == len(items)) or 4 * unbound > 3 * words(text)


def _items(text: str) -> list[str]:
    return [item for item in _ITEM.split(_MARKUP.sub("", fold(text))) if words(item)]


def is_at_a_loss(text: str) -> bool:
    """It says that its writer does not know."""
    return bool(_AT_A_LOSS.search(fold(text)))
