"""Views → self-contained HTML: one file, no network, readable without JavaScript.

The Content-Security-Policy names the hash of the page's one script; nothing else runs or loads, whatever a
student wrote.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.report.class_view import ClassView
from grader.report.submission_view import SubmissionView


def render_feedback(view: SubmissionView) -> str:
    """The student's page. Raises ValueError for a view that holds what only staff may see."""
    if view.audience != "student":
        raise ValueError(f"a view for {view.audience} must not become a student's page")
    return _render("submission.html", "submission.js", view)


def render_staff(view: SubmissionView) -> str:
    """The assistants' page: reference answers, what to look for, recorded facts. Raises ValueError for another view."""
    if view.audience != "staff":
        raise ValueError(f"a view for a {view.audience} lacks what the staff page shows")
    return _render("submission.html", "submission.js", view)


def render_index(view: ClassView) -> str:
    return _render("index.html", "index.js", view)


def _render(template: str, script: str, view: object) -> str:
    source = _source("theme.js") + _source(script)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    own: dict[str, Any] = {"policy": policy, "script": Markup(source), "style": Markup(_source("page.css"))}  # noqa: S704 - our own files
    return _environment().get_template(template).render(view=view, **own)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("grader.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]
