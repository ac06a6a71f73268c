"""The command line: ``mineral-pipeline JOB SETTINGS``, ``init FOLDER``, and commands on a workspace, as ``status``.

Exit status: 0 done, 1 failed more than the settings allow (or ``verify`` found a fault), 2 bad settings or usage,
130 stopped by SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

# Set before any import of TensorFlow, here and in the workers that inherit it: it logs one line per warning then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from jobs.running import bundled
from mineral_pipeline.errors import MineralPipelineError, SettingsError, did_you_mean, one_line
from mineral_pipeline.settings import JOBS, loader

MAX_MESSAGE = 4000
"""Characters of an error that are shown."""

COMMANDS = ("run", "repair", "preflight", "simulate", *JOBS, "backtest")
"""Commands on a settings file."""

OTHERS = ("init", "status", "verify", "export", "score-prospects")
"""Commands on a folder."""

DESCRIPTIONS = {
    "preflight": "Show whether every worker of the cluster can do the jobs that the settings list.",
    "status": "Show what is done of each job, also while it runs.",
}
"""What those commands do that are no module of ``jobs``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _dispatch(options)
    except MineralPipelineError as error:
        if options.debug:
            raise
        sys.stderr.write(f"mineral-pipeline: {one_line(error, MAX_MESSAGE)}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("mineral-pipeline: stopped; run the same command again to go on\n")
        return 130


def _dispatch(options: argparse.Namespace) -> int:
    # Imported here: `--help` and a mistyped setting need none of the libraries behind the jobs.
    if options.command == "init":
        from jobs import init

        return init.main(options.folder, options.source)
    if options.command == "status":
        from jobs.running.status import show_status

        return show_status(options.workspace, options.json)
    if options.command == "verify":
        from jobs import verify

        return verify.main(options.workspace)
    if options.command == "export":
        from jobs import export

        return export.main(options.workspace, options.chips, options.folder)
    if options.command == "score-prospects":
        from jobs import score_prospects

        chosen = score_prospects.Options(options.new_only, options.frozen, options.json)
        return score_prospects.main(options.workspace, options.later, chosen)
    settings = loader.load(bundled.find_settings(options.settings), options.set, options.workspace)
    jobs = settings.jobs if options.command in ("run", "repair", "preflight") else [options.command]
    for name in ("label", "curate"):
        if name in jobs and getattr(settings, name) is None:
            raise SettingsError(f"{options.settings}: the section {name} is absent: the job {name} needs it")
    from jobs import run

    run.check_names(jobs, settings)
    if options.command == "preflight":
        return run.show_preflight(jobs, settings, options.cluster)
    if options.command == "repair":
        from jobs.repair import repair

        return repair(jobs, settings, options.cluster, options.retry_failed)
    if options.plan:
        return run.show_plan(jobs, settings)
    return run.run(jobs, settings, options.cluster, options.retry_failed)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, which proposes the command that was meant."""

    def error(self, message: str) -> NoReturn:
        """End the program with exit status 2."""
        mistyped = re.search("invalid choice: '(.*?)'", message)
        hint = did_you_mean(mistyped[1], [*COMMANDS, *OTHERS]) if mistyped else ""
        self.exit(2, f"mineral-pipeline: {one_line(message + hint)}: see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mineral-pipeline", description="Learn from orbit where minerals are.")
    parser.add_argument("--version", action="version", version=f"mineral-pipeline {version('mineral-pipeline')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (*COMMANDS, *OTHERS):
        text = _describe(name)
        command = commands.add_parser(
            name,
            help=text.partition("\n")[0].removesuffix("."),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if name in COMMANDS:
            _add_run_options(command, name)
        elif name == "init":
            command.add_argument("folder", help="folder of the file; made if it does not exist")
            command.add_argument(
                "--from", dest="source", metavar="NAME", default="own", help="own (default), demo, ..."
            )
        else:
            command.add_argument("workspace", help="folder or URL")
            if name == "export":
                command.add_argument("chips", nargs="+", metavar="CHIP", help="chip_id of the ledger")
                command.add_argument("--to", dest="folder", metavar="FOLDER", default=".", help="default: this folder")
            if name == "score-prospects":
                command.add_argument("later", nargs="+", metavar="LATER", help="table of deposits found since")
                command.add_argument("--new-only", action="store_true", help="leave out deposits that were known")
                command.add_argument("--list", dest="frozen", metavar="SHA256", help="hash of the list, as you kept it")
            if name in ("status", "score-prospects"):
                command.add_argument("--json", action="store_true", help="for programs")
    return parser


def _add_run_options(command: argparse.ArgumentParser, name: str) -> None:
    command.add_argument("settings", help="YAML file, or the name of one that comes with the package, such as demo")
    command.add_argument("--workspace", metavar="URL", help="in place of the file's")
    command.add_argument(
        "--cluster",
        metavar="FILE",
        default="local",
        help="YAML file, or the name of one that comes with the package: local (default), threads, address, slurm",
    )
    command.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a setting: train.epochs=5"
    )
    if name not in ("repair", "preflight"):
        command.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
    if name != "preflight":
        command.add_argument("--retry-failed", action="store_true", help="try again the scenes that failed")


def _describe(command: str) -> str:
    """What a command does: the docstring of its module, which is read and not imported, for that takes seconds."""
    if command in DESCRIPTIONS:
        return DESCRIPTIONS[command]
    path = Path(__file__).parents[1] / f"{command.replace('-', '_')}.py"
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
