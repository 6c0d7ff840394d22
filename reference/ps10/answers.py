"""The written answers, in our own words, with the points that a good answer touches.

Patterns are regular expressions, case ignored, in English and German. They only *suggest* to the person who
marks the answer, so they may be generous; `[^.]` keeps a pattern within a sentence where word order matters.
"""

from __future__ import annotations

from grader.rubric.expected import AnswerPoint, WrittenAnswer

_LARGE = r"(?:large|larger|big|bigger|high|higher|huge|great|gro(?:ß|ss)\w*|hoh\w*|höher\w*)"
_FAST = r"(?:fast|faster|quick|quicker|quickly|sooner|speed\w*|schnell\w*|zügig\w*|beschleunig\w*)"
_FEW = r"(?:few|fewer|less|small|smaller|wenig\w*|gering\w*|klein\w*)"
_MORE = r"(?:more|many|larger|bigger|mehr|viele\w*|größer\w*)"


def _any(words: str) -> str:
    r"""One of the words; a blank inside one is written `\s`."""
    return f"(?:{'|'.join(words.split())})"


def _near(*words: str, within: int = 80) -> str:
    """All the words in this order, each within so many characters of the one before, in one sentence."""
    return rf"[^.]{{0,{within}}}?".join(words)


_SCALING = WrittenAnswer(
    text="""\
The update of a weight is proportional to the input that the weight multiplies. With grey values up to 255 the
weighted sums, the errors and therefore the **gradients are large**: at a given learning rate the steps of the
backward pass **overshoot** the minimum, or the units are driven to where they saturate and learn nothing. Scaled
to [0, 1] the inputs suit the initial weights and the learning rate, all have the same range, training
**converges faster** and more steadily, and gradients are less likely to **vanish or explode** on their way
through the layers.""",
    points=(
        AnswerPoint(
            "Large inputs make large weighted sums, errors or gradients, and so large updates.",
            (
                _near(_LARGE, r"(?:gradient|update|step|error|activation|sum|loss|fehler|schritt|aktivierung|weight)"),
                _near(r"(?:gradient|update|step|error|activation|sum|fehler|schritt|aktivierung)\w*", _LARGE),
            ),
        ),
        AnswerPoint(
            "Updates then overshoot, oscillate or drive units into saturation: training is unstable.",
            (r"over-?shoot|satur|sättig|oscillat|oszill|diverg|unstable|instab|stabil|stable|überschie|über das ziel",),
        ),
        AnswerPoint(
            "Scaled inputs converge faster (one learning rate and the initial weights suit them all).",
            (
                _near(r"(?:converg|konverg|learn|train|optimi|lern)\w*", _FAST),
                _near(_FAST, r"(?:converg|konverg|learn|train|optimi|lern)"),
                _any(r"same similar common comparable gleiche\w* ähnliche\w* einheitliche\w*")
                + r"\s"
                + _any("scale range order skala bereich größenordnung"),
            ),
        ),
        AnswerPoint(
            "It helps against vanishing and exploding gradients.",
            (r"vanish|explod|explosion|verschwind|explodier",),
        ),
    ),
)

_OUTPUT = WrittenAnswer(
    text="""\
Fashion-MNIST has **ten classes**, and the output layer has **one unit for each**. Softmax turns the ten values
into **probabilities** that add up to one; the predicted class is the unit with the largest. (The labels
themselves are integers from 0 to 9: sparse categorical cross-entropy uses them as the index of the right unit.)""",
    points=(
        AnswerPoint(
            "There are ten classes, one output unit for each.",
            (
                r"(?:ten|10|zehn)\s+(?:\w+\s+){0,3}?(?:class|categor|label|klasse|kategorie|type|kind|arten|item)",
                _near(r"(?:class|categor|label|klasse|kategorie)\w*", r"\b(?:ten|10|zehn)\b", within=40),
                _near(r"\b(?:one|each|every|per|ein\w*|jede\w*|pro)\b", r"(?:class|categor|label|klasse|kategorie)"),
            ),
        ),
        AnswerPoint(
            "Each unit gives the probability (or score) of its class; the largest is the prediction.",
            (r"probab|wahrscheinlich|likelihood|confiden|score|arg ?max|softmax",),
        ),
    ),
    misleading=(
        AnswerPoint(
            "Says that the labels are one-hot. The sheet says so itself, but for this loss they are integers: "
            "no reason to deduct, worth a remark.",
            (
                r"(?:label|target|klasse|class)\w*\s+(?:are|is|sind|ist)\s+(?:(?!no|nicht|kein)\w+\s+)?one[- ]?hot",
                r"(?:because|since|due to|weil|da|wegen)\s+(?:of\s+)?(?:the\s+|der\s+|des\s+|die\s+)?one[- ]?hot",
            ),
        ),
    ),
)

