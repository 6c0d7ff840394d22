"""The command `grade`: options in, exit code out; how it ends, `terminal/ending.py` says.

A command imports what it needs once it is called: NumPy, pydantic and Jupyter take most of a second to load, and
nobody waits that long for `grade --help`.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from grader import __version__
from grader.errors import UsageError
from grader.system.atomic_files import atomic_write
from grader.terminal import ending, tables
from grader.terminal.ending import say

if TYPE_CHECKING:
    from grader.report.results_schema import RescoreInfo

NOT_YET = {"review": "the graders' desk"}
EXPORTS = ("csv", "json")
_AS_GIVEN = ("paths", "out", "rubric", "jobs", "fits", "fresh", "audience", "scheduler")
"""Options that `pipeline.Settings` takes as they are."""


class _GradeGroup(click.Group):
    """`grade PATH...` needs no sub-command: whatever is not one is a path."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in NOT_YET and not Path(args[0]).exists():
            raise UsageError(f"`grade {args[0]}` ({NOT_YET[args[0]]}) is not part of version {__version__}.")
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h", "--version"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_GradeGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`grade PATH... --out DIR` grades everything found under PATH; see `grade run --help` for its options.",
)
@click.version_option(__version__, prog_name="grade")
def app() -> None:
    """Grade deep-learning notebooks: networks, parameters, accuracies, convolutions."""


_jobs = click.option(
    "--jobs",
    type=click.IntRange(1),
    default=lambda: len(os.sched_getaffinity(0)),
    help="Work done at once; default: cores.",
)


@app.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Where reports, evidence and results go.",
)
@click.option("--rubric", help="Problem set: its id or a file.")
@_jobs
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds per notebook, wall clock.")
@click.option("--cell-timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds per cell.")
@click.option("--memory", type=click.IntRange(1), help="MiB per notebook.")
@click.option(
    "--limit",
    "other_limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any limit of the rubric, for instance disk_mib=1024; repeatable.",
)
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "bwrap", "landlock", "container", "none"]),
    default="auto",
    show_default=True,
    help="Isolation of student code.",
)
@click.option(
    "--fits",
    type=click.Choice(["shared", "local"]),
    default="shared",
    show_default=True,
    help="Train each distinct recipe once, or inside every notebook; the same numbers.",
)
@click.option(
    "--scheduler", default="", metavar="ADDRESS", help="Run on the Dask cluster at tcp://HOST:PORT (docs/cluster.md)."
)
@click.option("--fresh", is_flag=True, help="Ignore what an earlier run stored.")
@click.option("--fail-under", type=click.FloatRange(0, 100), help="Exit 1 when any submission scores lower, percent.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"Also write this export ({', '.join(EXPORTS)}); repeatable.",
)
@click.option(
    "--audience",
    type=click.Choice(["student", "staff"]),
    default="staff",
    show_default=True,
    help="Whether pages may show reference answers.",
)
def run(**options: Any) -> None:
    """Grade everything found under PATHS (`run` itself may be left out)."""
    from grader import pipeline
    from grader.sandbox import Choice, choose
    from grader.terminal.progress import Display

    exports = [_parse_format(text, options["out"]) for text in options["formats"]]
    here = not options["scheduler"]  # on a cluster, each worker takes the strongest level that it has
    choice = choose(options["sandbox"]) if here else Choice(options["sandbox"])
    for warning in choice.warnings:
        say(f"grade: {warning}")
    limits = {"notebook_s": options["timeout"], "cell_s": options["cell_timeout"], "memory_mib": options["memory"]}
    limits |= dict(_parse_limit(text) for text in options["other_limits"])
    settings = pipeline.Settings(
        limits={name: value for name, value in limits.items() if value is not None},
        sandbox=choice.name,
        **{name: options[name] for name in _AS_GIVEN},
    )
    with Display(_console(stderr=True), settings.jobs) as display:
        outcome = pipeline.grade(settings, display, ending.STOP)
    _finish(outcome, settings.out, exports)
    if options["fail_under"] is not None:
        low = [g.ref.id for g in outcome.grades if 100 * g.score < options["fail_under"] * g.max_score]
        if low:
            say(f"Below {options['fail_under']:g} %: {', '.join(low)}.")
            sys.exit(1)


