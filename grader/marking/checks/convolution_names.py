r"""Which kernel and image a name means: 'K_x * I_A', '$\mathbf{K}_y \ast I_B$', `conv_xA`, `results['x', 'A']`."""

from __future__ import annotations

import re

Pair = tuple[str, str]
"""Letter of the kernel ('x'), letter of the image ('a')."""

_LATEX = re.compile(r"\\(?:math\w+|text\w*|vec|bm|boldsymbol|hat|left|right|underline|operatorname)|[{}$`\\]")
_SIGNS = re.compile(r"\\(?:ast|star|circledast|otimes|cdot|times|quad|qquad)")
_KERNEL = r"(?:k|kern|kernel|sobel|filter)[\s_]*-?(?P<k{n}>[xy])"
_IMAGE = r"(?:i|im|img|image|bild)[\s_]*-?(?P<i{n}>[ab])"
_BETWEEN = r"[^\n\w]{0,8}(?:\b(?:conv\w*|with|mit|and|und|on|auf|of|x)\b)?[^\n\w]{0,8}"
_FORMS = (
    rf"{_KERNEL}{_BETWEEN}{_IMAGE}(?![a-z])",
    rf"{_IMAGE}{_BETWEEN}{_KERNEL}(?![a-z])",
    rf"{_KERNEL}\s*\*\s*(?P<i{{n}}>[ab])(?!\w)",
    r"(?P<k{n}>[xy])\s*\*\s*(?P<i{n}>[ab])(?!\w)",
    r"(?P<i{n}>[ab])\s*\*\s*(?P<k{n}>[xy])(?!\w)",
)
_WRITTEN = re.compile(
    "|".join(rf"(?<![a-z]){form.replace('{n}', str(n))}" for n, form in enumerate(_FORMS)), re.IGNORECASE
)
_PREFIX = r"(?:k|kern|kernel|sobel|filter|conv|c|res|result|f|out|r|s|m)?"
_IMAGE_PREFIX = r"(?:i|im|img|image|bild)?"
_TOKENS = (
    (re.compile(rf"{_PREFIX}([xy]){_IMAGE_PREFIX}([ab])"), "ki"),
    (re.compile(rf"(?:conv|c|res|result|out)?{_IMAGE_PREFIX}([ab])(?:k|kernel|sobel)?([xy])"), "ik"),
    (re.compile(rf"{_PREFIX}([xy])"), "k"),
    (re.compile(rf"(?:conv|c|res|result|out)?{_IMAGE_PREFIX}([ab])"), "i"),
)


def of_variable(name: str) -> tuple[str, str]:
    """(kernel letter, image letter) of a variable, key or target; '' where it does not say."""
    kernels: list[str] = []
    images: list[str] = []
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    for whole, parts in ((True, re.findall(r"[A-Za-z]+", name)), (False, re.findall(r"[A-Za-z]+", spaced))):
        kernels, images = [], []
        for token in parts:
            for pattern, order in _TOKENS:
                match = pattern.fullmatch(token.lower())
                if match:
                    letters = dict(zip(order, match.groups(), strict=True))
                    kernels += [letters["k"]] if "k" in letters else []
                    images += [letters["i"]] if "i" in letters else []
                    break
        if whole and kernels and images:
            break
    return (
        kernels[0] if len(set(kernels)) == 1 else "",
        images[0] if len(set(images)) == 1 else "",
    )


def in_text(text: str) -> list[Pair]:
    """Every convolution that a text names, in order."""
    plain = _LATEX.sub("", _SIGNS.sub("*", text).replace("\\*", "*").replace("∗", "*"))
    pairs = []
    for match in _WRITTEN.finditer(plain):
        letters = {name[0]: letter.lower() for name, letter in match.groupdict().items() if letter}
        pairs.append((letters["k"], letters["i"]))
    return pairs or [pair for word in re.findall(r"\w{2,30}", plain) for pair in _spelt(word)]


def _spelt(word: str) -> list[Pair]:
    """A word such as KxIA or conv_xA; 'by' and 'ax' are words of other kinds."""
    kernel, image = of_variable(word)
    marked = bool(re.search(r"[AB]", word)) or {"k", "i"} <= set(word.lower())
    return [(kernel, image)] if kernel and image and marked else []


def before(text: str, blocks: int = 1) -> list[Pair]:
    """Names of `blocks` matrices that follow a text: from the last lines that name any; [] when it is not clear."""
    lines = [line for line in text.split("\n") if re.search(r"[A-Za-z]", line)]
    for line in reversed(lines[-3:]):
        pairs = in_text(line)
        distinct = list(dict.fromkeys(pairs))
        if len(distinct) == blocks:
            return distinct
        if distinct:
            return []
    return []