_SIZES = WrittenAnswer(
    text="""\
With hidden layers of 64 the network has 55,050 parameters, **almost seven times** the 8,070 of the small one, and
it is **more accurate** on training and test items alike (about 0.81 against 0.78 on the test set after three
epochs): it has the capacity for finer distinctions. The gain is **small compared with the cost**: seven times as
many parameters for a few percentage points. Training and test accuracy stay close, so it does not overfit yet.""",
    points=(
        AnswerPoint(
            "Compares the sizes: 55,050 against 8,070, about seven times as many.",
            (
                r"55[.,  ']?050",
                r"(?:seven|7|6[.,]8|sieben)\s*[- ]?(?:times|fold|x\b|×|mal|fach)",
                _near(_MORE, r"(?:param|weight|gewicht)"),
                _near(r"(?:param|weight|gewicht)\w*", _MORE, within=40),
            ),
        ),
        AnswerPoint(
            "Compares the accuracies: the larger network is better, as it has more capacity.",
            (
                _any(r"better higher increas improv more\saccurate capacity express"),
                _any("besser höher gestiegen steigt genauer verbesser kapazität"),
            ),
        ),
        AnswerPoint(
            "Weighs one against the other: many more parameters for a few points of accuracy.",
            (
                r"(?:only|just|slight|small|little|marginal|few|nur|kaum|leicht|wenig|gering)\w*[^.]{0,60}(?:better|higher|gain|improv|increase|percent|%|point|besser|höher|prozent|punkt|verbesser|gewinn)",
                r"(?:proportion|diminish|trade-?off|cost|longer|slower|länger|langsamer|aufwand|verhältnis|lohn)",
            ),
        ),
    ),
)

_DIVERGES = WrittenAnswer(
    text="""\
With a third of the examples there are fewer constraints on 55,050 parameters: the network can **fit the particular
examples** it has seen, peculiarities included (overfitting), and training accuracy rises above test accuracy. That
matters, because **what counts is unseen items**: only the test accuracy tells how well the network generalises.
In three epochs the **gap stays small**, of a size with the spread between runs, and its sign changes from run to
run; both accuracies are lower than before because an epoch now has a third of the updates. It would open with more
epochs.""",
    points=(
        AnswerPoint(
            "Reports what was seen in the own run: the two part, or there is no clear gap after three epochs.",
            (
                r"\bgap\b|diverg|differ|deviat|apart|unterschied|abweich|auseinander|differenz|lücke|discrepan",
                _near(
                    r"(?:train|test|valid)\w*",
                    r"(?:higher|lower|larger|smaller|better|worse|höher|niedriger|größer|kleiner|besser|schlechter)",
                ),
            ),
        ),
        AnswerPoint(
            "Why: with fewer examples the network can fit the particular ones (overfitting); or, where there is no "
            "gap: three epochs are too few to overfit.",
            (
                r"over-?fit|überanpass|memori|auswendig|particular|speziell\w* (?:beispiel|daten)",
                _near(_FEW, r"(?:example|sample|data|item|image|beispiel|daten|bilder|epoch|update)"),
            ),
        ),
        AnswerPoint(
            "What counts is how the network does on unseen items: the test accuracy.",
            (
                r"unseen|generali[sz]|new (?:data|item|image|example)",
                r"unbekannt|ungesehen|neue\w* (?:daten|bilder|beispiele)|verallgemein",
            ),
        ),
    ),
)

_BOOTS = WrittenAnswer(
    text="""\
Most of the wrong ones are **sneakers and sandals**. Those that the network takes for ankle boots have a **high
shaft or a high heel**: the same **silhouette**, filling the same pixels. At 28×28 grey pixels hardly anything but
the outline is left to tell them apart, and a fully connected network compares pixels by place, so a sneaker drawn
higher than usual looks like a boot.""",
    points=(
        AnswerPoint(
            "Names what they really are: sneakers and sandals.",
            (r"sneaker|sandal|turnschuh|trainer|sportschuh|\bshoes?\b|\bschuhe?\b|pump|heel|bag|tasche",),
        ),
        AnswerPoint(
            "Why they are taken for boots: same silhouette, a high shaft or heel.",
            (
                r"silhouette|shape|outline|contour|shaft|high[- ]?top|ankle[- ]high",
                r"umriss|kontur|schaft|form\b|profil|knöchel",
                r"look|seem|resembl|similar|alike|sehen|ähnlich|ähnel",
            ),
        ),
    ),
)

