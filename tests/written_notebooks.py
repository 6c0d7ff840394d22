"""Notebooks that answer the sheet's ten questions in words, in the forms in which students write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from builders import FIRST_20000, LARGE, SMALL, Story, cnn_net, judge, loaded_rubric, strided_net

from grader.intake.label import label
from grader.records import Cell, CellKind, Verdict

QUESTIONS = ("1b.why", "1c.output", "1h.compare", "1i.diverges", "1j.reason", "2b.features", "3b.compare", "3c.compare",
             "4a.why", "4b.why")  # fmt: skip

CODE = {
    "1a": "(x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()\nx_train = x_train.reshape(60000, 784)",
    "1b": "x_train = x_train / 255\nx_test = x_test / 255",
    "1c": "model = Sequential([Dense(10, 'relu'), Dense(10, 'relu'), Dense(10, 'softmax')])",
    "1d": "",
    "1e": "model.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])",
    "1f": "model.fit(x_train, y_train, epochs=3, batch_size=64, validation_data=(x_test, y_test))",
    "1g": "model_g = build(10)\ntrain(model_g, SGD(0.005))",
    "1h": "model_h = build(64)\ntrain(model_h, SGD(0.01))",
    "1i": "model_i = build(64)\nmodel_i.fit(x_train[:20000], y_train[:20000], epochs=3)",
    "1j": "boots = model_i.predict(x_test).argmax(axis=1) == 9\nfor image in x_test[boots]:\n    plt.imshow(image)",
    "2a": "print(convolve(I_A, K_x, mode='nearest'))\nprint(convolve(I_B, K_x, mode='nearest'))",
    "2b": "",
    "3a": "cnn = Sequential([Conv2D(16, 3), MaxPooling2D(), Conv2D(8, 3), MaxPooling2D(), Flatten(), Dense(10)])",
    "3b": "cnn.compile('sgd', loss)\ncnn.fit(x_img, y_train, epochs=3, validation_data=(x_test_img, y_test))",
    "3c": "",
    "4a": "fast = Sequential([Conv2D(16, 3, strides=2), Conv2D(8, 3, strides=2), Flatten(), Dense(10)])\ntrain(fast)",
    "4b": "adam = clone_model(fast)\nadam.compile('adam', loss)\nadam.fit(x_img, y_train, epochs=3)",
}  # fmt: skip
COUNTS = {
    "1d": "784*10+10 + 10*10+10 + 10*10+10 = 8070",
    "1h": "784*64+64 + 64*64+64 + 64*10+10 = 55050",
    "3c": "160 + 1160 + 2010 = 3330",
}
"""Counted by hand, as the sheet asks for: no answer to a question in words."""

Form = Callable[[str, str, str], list[Cell | str]]
"""From a task, its code ('' for none) and the answer ('' for none) to cells; a text is the source of a code cell."""


def markdown(source: str) -> Cell:
    return Cell(0, CellKind.MARKDOWN, source)


def commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n") if line)


def _code(*parts: str) -> list[Cell | str]:
    source = "\n".join(part for part in parts if part)
    return [source] if source else []


def _texts(*parts: str) -> list[Cell | str]:
    return [markdown(part) for part in parts if part]


def _letter(task: str) -> str:
    return task[1]


FORMS: dict[str, Form] = {
    "under its heading": lambda t, c, a: [*_texts(f"## {t[0]} {t[1]})"), *_code(c), *_texts(COUNTS.get(t, ""), a)],
    "heading and answer, then code": lambda t, c, a: [*_texts(f"## {t})\n\n{a}"), *_code(c)],
    "bare bold letter": lambda t, c, a: [*_texts(f"**{t[1]}**"), *_code(c), *_texts(a)],
    "bold letter and answer in a cell": lambda t, c, a: [*_code(c), *_texts(f"**{t[1]}**\n{a}")],
    "raw cell": lambda t, c, a: [*_texts(f"### {t})"), *_code(c), *([Cell(0, CellKind.RAW, a)] if a else [])],
    "comment after the code": lambda t, c, a: _code(f"# {t[1]})", c, commented(COUNTS.get(t, "")), commented(a)),
    "comment before the code": lambda t, c, a: _code(f"# {t[1]})", commented(a), c),
    "docstring": lambda t, c, a: _code(f"# {t})", c, f'"""{a}"""' if a else ""),
    "printed": lambda t, c, a: _code(f"# {t})", c, f"print({a!r})" if a else ""),
    "prose in a code cell": lambda t, c, a: [*_texts(f"## {t})"), *_code(c), *_code(a)],
    "no label, comment after the code": lambda t, c, a: _code(c, commented(a)),
    "no label, comment before the code": lambda t, c, a: _code(commented(a), c),
    "no label, prose after the code": lambda t, c, a: [*_code(c), *_texts(a)],
    "no label, prose before the code": lambda t, c, a: [*_texts(a), *_code(c)],
}  # fmt: skip
"""Where each answer stands beside its own code."""

ENDS: dict[str, Callable[[list[tuple[str, str]]], str]] = {
    "last cell, labelled": lambda pairs: "# Answers\n\n" + "\n\n".join(f"{t}: {a}" for t, a in pairs),
    "last cell, labelled in brackets": lambda pairs: "# Answers\n" + "\n".join(f"- ({t}) {a}" for t, a in pairs),
    "last cell, counted": lambda pairs: "Answers:\n\n" + "\n".join(f"{n}) {a}" for n, (_, a) in enumerate(pairs, 1)),
    "last cell, paragraphs": lambda pairs: "\n\n".join(a for _, a in pairs),
}
"""All answers in one cell at the end."""


def notebook(form: str, answers: Mapping[str, str], *, only: str = "1234") -> Story:
    """A whole solution (of the problems `only`) whose answers, by criterion, are written in a form."""
    by_task = {question.split(".")[0]: text for question, text in answers.items()}
    nb = Story()
    write = FORMS.get(form)
    for task, code in CODE.items():
        if task[0] not in only:
            continue
        if task[1] == "a" and write and not form.startswith("no label"):
            nb.text("", f"# Problem {task[0]}")
        if write is None:
            cells = [*_texts(f"## {task})"), *_code(code)] if "labelled" in form else _code(code)
        else:
            cells = write(task, code, by_task.get(task, ""))
        for cell in cells:
            if isinstance(cell, Cell):
                nb._add(cell, "")
            else:
                nb.cell("", cell)
            if isinstance(cell, str) and code and code in cell:
                _happens(nb, task)
    if write is None and by_task:
        nb.text("", ENDS[form](list(by_task.items())))
    nb.cells = [Cell(n, c.kind, c.source) for n, c in enumerate(nb.cells)]
    return nb


def _happens(nb: Story, task: str) -> None:
    match task:
        case "1a":
            nb.load_data()
        case "1c":
            nb.build(SMALL)
        case "1e":
            nb.compile("n1")
        case "1f":
            nb.fit("n1")
        case "1g":
            nb.train(SMALL, rate=0.005)
        case "1h":
            nb.train(LARGE)
        case "1i":
            nb.train(LARGE, x=FIRST_20000)
        case "1j":
            nb.predict("n3", (9, 9, 7))
            nb.show(0, 1, 2)
        case "3b":
            nb.train(cnn_net())
        case "4a":
            nb.train(strided_net())
        case "4b":
            nb.train(strided_net(), optimizer="Adam")


def verdicts_of(nb: Story) -> dict[str, Verdict]:
    """Verdicts of the ten questions, with the labels that the labelling stage finds."""
    evidence = nb.evidence()
    tasks = [task.id for task in loaded_rubric().rubric.tasks]
    every = judge(evidence, label(evidence.submission, tasks))
    return {question: every[question] for question in QUESTIONS}


def marked_answers() -> dict[str, list[tuple[str, str]]]:
    """Question → (worth, text) of the marked answers."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in (Path(__file__).parent / "answers/written_answers.txt").read_text("utf-8").splitlines():
        if line.startswith("## "):
            question = line.split()[1]
        else:
            _, worth, _, _, text = line.split("|", 4)
            found.setdefault(question, []).append((worth, text.removeprefix("#").strip()))
    return found
