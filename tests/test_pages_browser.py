"""The pages in a real browser: WCAG rules, width, keyboard, filters, theme, print, and nothing that leaves.

Needs Chromium or Chrome (GRADE_BROWSER names another one). Without any the tests are skipped, in CI they fail.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Self

import pytest
import sample_class as sample
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from grader.execution.outputs import inert
from grader.report import markdown, pages
from grader.report.class_view import class_view

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LOADED = sample.sample_rubric()
CLASS_SIZE = 120
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = (
    "ben/feedback.html",
    "ben/staff.html",
    "cem/feedback.html",
    "fay/feedback.html",
    "eve/staff.html",
    "small.html",
)


def _browser_path() -> str:
    names = (os.environ.get("GRADE_BROWSER", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), "")
    if not found:
        message = "no Chromium here: install it (apt-get install chromium) or name a browser in GRADE_BROWSER"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return found


@pytest.fixture(scope="module")
def browser():
    path = _browser_path()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Path:
    """A report folder; `index.html` shows a class of 120, `small.html` one of 12."""
    out = tmp_path_factory.mktemp("reports")
    evidence = sample.mixed_evidence()
    grades = [
        (sample.mixed_grade(LOADED), evidence),
        (sample.full_grade(LOADED), None),
        (sample.died_grade(LOADED), None),
        (sample.unreadable_grade(LOADED), None),
        sample.hostile(LOADED),
    ]
    sample.write_reports(out, grades, LOADED, "staff")
    for name, count in (("index.html", CLASS_SIZE), ("small.html", 12)):
        many, durations = sample.class_of(count, LOADED)
        view = class_view(many, LOADED, sample.RUN, durations, {g.ref.id for g in many})
        (out / name).write_text(pages.render_index(view), "utf-8")
    return out


class Watched:
    """A page that remembers what it complained about and what it asked for."""

    def __init__(self, browser: Browser, url: str, **context) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.context.close()

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


def _open(browser: Browser, reports: Path, page: str, width: int = 1280, scheme: str = "light", **context) -> Watched:
    viewport = {"width": width, "height": 900}
    return Watched(browser, f"{reports.as_uri()}/{page}", viewport=viewport, color_scheme=scheme, **context)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_pages_meet_wcag_and_keep_to_themselves(browser, reports, name, width, scheme):
    with _open(browser, reports, name, width, scheme) as watched:
        watched.page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        result = Axe().run(watched.page, options=RULES).response
        found = [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in result["violations"]]
        assert found == []
        assert "color-contrast" in {rule["id"] for rule in result["passes"]}, "axe did not look"
        assert watched.complaints == []
        assert [url for url in watched.requests if not url.startswith(("file:", "data:"))] == []


def test_the_large_index_stays_within_its_width(browser, reports):
    for width in (1280, 400):
        with _open(browser, reports, "index.html", width) as watched:
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
            assert watched.complaints == []


def test_filters_live_in_the_address(browser, reports):
    with _open(browser, reports, "index.html") as watched:
        page = watched.page
        rows, shown = page.locator("#class tbody tr:visible"), page.locator("#shown")
        expect(rows).to_have_count(CLASS_SIZE)
        page.get_by_label("Find").fill("lovelace")
        expect(rows).to_have_count(1)
        expect(shown).to_have_text(f"1 of {CLASS_SIZE} shown")
        assert page.url.endswith("#q=lovelace")
        page.reload()
        expect(rows).to_have_count(1)
        page.get_by_role("button", name="Clear").click()
        expect(rows).to_have_count(CLASS_SIZE)
        assert "#" not in page.url
        page.get_by_label("Find").fill("nobody of this name")
        expect(page.get_by_text("No submission fits these filters.")).to_be_visible()


def test_a_misconception_leads_to_who_has_it(browser, reports):
    grades, _ = sample.class_of(CLASS_SIZE, LOADED)
    with _open(browser, reports, "index.html") as watched:
        page = watched.page
        page.get_by_text("Kernel not flipped", exact=True).click()
        page.locator("a[data-filter='mis=conv.not_flipped']").click()
        who = sum("conv.not_flipped" in grade.misconceptions for grade in grades)
        expect(page.locator("#class tbody tr:visible")).to_have_count(who)
        assert page.url.endswith("#mis=conv.not_flipped")


def test_columns_sort_from_the_keyboard(browser, reports):
    with _open(browser, reports, "index.html") as watched:
        page = watched.page
        head = page.locator("th[data-key=score]")
        numbers = "[...document.querySelectorAll('#class tbody .c-score')].map(cell => Number(cell.dataset.value))"
        original = page.evaluate(numbers)
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert page.evaluate(numbers) == sorted(original, reverse=True)
        page.keyboard.press("Space")
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert page.evaluate(numbers) == sorted(original)
        assert page.url.endswith("#sort=score")
        page.reload()
        assert page.evaluate(numbers) == sorted(original)
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") is None
        assert page.evaluate(numbers) == original


def test_pages_can_be_read_without_javascript(browser, reports):
    with _open(browser, reports, "index.html", java_script_enabled=False) as watched:
        expect(watched.page.locator("#class tbody tr")).to_have_count(CLASS_SIZE)
        expect(watched.page.locator("#filters")).to_be_hidden()
        expect(watched.page.get_by_role("button")).to_have_count(0)
    with _open(browser, reports, "ben/feedback.html", java_script_enabled=False) as watched:
        watched.page.locator("[id='1c.layers']").get_by_text("Cell 4, line 5").click()
        expect(watched.page.locator("[id='1c.layers'] .code .marked")).to_be_visible()


def test_a_link_to_a_cell_opens_it(browser, reports):
    with _open(browser, reports, "ben/feedback.html") as watched:
        expect(watched.page.locator("#cell-9 .code")).to_be_hidden()
        watched.page.locator(".faults a[href='#cell-9']").click()
        expect(watched.page.locator("#cell-9 .code")).to_be_in_viewport()
    with _open(browser, reports, "ben/feedback.html#2a.KxIA") as watched:
        expect(watched.page.locator("[id='2a.KxIA']")).to_be_in_viewport()


def test_the_skip_link_comes_first(browser, reports):
    with _open(browser, reports, "ben/feedback.html") as watched:
        watched.page.keyboard.press("Tab")
        expect(watched.page.get_by_role("link", name="Skip to the content")).to_be_focused()
        watched.page.keyboard.press("Enter")
        expect(watched.page.locator("main")).to_be_focused()


def test_the_theme_is_kept(browser, reports):
    background = "getComputedStyle(document.body).backgroundColor"
    with _open(browser, reports, "ben/feedback.html", scheme="light") as watched:
        button = watched.page.locator("#theme")
        light = watched.page.evaluate(background)
        button.click()
        button.click()
        expect(button).to_have_text("Theme: dark")
        assert watched.page.evaluate(background) != light
        watched.page.wait_for_timeout(500)  # Chromium tells its other processes what was stored a moment later
        watched.page.reload()
        expect(button).to_have_text("Theme: dark")


def test_what_passed_can_be_hidden(browser, reports):
    with _open(browser, reports, "ben/feedback.html") as watched:
        watched.page.get_by_label("Hide what passed").check()
        expect(watched.page.locator("[id='1a.data']")).to_be_hidden()
        expect(watched.page.locator("[id='1a.images']")).to_be_visible()


def test_paper_shows_what_is_folded(browser, reports):
    with _open(browser, reports, "ben/feedback.html") as watched:
        watched.page.emulate_media(media="print")
        box = watched.page.locator("[id='1c.layers'] .code").bounding_box()
        assert box is not None
        assert box["height"] > 40
        expect(watched.page.locator("#theme")).to_be_hidden()


POLICY = re.compile(
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[A-Za-z0-9+/]{43}='; "
    "base-uri 'none'; form-action 'none'"
)
LARGEST_PAGE = 5_000_000


@pytest.mark.parametrize("kind", sample.WICKED)
def test_no_script_of_a_student_runs_and_no_request_leaves(browser, tmp_path, kind):
    text = sample.WICKED[kind]
    (grade, evidence), unreadable = sample.hostile(LOADED, text), sample.hostile_unreadable(LOADED, text)
    sample.write_reports(tmp_path, [(grade, evidence), (unreadable, None)], LOADED, "staff")
    written = sorted(tmp_path.rglob("*.html"))
    assert len(written) == 5
    for path in written:
        assert path.stat().st_size < LARGEST_PAGE, path.name
        with _open(browser, tmp_path, path.relative_to(tmp_path).as_posix(), 400) as watched:
            page = watched.page
            page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
            page.mouse.move(200, 300)
            page.wait_for_timeout(50)
            assert page.evaluate("window.ran") is None
            assert page.evaluate("document.documentElement.classList.contains('js')"), "our own script runs"
            assert watched.dialogs == []
            assert watched.complaints == []
            assert [url for url in watched.requests if url != path.as_uri() and not url.startswith("data:")] == []
            policy = page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
            assert POLICY.fullmatch(policy or "")
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, "the page scrolls sideways"
            assert page.title()
            expect(page.locator(".score strong, .tiles b").first).to_be_visible()
            text_there = page.evaluate("document.documentElement.textContent")
            assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x1b\x9b]", text_there)


def test_what_students_write_and_display_is_harmless_without_the_policy_too(browser):
    pieces = [str(markdown.safe_html(text[:20_000])) for text in sample.WICKED.values()]
    pieces += [
        inert({"text/html": text[:20_000], "image/svg+xml": text[:20_000]})["text/html"]
        for text in sample.WICKED.values()
    ]
    with Watched(browser, "about:blank") as watched:
        watched.page.set_content("<hr>".join(pieces))
        watched.page.evaluate("for (const link of document.querySelectorAll('a:not([href^=http])')) link.click()")
        watched.page.wait_for_timeout(200)
        assert watched.page.evaluate("window.ran") is None
        assert watched.dialogs == []
        assert [url for url in watched.requests if not url.startswith(("about:", "data:"))] == []
        assert watched.page.url == "about:blank"


def test_the_policy_stops_what_slips_through(browser, reports):
    """Were student HTML ever to reach the page as HTML, it still could not run or load anything."""
    with _open(browser, reports, "ben/feedback.html") as watched:
        watched.page.evaluate(
            """document.body.insertAdjacentHTML('beforeend', '<img src="http://127.0.0.1:9/x" onerror="window.ran = 1">')"""
        )
        watched.page.wait_for_timeout(200)
        assert watched.page.evaluate("window.ran") is None
        assert any("Content Security Policy" in complaint for complaint in watched.complaints)