_FEATURES = WrittenAnswer(
    text="""\
K_x compares what is left of a pixel with what is right of it and so finds **vertical edges**; it ignores horizontal
ones (K_x * I_B = 0). K_y compares above with below and finds **horizontal edges** (K_y * I_A = 0). They are the
**Sobel** kernels: a derivative in one direction, smoothed with weights 1, 2, 1 in the other. The sign tells whether
the image gets brighter or darker.""",
    points=(
        AnswerPoint(
            "K_x finds vertical edges.",
            (
                _near(r"K_?\{?x\}?", r"(?:vertical|vertikal|senkrecht)", within=120),
                _near(r"(?:vertical|vertikal|senkrecht)\w*", r"K_?\{?x\}?", within=60),
                _near(r"\b(?:first|erste\w*)\b", r"(?:vertical|vertikal|senkrecht)", within=60),
            ),
        ),
        AnswerPoint(
            "K_y finds horizontal edges.",
            (
                _near(r"K_?\{?y\}?", r"(?:horizont|waage?recht)", within=120),
                _near(r"(?:horizont|waage?recht)\w*", r"K_?\{?y\}?", within=60),
                _near(r"\b(?:second|zweite\w*)\b", r"(?:horizont|waage?recht)", within=60),
            ),
        ),
    ),
    misleading=(
        AnswerPoint(
            "Has the directions the other way round (the derivative along x is large at a *vertical* edge).",
            (
                r"K_?\{?x\}?(?:(?!K_?\{?y|vertical|vertikal|senkrecht|and|und)[^.,;]){0,80}(?:horizontal|waage?recht)\w*\s+(?:edge|line|kante|linie|structure|struktur)",
                r"K_?\{?y\}?(?:(?!K_?\{?x|horizont|waage?recht|and|und)[^.,;]){0,80}(?:vertical|vertikal|senkrecht)\w*\s+(?:edge|line|kante|linie|structure|struktur)",
            ),
        ),
    ),
)

_CNN_ACCURACY = WrittenAnswer(
    text="""\
At the same batch size the convolutional network reaches **about the accuracy of the small dense network** (0.81 on
the test set at Keras' default of 32) and a little less than the large one (0.83), with far fewer parameters.
**Training and test accuracy stay together**: in three epochs no gap opens. Both come from what is built in: units
look at **small neighbourhoods** only, and **share their weights** over all positions, so that a feature learned in
one place is known in all others. The network need not learn this from examples, and it has less freedom to fit
particular ones.""",
    points=(
        AnswerPoint(
            "Compares the accuracies with those of the dense network.",
            (
                r"better|higher|lower|worse|similar|increas|improv|more accurate|about the|comparable",
                r"besser|höher|niedriger|schlechter|ähnlich|vergleichbar|verbesser",
            ),
        ),
        AnswerPoint(
            "Says whether a gap between training and test accuracy remains.",
            (
                r"\bgap\b|diverg|differen|over-?fit|generali[sz]|close to|together",
                r"unterschied|lücke|abweich|überanpass|verallgemein|auseinander",
            ),
        ),
        AnswerPoint(
            "Why: local connections and shared weights are a built-in bias that suits images.",
            (
                r"\blocal|neighbou?r|nearby|adjacent|spatial|lokal|nachbar|benachbart|räumlich|receptive|rezeptiv",
                r"shar\w+[^.]{0,20}weights?|weights?[^.]{0,20}shar|translation|invarian|\bprior|inductive|\bbias\b",
                r"geteilte|gemeinsame\w* gewicht",
                r"feature|pattern|edge|merkmal|muster|kante|kernel|filter",
            ),
        ),
    ),
)

_CNN_SIZE = WrittenAnswer(
    text="""\
3,330 parameters are **less than half** of the 8,070 of the small dense network and **a sixteenth** of the 55,050 of
the large one, at a comparable accuracy. A convolution has one small kernel for all positions (**shared weights**),
whatever the size of the image: 160 and 1,160 parameters. Most of the rest, 2,010, are in the dense output layer;
pooling has none but makes that layer small.""",
    points=(
        AnswerPoint(
            "Fewer parameters than the dense networks (8,070 and 55,050).",
            (
                _near(_FEW, r"(?:param|weight|gewicht|than|als)"),
                r"(?:half|hälfte|sixteen|sechzehn|16|17|factor|faktor|times|mal)\b",
                r"8[.,  ']?070|55[.,  ']?050",
            ),
        ),
        AnswerPoint(
            "Why: kernels are small and shared by all positions.",
            (r"shar(?:e|ing)|geteilt|gemeinsam|same weight|gleiche\w* gewicht|\blocal|lokal|kernel|filter",),
        ),
        AnswerPoint(
            "And yet the accuracy is comparable or better.",
            (r"accura|genauigkeit|perform|besser|better|comparable|vergleichbar|similar|ähnlich",),
        ),
    ),
)

