"""Parse, set the home folder, run one command, and say refusals in one sentence."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from minping import __version__
from minping.kernel.errors import Problem
from minping.law import LawError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}：{message}\n用法见 {self.prog} --help。\n")


def _parser() -> argparse.ArgumentParser:
    home = Parser(add_help=False)
    home.add_argument(
        "--home", metavar="目录", help="数据与密钥所在目录（默认 MINPING_HOME，再默认检出目录下的 .minping）"
    )
    parser = Parser(prog="minping", description="民评：政务服务“好差评”的本地一环。", parents=[home])
    parser.add_argument("--version", action="version", version=f"minping {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="命令", required=True, parser_class=Parser)
    from minping.cli.commands import COMMANDS

    for command in COMMANDS:
        at = commands.add_parser(
            command.name, help=command.help, description=command.help, parents=[_again()], allow_abbrev=False
        )
        if command.actions:
            below = at.add_subparsers(dest="action", metavar="操作", required=True, parser_class=Parser)
            for action in command.actions:
                leaf = below.add_parser(action.name, help=action.help, parents=[_again()], allow_abbrev=False)
                for names, options in action.arguments:
                    leaf.add_argument(*names, **options)
                leaf.set_defaults(run=action.run)
        else:
            for names, options in command.arguments:
                at.add_argument(*names, **options)
            at.set_defaults(run=command.run)
    return parser


def _again() -> Parser:
    """`--home` may stand before or after the command; the one given counts."""
    parent = Parser(add_help=False)
    parent.add_argument("--home", default=argparse.SUPPRESS, metavar="目录", help=argparse.SUPPRESS)
    return parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 well, 1 refused or found something, 2 not understood."""
    options = _parser().parse_args(arguments)
    if options.home:
        os.environ["MINPING_HOME"] = str(Path(options.home).expanduser().resolve())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
    try:
        return int(options.run(options) or 0)
    except LawError as failure:
        print(f"minping：{failure.message}", file=sys.stderr)
        return 1
    except Problem as problem:
        print(f"minping：{problem.message}{problem.cure}（{problem.code}）", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        return 0
