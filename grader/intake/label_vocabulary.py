"""The words by which students name tasks, English, German and some others: the one table that knows a language."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TASK_WORDS = _words(
    """
    problem prob task exercise excercise exercice exc ex question quest q p assignment subtask subproblem subquestion
    subexercise part item aufgabe aufg auf a übung uebung ueb übungsaufgabe ü frage teil teilaufgabe unteraufgabe
    aufgabenteil abschnitt
    partie ejercicio pregunta parte tarea esercizio domanda exercício questão opgave vraag zadanie
    задача задание упражнение вопрос пункт часть
    """
)
"""Stand before a number or a letter: 'Task 1', 'Teil b'. One letter only where the number follows at once: 'Q1'."""

LOOSE_WORDS = _words("part item teil abschnitt partie parte часть")
"""Of these: before a number they may as well divide the student's own text ('Part 2: Training')."""

FILLERS = _words(
    """
    solution solutions sol answer answers ans to for of the my on regarding re ad see code number no nr ad zu zur
    lösung loesung lösungen antwort antworten für fuer von der die meine nummer optional
    """
)
"""May stand before a task's name without meaning anything of their own."""

SHEET_WORDS = _words("set sheet ps hw homework blatt übungsblatt uebungsblatt aufgabenblatt zettel serie series")
"""Make the number that follows the sheet's, not a task's: 'Problem set 10', 'Blatt 10'."""

BONUS_WORDS = _words("bonus bonusaufgabe bonusproblem zusatz zusatzaufgabe")

AND_WORDS = _words("and und")
TO_WORDS = _words("to bis through")

DIMENSIONAL = _words(
    """
    array arrays vector vectors vektor vektoren tensor tensors conv convolution list image images signal matrix
    form shape data daten input numpy np format
    """
)
"""After '1d' these speak of dimensions, not of a task."""

TITLES: dict[int, re.Pattern[str]] = {
    1: re.compile(
        r"fully[\s-]*connected|\bdense\b|\bmlp\b|feed[\s-]*forward|multi[\s-]*layer perceptron"
        r"|voll(ständig)?[\s-]*(verbunden|vernetzt|verknüpft)"
    ),
    2: re.compile(r"\bconvolutions?\b|\bfaltung(en)?\b|\bsobel\b"),
    3: re.compile(r"\bconvolutional\b|\bcnns?\b|\bconv[\s-]*nets?\b|\bfaltungsnetz|\bfaltende|\bkonvolution"),
    4: re.compile(r"\bbonus|\bzusatzaufgabe"),
}
"""What headings call the problems of the sheet; a last resort where no number says which problem it is."""
