"""Figures as students state them, each with the outcome that a careful person gives, decided before the grader was looked at.

A case is what stands under the label of 1d, 1f or 1g ('' where nothing is labelled): Markdown, or code with what it
prints. The network of 1d has 8070 parameters; the one of 1f reached 0.776 on the training and 0.771 on the test set;
1g asks for the default rate, 0.01. Every second case was put aside until the rules were done.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One way to state a figure."""

    right: str
    """Outcomes that a careful person may give, the fairest first."""
    text: str = ""
    code: str = ""
    printed: str = ""
    labelled: bool = True


def said(right: str, text: str, *, labelled: bool = True) -> Figure:
    return Figure(right, text, labelled=labelled)


def coded(right: str, code: str, printed: str = "", *, labelled: bool = True) -> Figure:
    return Figure(right, code=code, printed=printed, labelled=labelled)


COUNTS = (
    # right answers, plain and worked out
    said("passed", "8070"),
    said("passed", "The network has 8.070 trainable parameters."),
    said("passed", "7850 + 110 + 110 = 8070"),
    said("passed", "Hidden 1: 7850\n\nHidden 2: 110\n\nOutput: 110\n\nInsgesamt: 8070"),
    said("passed", "784·10 = 7840 weights and 10 biases, 10·10 + 10 = 110, twice. So 8070."),
    said("passed", "7840 + 100 + 100 = 8040 weights, plus 30 biases: 8040 + 30 = 8070"),
    said("passed", "First I thought 7960, but with all biases it is 8070."),
    said("passed", "Nicht 8040, sondern 8070, weil jede Einheit einen Bias hat."),
    said("passed", "7850 + 110 = 7960, 7960 + 110 = 8070"),
    said("passed", "Without biases 8040, with biases **8070** parameters."),
    said("passed", "8070 parameters. The batch size is 2048 and there are 60000 images."),
    said("passed", "It has 8070 parameters, the network of h) 55050 and the one of 3 c) 3330."),
    coded("passed", "a = 784*10 + 10\nb = 10*10 + 10\nc = 10*10 + 10\nprint(a, b, c, a + b + c)", "7850 110 110 8070"),
    coded("passed", "total = (784 + 1) * 10 + 2 * (10 + 1) * 10"),
    coded("passed", "# 1. Schicht 7850, 2. Schicht 110, 3. Schicht 110, zusammen 8070"),
    coded("passed", "n_params = 8070\nprint(n_params)", "8070"),
    said("passed", "The network has 8070 parameters in all.", labelled=False),
    coded("passed", "print('Parameters by hand:', 784*10 + 10 + 2*110)", "Parameters by hand: 8070", labelled=False),
    coded("passed", "w = 784*10 + 10*10 + 10*10\nb = 10 + 10 + 10\nprint(w + b)", "8070"),
    said("passed", "| layer | parameters |\n|---|---|\n| 1 | 7850 |\n| 2 | 110 |\n| 3 | 110 |\n| total | 8070 |"),
    said("passed", "I guessed 8000 at first; the answer is 8070."),
    coded("passed", '"""\nAnzahl der Parameter: 8070\n"""'),
    # guesses
    said("failed", "7960 or 8060 or 8070"),
    said("failed", "8070 oder 8060 oder 8040 Parameter"),
    said("failed", "Parameters: 8040 / 8070"),
    coded("failed", "print('parameters:', 7960, 'or', 8060, 'or', 8070, 'or', 7850)", "parameters: 7960 or 8060 or 8070 or 7850"),
    coded("failed", "print(8000, 8010, 8020, 8030, 8040, 8050, 8060, 8070)", "8000 8010 8020 8030 8040 8050 8060 8070"),
    coded("failed", "print(8050)\nprint(8060)\nprint(8070)\nprint(8080)", "8050\n8060\n8070\n8080"),
    said("failed needs_review", "It could be 8060. Or it could be 8070. Or it could be 8080."),
    said("failed needs_review", "total: 8060\n\ntotal: 8070\n\ntotal: 8080"),
    coded("failed", "for n in range(8000, 8100):\n    print(n)", "\n".join(map(str, range(8000, 8100)))),
    coded("failed", "guesses = [7960, 8040, 8060, 8070]"),
    said("failed", "total: 8070 or 8060 or 7960"),
    said("failed needs_review", "There are 8060 parameters.\n\nThere are 8070 parameters."),
    said("failed", "8070? 8060? 8050?"),
    said("failed", "Either 8070 or 8080, the answer is 8080."),
    # no answers: settings, shapes, counts that Keras told
    coded("missing", "model.fit(x, y, batch_size=8070)", labelled=False),
    coded("missing", "model.fit(x, y, batch_size=8070)"),
    coded("missing", "subset = x_train[:8070]", labelled=False),
    coded("missing", "BATCH = 8070", labelled=False),
    coded("missing", "np.zeros((8070, 784))", labelled=False),
    coded("missing", "model.summary()", " Total params: 8,070 (31.52 KB)\n Trainable params: 8,070 (31.52 KB)"),
    coded("missing", "print(model.count_params())", "8070"),
    said("missing", "I looked at image 8070 of the test set.", labelled=False),
    # wrong ones
    said("failed", "8040 parameters"),
    said("partial", "7850 + 110 + 110 = 8060"),
    said("failed", "There are 9000 parameters in total."),
    said("failed", "8070 was my first thought, but the correct number is 8060."),
)  # fmt: skip

