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

# Further ones, thought of when the rules were there: not part of any figure.
SHOWN = ("report()", "train accuracy 0.776, test accuracy 0.771")
MORE_COUNTS = (
    said("passed", "7850, 110 and 110: sum 8,070"),
    said("failed", "First I thought 8070, but that is wrong. Final answer: 8040."),
    said("failed", "784 times 10, 10 times 10 twice: sum 8,040"),
    coded("missing", "buffer = np.zeros(8070)\nprint(buffer.shape)", "(8070,)", labelled=False),
    coded("missing", "print('shape', flat.shape)", "shape (60000, 8070)", labelled=False),
    coded("passed", "(7850, 110, 110, 7850 + 110 + 110)", "(7850, 110, 110, 8070)"),
    said("passed", "8070 parameters, trained with 5000 training images and 9000 official test items."),
    said("passed", "The first layer has 784*10+10=7850, the second 110, the output 110. In total this gives us 8070 parameters"),
    said("passed", "**8070**"),
    said("passed", "$(784+1)\\cdot 10 + 11\\cdot 10 + 11\\cdot 10 = 8070$"),
    said("passed", "There are 7,850 + 110 + 110 = 8,070 trainable parameters (31.5 KB)."),
    said("passed", "Layer 1: 784*10 + 10 = 7850\nLayer 2: 10*10+10 = 110\nLayer 3: 10*10 + 10 = 110\n=> 8070"),
    said("passed", "7850\n110\n110\n----\n8070"),
    said("passed", "8070 Parameter (Gewichte: 8040, Biases: 30)"),
    said("passed", "Weights: 7840+100+100=8040. Biases: 30. Total: 8070."),
    said("passed", "7840 + 10 + 100 + 10 + 100 + 10 = 8070"),
    said("passed", "d) 8070, which is what summary() says as well: 8070"),
    said("passed", "My first calculation was 8040 but I forgot the biases; the correct number is 8070"),
    said("passed", "8070 (not 7960 as I wrote before)"),
    said("passed", "~~8040~~ 8070"),
    said("passed", "I computed 8040 at first. That was wrong because of the biases. Now I get 8070."),
    said("passed", "The network has 8070 parameters, for 60000 images that is 0.13 per image. 2019 was a good year."),
    said("passed", "Input 784, hidden 10: 784 x 10 = 7840 weights + 10 bias = 7850; hidden 10 → 10: 100 + 10 = 110; output: 100 + 10 = 110; 7850 + 110 + 110 = 8070"),
    said("passed", "8'070"),
    said("passed", "8 070 Parameter"),
    said("failed", "7960, 8060, 8070"),
    said("failed", "8040 (or 8070)"),
    said("failed needs_review", "8070 or maybe 8060"),
    said("failed", "Possible answers: 8040, 8050, 8060, 8070"),
    said("failed", "a) 8040 b) 8060 c) 8070 d) 8080"),
    said("failed needs_review", "8040\n\n8060\n\n8070"),
    said("failed needs_review", "Answer: 8070\nAnswer: 8060"),
    said("failed", "The answer is 8070 or 8060."),
    said("failed", "**8060** or **8070**"),
    said("failed needs_review", "8060 = 8070"),
    said("failed needs_review", "between 8000 and 8100, perhaps 8070"),
    said("passed", "about 8000, exactly 8070"),
    said("passed", "8070 ≈ 8000"),
    said("passed needs_review", "The number of parameters is 8070; double the units and you get 16140-ish."),
    coded("passed", "# d) 7850 + 110 + 110\nprint(7850 + 110 + 110)", "8070"),
    coded("passed", "h1 = 784 * 10 + 10\nh2 = 10 * 10 + 10\nout = 10 * 10 + 10\nprint('params', h1 + h2 + out)", "params 8070"),
    coded("passed", "def count(i, o):\n    return i * o + o\nprint(count(784, 10) + count(10, 10) + count(10, 10))", "8070"),
    coded("passed", "sum([7850, 110, 110])", "8070"),
    coded("passed", "layers = [784, 10, 10, 10]\nn = 0\nfor a, b in zip(layers, layers[1:]):\n    n += a * b + b\nprint(n)", "8070"),
    coded("passed", "print(f'{784*10+10} + {10*10+10} + {10*10+10} = {784*10+10+2*(10*10+10)}')", "7850 + 110 + 110 = 8070"),
    coded("passed", "params = {'h1': 7850, 'h2': 110, 'out': 110}\nprint(sum(params.values()))", "8070"),
    coded("passed", "# I get 8070\nassert model.count_params() == 8070"),
    coded("passed", '"""8070"""'),
    coded("passed", "answer_d = 8070"),
    coded("failed needs_review", "for guess in [7960, 8040, 8060, 8070]:\n    print(guess)", "7960\n8040\n8060\n8070"),
    coded("failed", "a, b, c = 8060, 8070, 8080"),
    coded("failed", "print(*range(8065, 8075))", "8065 8066 8067 8068 8069 8070 8071 8072 8073 8074"),
    coded("failed needs_review", "# 8060\n# 8070\n# 8080"),
    coded("failed needs_review", "count1 = 8060\ncount2 = 8070\ncount3 = 8080"),
    coded("missing", "optimizer = SGD(8070)"),
    coded("missing", "x = x.reshape(8070, 28)"),
    coded("missing", "model.fit(x, y, batch_size=8070)"),
    coded("missing", "for i in range(8070):\n    pass"),
    coded("missing", "plt.imshow(x_test[8070])"),
    coded("missing", "np.random.seed(8070)"),
    coded("missing", "n = model.count_params()\nprint('Parameters:', n)", "Parameters: 8070"),
    coded("missing", "print('total', sum(np.prod(w.shape) for w in model.get_weights()))", "total 8070"),
)  # fmt: skip
MORE_CLAIMS = (
    Figure("failed partial", "I get 97 % on the test set.", *SHOWN),
    Figure("failed partial", "Test accuracy: .96", *SHOWN),
    Figure("failed partial", "Auf den Testdaten erreicht das Netz 95 Prozent.", *SHOWN),
    Figure("failed partial", "The final accuracies (train/test): 0.98/0.97", *SHOWN),
    Figure("failed partial", "val_accuracy = 0.9712", *SHOWN),
    Figure("failed partial", "acc: 0.98, val_acc: 0.97", *SHOWN),
    Figure("failed partial", "We reached about 97 percent accuracy.", *SHOWN),
    Figure("failed partial", "The network classifies 97% of the test images correctly.", *SHOWN),
    Figure("failed partial", "Trainingsgenauigkeit: 98,2 %, Testgenauigkeit: 97,4 %", *SHOWN),
    Figure("failed partial", "The test accuracy of my network is higher than 95 %.", *SHOWN),
    Figure("failed partial", "So the accuracy on unseen images is 96%, better than I hoped.", *SHOWN),
    Figure("failed partial", "only 3 % of the test images are wrong, i.e. 97 % accuracy", *SHOWN),
    Figure("failed partial needs_review", "Accuracy 0.97 (train), 0.771 (test)", *SHOWN),
    Figure("passed", "The training accuracy is 77.6 % and the test accuracy 77.1 %, far from the 99 % of MNIST.", *SHOWN),
    Figure("passed", "Train 0.776, test 0.771. Random guessing is 0.1.", *SHOWN),
    Figure("passed", "With 10 classes a random classifier has 10 % accuracy; we get 77 % on the test and 78 % on the training set.", *SHOWN),
    Figure("passed", "0.776 / 0.771", *SHOWN),
    Figure("passed", "77,6 % Training, 77,1 % Test", *SHOWN),
    Figure("passed", "The accuracy on the test set is 0.771 (the loss is 0.65) and 0.776 on the training set (loss 0.63)", *SHOWN),
    Figure("passed", "After epoch 1: train 0.55; after epoch 3: train 0.776, test 0.771", *SHOWN),
    Figure("passed", "I expected 90 %, but the test accuracy is only 77 % and the training accuracy 78 %.", *SHOWN),
    Figure("passed", "A test accuracy of 0.77 means that 23 % of the test images are misclassified. Train: 0.78", *SHOWN),
    Figure("passed", "Training accuracy 0.776, test accuracy 0.771. Dropout 0.5 would help.", *SHOWN),
    Figure("passed", "Ergebnis: Training 0,776 – Test 0,771. Shirts are right in only 50 % of the cases.", *SHOWN),
    Figure("passed", "The difference between training (77.6 %) and test accuracy (77.1 %) is small.", *SHOWN),
    Figure("passed", "training 0.776, test 0.771; the best Kaggle networks reach 96 %", *SHOWN),
)  # fmt: skip
MORE_RATES = (
    said("passed", "The default is 0.01 (I also used dropout 0.2)."),
    said("passed", "The default learning rate is 0.01, the momentum 0.5."),
    said("failed needs_review", "The default is 0.1. The default is 0.01."),
    said("passed", "Der Standardwert ist 0.01"),
    said("passed", "default = 1e-2; ich nehme jetzt 5e-3"),
    said("failed needs_review", "0.01/0.001/0.1"),
    said("failed needs_review", "The default is either 0.001 or 0.01."),
    said("passed", "The default of SGD is 0.01, of Adam 0.001."),
    said("passed", "0.01 → 0.005"),
    said("passed", "First I used the default of 0.01, then 0.005. Test accuracy was 0.7."),
    said("failed", "the default is 0.001"),
    said("passed", "not 0.001 but 0.01"),
    said("passed", "The default learning rate is 0.01 (momentum 0.0). With 0.005 the accuracy is 0.73"),
    said("passed", "It is 0.01, I also tried 0.1 and 0.5."),
    said("failed needs_review", "0.001\n\n0.01\n\n0.1"),
)  # fmt: skip