@app.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--rubric", help="Problem set: its id or a file.")
@click.option("--audience", type=click.Choice(["student", "staff"]), default="staff", show_default=True)
@_jobs
def rescore(folder: Path, rubric: str | None, audience: str, jobs: int) -> None:
    """Apply today's rubric to the evidence stored under DIR; no student code runs."""
    from grader import pipeline

    _must_be_reports(folder)
    outcome = pipeline.rescore(folder, rubric, audience, say, jobs=jobs)
    if outcome.rescored is not None:
        _print_changes(outcome.rescored, len(outcome.grades))
    _finish(outcome, folder, [])


def _print_changes(rescored: RescoreInfo, count: int) -> None:
    """Tables on stdout, for who has to answer for them: per submission, then per criterion; sums on stderr."""
    from grader.report import rescore_changes

    changed = rescored.submissions
    if changed:
        console = _console()
        if not console.is_terminal:
            console.width = 200  # a file or a log has no width of its own
        console.print(
            tables.of_points(("submission", "score", "criterion", "before", "now"), rescore_changes.rows(changed))
        )
        if len(changed) > 1:
            console.print(tables.of_points(("criterion", "gain", "lose"), rescore_changes.sums(changed)))
    for line in rescore_changes.in_words(rescored, count):
        say(line)


@app.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "text", required=True, metavar="FORMAT[=FILE]", help=f"One of: {', '.join(EXPORTS)}.")
def export_command(folder: Path, text: str) -> None:
    """Write the results under DIR in another format (to stdout without a file)."""
    _must_be_reports(folder)
    form, file = _parse_format(text, None)
    _write_export(folder, form, file)


@app.group()
def rubric() -> None:
    """Write and check rubrics."""


@rubric.command("check")
@click.argument("which", required=False)
def rubric_check(which: str | None) -> None:
    """Check a rubric (an id or a file) and print what it is worth."""
    from grader.marking.checks.registry import REGISTRY
    from grader.rubric import authoring

    click.echo(authoring.summary(which, REGISTRY))


@rubric.command("calibrate")
@click.argument("which", required=False)
@click.option("--seeds", type=click.IntRange(2), default=20, show_default=True)
def rubric_calibrate(which: str | None, seeds: int) -> None:
    """Train the reference networks over many seeds and store their accuracies beside the rubric (an hour)."""
    from grader.marking.checks.registry import REGISTRY
    from grader.rubric import authoring

    authoring.calibrate(which, REGISTRY, seeds=seeds, say=say)


@rubric.command("schema")
@click.option("--results", is_flag=True, help="The schema of results.json instead of the rubric's.")
def rubric_schema(results: bool) -> None:
    """Print the JSON Schema of rubrics."""
    from grader.report import results_schema
    from grader.rubric import authoring

    click.echo(json.dumps(results_schema.json_schema() if results else authoring.json_schema(), indent=2))


@rubric.command("new")
@click.argument("file", type=click.Path(path_type=Path))
def rubric_new(file: Path) -> None:
    """Write a commented rubric to start from."""
    from grader.rubric import authoring

    authoring.new(file)
    say(f"Wrote {file}: edit it, then run `grade rubric check {file}`.")


@app.group("data")
def data_group() -> None:
    """Provide Fashion-MNIST."""


@data_group.command("fetch")
def data_fetch() -> None:
    """Find or fetch the data set, check it, and print where it is."""
    from grader.datasets import fashion_mnist

    click.echo(fashion_mnist.provide_data(say).directory)