CLAIMS = (
    # borne out
    said("passed", "Training accuracy 0.776, test accuracy 0.771."),
    said("passed", "Trainingsgenauigkeit 77,6 %, Testgenauigkeit 77,1 %"),
    coded("passed", "print('train', 0.776, 'test', 0.771)", "train 0.776 test 0.771"),
    said("passed", "| set | accuracy |\n|---|---|\n| training | 77.6 % |\n| test | 77.1 % |"),
    said("passed", "Train 0.78, test 0.77. Guessing would give 10 %."),
    said("passed", "Training 0.776 and test 0.771; the sheet has 0.768 and 0.771."),
    said("passed", "train acc 0.776, test acc 0.771, so the gap is 0.5 %"),
    said("passed", "In three runs the test accuracy was between 0.74 and 0.79, the training accuracy 0.78."),
    said("passed", "After the first epoch the training accuracy is 0.55, after the third 0.776; test 0.771."),
    said("passed", "Training accuracy 0.776, test accuracy 0.771. A CNN would reach 92 %."),
    # the words say another figure than the output
    Figure("failed partial", "The test accuracy is 97 %, the training accuracy 98 %.", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("failed partial", "Die Genauigkeit auf den Testdaten beträgt 0,96.", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("failed partial", "My network reaches an accuracy of 97 %.", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("failed partial", "Test: 95 %", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("failed partial", code="# train accuracy 0.97, test accuracy 0.96\nreport()", printed="train accuracy 0.776, test accuracy 0.771"),
    coded("failed partial", "report()\nprint('test accuracy: 97 %')", "train accuracy 0.776, test accuracy 0.771\ntest accuracy: 97 %"),
    Figure("failed partial", "| | train | test |\n|---|---|---|\n| accuracy | 0.98 | 0.97 |", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("failed partial", "The accuracies are 0.95 (training) and 0.94 (test).", "report()", "train accuracy 0.776, test accuracy 0.771"),
    said("failed", "Training accuracy 0.97, test accuracy 0.96."),
    said("failed partial needs_review", "The test accuracy is 0.771. The training accuracy is 0.776. All in all my test accuracy is 97 %."),
    # both true and printed
    Figure("passed", "The accuracies are about 78 % (training) and 77 % (test).", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("passed", "It works well.", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("passed", "Only 10 % would be right by chance.", "report()", "train accuracy 0.776, test accuracy 0.771"),
    Figure("passed", "The test accuracy is 20 % below what a CNN gets.", "report()", "train accuracy 0.776, test accuracy 0.771"),
)  # fmt: skip

RATES = (
    said("passed", "The default learning rate is 0.01."),
    said("passed", "0,01"),
    said("passed", "Default 0.01, half of it is 0.005."),
    said("passed", "I thought it was 0.001, but the default of SGD is 0.01."),
    said("passed", "The default is 0.01 (Adam has 0.001)."),
    said("failed needs_review", "0.1 or 0.01"),
    said("failed needs_review", "The default learning rate is 0.1, 0.01 or 0.001."),
    said("failed needs_review", "Standard: 0,01 oder 0,001"),
    coded("failed needs_review", "print('default rate', 0.1, 0.01, 0.001)", "default rate 0.1 0.01 0.001"),
    said("failed", "The default is 0.1."),
    said("missing", "Trained again at 0.005."),
    said("passed", "lr: 0.01 before, 0.005 now"),
)