_STRIDES = WrittenAnswer(
    text="""\
With stride 2 a convolution is computed **at every second position in both directions only**: 13×13 instead of 26×26
positions in the first layer, a quarter of the work, and the second layer starts from these. **The pooling layers are
gone** as well, and with them values that were computed only to be thrown away. It is faster although there are
**more parameters** (4,210 against 3,330): the time goes into positions times kernel size, not into the number of
weights.""",
    points=(
        AnswerPoint(
            "The convolutions are computed at fewer positions (about a quarter).",
            (
                _near(
                    r"(?:stride|schrittweite)\w*",
                    r"(?:few|less|skip|half|quarter|second|every|reduc|smaller|wenig|halb|viertel|zweite|jede|kleiner|überspring)",
                ),
                _near(
                    _FEW,
                    _any(
                        r"""position comput operation calcul convolution multipl pixel window output feature\smap
                        berechnung rechen faltung"""
                    ),
                ),
                r"(?:skip|every (?:second|other)|jede\w* zweite)",
            ),
        ),
        AnswerPoint(
            "There is no pooling to compute.",
            (
                _near(
                    r"\b"
                    + _any(
                        r"no without remov\w+ omit\w* drop\w* instead\sof kein\w* ohne entf\w+ weg\w+ fehl\w+ statt"
                    ),
                    "pool",
                    within=30,
                ),
                r"pool\w*[^.]{0,40}(?:remov|omit|gone|missing|not |entf|weg|fehl|drop|replac)",
            ),
        ),
        AnswerPoint(
            "Although it has more parameters: computation counts, not the number of weights.",
            (
                r"4[.,  ']?210",
                _near(
                    r"(?:although|even though|despite|though|but|while|obwohl|trotz|aber)", r"(?:param|weight|gewicht)"
                ),
                _near(_MORE, r"(?:param|weight|gewicht)", within=30),
            ),
        ),
    ),
    misleading=(
        AnswerPoint(
            "Says that there are fewer parameters: there are more (4,210 against 3,330).",
            (r"(?<!not )(?<!nicht )(?:few|fewer|less|reduc\w+|weniger)\s+(?:\w+\s+){0,2}?(?:param|weights|gewichte)",),
        ),
    ),
)

_ADAM = WrittenAnswer(
    text="""\
Adam gives **every weight its own step**: it divides by a running root mean square of that weight's gradients
(as RMSProp does), so weights with small or rare gradients still move, and it adds **momentum**, a running mean of
the gradients that keeps its direction and averages noise. In the same three epochs it gets **much further than plain
SGD** at its fixed small rate: about 0.86 against 0.81 on the test set. SGD is not at its end by then; it is slower.""",
    points=(
        AnswerPoint(
            "The step is adapted for each weight.",
            (
                r"adapt|individual|(?:per|each|every)[- ](?:weight|parameter)|own (?:learning )?(?:rate|step)",
                r"anpass|angepass|individuell|jede\w* (?:gewicht|parameter)",
            ),
        ),
        AnswerPoint(
            "Momentum and RMS scaling of the gradients are combined.",
            (r"moment|\brms|running (?:mean|average)|moving average|varian|ada ?grad|squared gradient|gleitend",),
        ),
        AnswerPoint(
            "It therefore gets further in the same three epochs.",
            (
                _near(r"(?:converg|konverg|learn|train|lern|minim|optim)\w*", _FAST),
                _near(_FAST, r"(?:converg|konverg|learn|train|lern|minim|optim|than|als)"),
                r"further|weiter|(?:same|few|three|3|drei|gleiche\w*)\s+(?:number of\s+)?epoch",
                r"plateau|local minim|saddle|lokale\w* minim|sattel",
            ),
        ),
    ),
)

ANSWERS: dict[str, WrittenAnswer] = {
    "1b.why": _SCALING,
    "1c.output": _OUTPUT,
    "1h.compare": _SIZES,
    "1i.diverges": _DIVERGES,
    "1j.reason": _BOOTS,
    "2b.features": _FEATURES,
    "3b.compare": _CNN_ACCURACY,
    "3c.compare": _CNN_SIZE,
    "4a.why": _STRIDES,
    "4b.why": _ADAM,
}
