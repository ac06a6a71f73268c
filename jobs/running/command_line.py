"""The command line: ``mineral-pipeline JOB SETTINGS``, ``repair SETTINGS``, ``status WORKSPACE``, ``verify WORKSPACE``.

Exit status: 0 done, 1 failed more than the settings allow (or ``verify`` found a fault), 2 bad settings or usage,
130 stopped by SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

# Set before any import of TensorFlow, here and in the workers that inherit it: it logs one line per warning then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from mineral_pipeline.errors import MineralPipelineError, SettingsError, one_line
from mineral_pipeline.settings import JOBS, loader

MAX_MESSAGE = 4000
"""Characters of an error that are shown."""

COMMANDS = ("run", "repair", "preflight", "simulate", *JOBS)


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
    if options.command == "status":
        from jobs.running.status import show_status

        return show_status(options.workspace, options.json)
    if options.command == "verify":
        from jobs import verify

        return verify.main(options.workspace)
    settings = loader.load(options.settings, options.set, options.workspace)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mineral-pipeline", description="Learn from orbit where minerals are.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    helps = {
        "run": "the jobs that the settings list, in order",
        "repair": "make again what is damaged",
        "preflight": "whether every worker can do the jobs that the settings list",
        "simulate": "write the simulated planet's archive",
    }
    for job in COMMANDS:
        command = commands.add_parser(job, help=helps.get(job, f"the job {job} alone"))
        command.add_argument("settings", help="YAML file, such as jobs/settings/demo.yaml")
        command.add_argument("--workspace", metavar="URL", help="in place of the file's")
        command.add_argument(
            "--cluster", metavar="FILE", default="local", help="file or name in cluster/ (default: local)"
        )
        command.add_argument(
            "--set", metavar="KEY=VALUE", action="append", default=[], help="change a setting: train.epochs=5"
        )
        if job not in ("repair", "preflight"):
            command.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
        if job != "preflight":
            command.add_argument("--retry-failed", action="store_true", help="try again the scenes that failed")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    for name, text in (("status", "what is done"), ("verify", "look at every artefact, whether it is whole")):
        command = commands.add_parser(name, help=text)
        command.add_argument("workspace", help="folder or URL")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        if name == "status":
            command.add_argument("--json", action="store_true", help="for programs")
    return parser