@data_group.command("where")
def data_where() -> None:
    """Print where the checked data set is; exit 2 when it is not there."""
    from grader.datasets import fashion_mnist

    files = fashion_mnist.find_data()
    if files is None:
        raise UsageError("Fashion-MNIST is not here yet: run `grade data fetch`.")
    click.echo(files.directory)


@app.group("cache")
def cache_group() -> None:
    """Look at the cache of shared trainings, or empty it."""


@cache_group.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the lines.")
def cache_show(as_json: bool) -> None:
    """Print where the cache is, and how much is in it."""
    from grader.training.cache import user_cache

    shown = user_cache().show()
    oldest = shown.oldest_use.isoformat(timespec="seconds") if shown.oldest_use else None
    if as_json:
        click.echo(json.dumps(asdict(shown) | {"folder": str(shown.folder), "oldest_use": oldest}, indent=2))
        return
    click.echo(f"folder      {tables.printable(str(shown.folder))}")
    click.echo(f"entries     {shown.entries}")
    click.echo(f"used        {shown.used_mib:.1f} of {shown.limit_mib} MiB")
    click.echo(f"oldest use  {oldest or '-'}")


@cache_group.command("clear")
def cache_clear() -> None:
    """Remove all trainings from the cache; later runs train anew."""
    from grader.training.cache import user_cache

    entries, mib = user_cache().clear()
    say(f"Entries removed: {entries} ({mib:.1f} MiB).")


@app.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), help="Where reports would go.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the list.")
def doctor(out: Path, as_json: bool) -> None:
    """Say what this machine can and cannot do for grading, and how to mend it; changes nothing."""
    from grader.doctor import examine

    report = examine(out)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        _print_report(report)
    sys.exit(report.exit_code)


def _print_report(report: Any) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a machine without UTF-8 gets its findings too
    console = _console()
    console.print(tables.of_checks(report.checks))
    works = f"Grading works here, at sandbox level '{report.level}'."
    console.print(Text("Grading does not work here yet: see each ✗." if report.exit_code else works))


# ------------------------------------------------------------------ the ends


def _finish(outcome: Any, out: Path, exports: list[tuple[str, Path | None]]) -> None:
    for form, file in exports:
        _write_export(out, form, file)
    for failure in outcome.failures:
        say(failure)
    say(f"{len(outcome.grades)} graded. Open this page:")
    click.echo((out / "index.html").resolve())
    if outcome.failures:
        sys.exit(3)


def _must_be_reports(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of reports: give the --out of an earlier `grade`.")


def _parse_limit(text: str) -> tuple[str, float]:
    from grader.rubric.schema import Limits

    name, _, value = text.partition("=")
    if name not in Limits.model_fields:
        raise UsageError(f"There is no limit '{name}': choose from {', '.join(Limits.model_fields)}.")
    try:
        return name, getattr(Limits.model_validate({name: value}), name)
    except ValueError:
        raise UsageError(f"The limit {name} is a number above 0, not '{value}'.") from None


def _parse_format(text: str, out: Path | None) -> tuple[str, Path | None]:
    form, _, file = text.partition("=")
    if form not in EXPORTS:
        raise UsageError(f"There is no export format '{form}': choose from {', '.join(EXPORTS)}.")
    if file:
        return form, Path(file)
    return form, None if out is None else out / f"export.{form}"


def _write_export(out: Path, form: str, file: Path | None) -> None:
    source = out / {"csv": "grades.csv", "json": "results.json"}[form]
    if not source.is_file():
        raise UsageError(f"{source} is not there: run `grade` or `grade rescore` first.")
    if file is None:
        click.echo(source.read_text("utf-8"), nl=False)
    else:
        atomic_write(file, source.read_text("utf-8"))


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, no_color="NO_COLOR" in os.environ, highlight=False)


def main() -> None:
    """Entry point: every error becomes one sentence and its documented exit code."""
    ending.end_well(functools.partial(app, standalone_mode=False))
