"""`csp-sentinel`: one program, a command a stage."""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from sentinel import logs
from sentinel.command_line import WITHOUT_SETTINGS, parser
from sentinel.settings import Settings, WrongSetting, read, render

Run = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit code 0 done, 1 could not, 2 wrong use, 130 stopped by Ctrl-C before its time."""
    given = parser().parse_args(arguments)
    try:
        sys.exit(_alone(given) if given.command in WITHOUT_SETTINGS else _with_settings(given))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `csp-sentinel export | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _alone(given: argparse.Namespace) -> int:
    if given.command == "plan":
        return _plan(given)
    from sentinel import matching  # noqa: PLC0415

    return matching.run(matching.match_line if given.command == "match" else matching.parse_line)


def _plan(given: argparse.Namespace) -> int:
    from loadtest.capacity import command, costs  # noqa: PLC0415

    try:
        command.run(given)
    except (costs.BadCosts, command.WrongUse) as error:
        _fail(str(error), 2)
    except command.Unwritable as error:
        _fail(str(error), 1)
    return 0


def _with_settings(given: argparse.Namespace) -> int:
    try:
        loaded = read(os.environ, given.settings, vars(given))
    except WrongSetting as error:
        _fail(str(error), 2)
    if given.command == "settings":
        print(render(loaded.settings, loaded.sources))
        return 0
    logs.configure(loaded.settings.log_level, loaded.settings.log_format)
    with _metrics_folder():
        return _run(loaded.settings, given)


def _run(settings: Settings, given: argparse.Namespace) -> int:
    from sentinel import commands, layout  # noqa: PLC0415  (reads the variable that _metrics_folder sets)

    run: Run = getattr(commands, {"import": "import_", "noise": "noise_"}.get(given.command, given.command))
    try:
        if given.command != "restore":
            layout.check(settings.data_dir)
        return run(settings, given)
    except commands.CannotStart as error:
        _fail(str(error), 1)


@contextlib.contextmanager
def _metrics_folder() -> Iterator[None]:
    """The processes of a command share their figures in mapped files; the library wants to be told before its import.

    Not under the data dir: where that is full, touching a mapped file would end the process.
    """
    try:
        folder = tempfile.mkdtemp(prefix="csp-sentinel-")
    except OSError as error:
        _fail(f"no folder for temporary files can be made ({error.strerror}); set TMPDIR to one that can", 1)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]  # who called this from Python may start other programs yet
        shutil.rmtree(folder, ignore_errors=True)


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"csp-sentinel: {sentence}", file=sys.stderr)
    sys.exit(code)
