"""Views → self-contained HTML: one file, no network, readable without JavaScript.

The Content-Security-Policy names the hash of the page's one script; nothing else runs or loads, whatever a
student wrote.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.report.class_view import ClassView
from grader.report.submission_view import Audience, SubmissionView


def render_submission(view: SubmissionView, audience: Audience) -> str:
    """The page for students, or for staff: with reference answers, what to look for, and recorded facts.

    Raises ValueError for the other audience's view, which may hold what only staff may see.
    """
    if view.audience != audience:
        raise ValueError(f"a view for {view.audience} must not become the page for {audience}")
    return _render("submission.html", "submission.js", view)


def render_index(view: ClassView) -> str:
    """The page of the class."""
    return _render("index.html", "index.js", view)


def _render(template: str, script: str, view: object) -> str:
    source = _source("theme.js") + _source(script)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    trusted = {"script": Markup(source), "style": Markup(_source("page.css"))}  # noqa: S704 - our own files
    return _environment().get_template(template).render(view=view, policy=policy, **trusted)


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
