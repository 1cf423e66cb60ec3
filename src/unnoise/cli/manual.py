"""What a verb says of itself: --help fits a screen of 80 x 50, --help-all tells everything."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from typer.core import TyperCommand

MORE = "more"  # the panel of options that the screen has no place for
ALL = "--help-all"
NARROWEST, WIDEST, INDENT = 60, 100, 25  # columns of a page; those before what an option means
EXAMPLES = ("Example:", "Examples:")


class Verb(TyperCommand):
    """A verb and its two pages.

    Its docstring says first what everybody must know, then examples, one a line, each with a comment that says whom it
    is for. What follows them only `--help-all` shows, as the meaning of the options in the panel `MORE`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print all, if that is asked."""
        if ALL in args:
            print(page(self, ctx, all_of_it=True))
            ctx.exit()
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What must be given, and that there is more: on the pages, and above the frame of an error."""
        arguments = [_metavar(one) for one in self.params if one.param_type_name == "argument"]
        needed = [one for one in self.params if one.param_type_name == "option" and one.required]
        return [*arguments, *(f"{one.opts[0]} {_metavar(one)}" for one in needed), "[OPTIONS]"]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page that fits a screen."""
        formatter.write(page(self, ctx) + "\n")


def page(verb: TyperCommand, ctx: Any, *, all_of_it: bool = False) -> str:
    """The help of a verb, in plain text."""
    width = max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))
    shown = [one for one in verb.get_params(ctx) if not getattr(one, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    here = [one for one in options if all_of_it or getattr(one, "rich_help_panel", None) != MORE]
    usage = " ".join([ctx.command_path, *verb.collect_usage_pieces(ctx)])
    lines = [f"Usage: {usage}", "", *_prose(verb.help or "", width, all_of_it)]
    lines += [line for one in [*arguments, *here] for line in _meaning(one, width)]
    if rest := [one for one in options if one not in here]:
        told = f"{ctx.command_path} {ALL} also explains {', '.join(one.opts[-1] for one in rest)}."
        lines += ["", *textwrap.wrap(told, width, break_on_hyphens=False)]
    return "\n".join(lines)


def _prose(text: str, width: int, all_of_it: bool) -> Iterator[str]:
    """The paragraphs of a docstring, wrapped; lines that are indented stay as they are."""
    after = False
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if after and not all_of_it:
            return
        lines = paragraph.splitlines()
        flowing = [line for line in lines if not line.startswith(" ")]
        yield from textwrap.wrap(" ".join(flowing), width, break_on_hyphens=False)
        yield from lines[len(flowing) :]
        yield ""
        after = after or lines[0] in EXAMPLES


def _meaning(one: Any, width: int) -> list[str]:
    name = f"  {_metavar(one) if one.param_type_name == 'argument' else _names(one)}"
    words = " ".join(filter(None, (one.help, _default(one))))
    lines = textwrap.wrap(words, width - INDENT, break_on_hyphens=False) or [""]
    first, *others = lines
    start = [f"{name:<{INDENT}}{first}"] if len(name) < INDENT else [name, " " * INDENT + first]
    return [*start, *(" " * INDENT + line for line in others)]


def _names(one: Any) -> str:
    """As `-o, --output MODEL`; a flag takes no value."""
    flag = getattr(one, "is_flag", False)
    names = ", ".join(sorted((*one.opts, *one.secondary_opts), key=len))
    return names if flag else f"{names} {_metavar(one)}"


def _metavar(one: Any) -> str:
    """The word for a value: what was said, or the choices, or the type."""
    if one.metavar:
        return str(one.metavar)
    kind = getattr(getattr(one, "type_descriptor", None), "annotation", None)
    if choices := get_args(kind):
        return "|".join(map(str, choices))
    return "N" if kind is int else "X" if kind is float else "NAME"


def _default(one: Any) -> str:
    """What an option is unless it is given, where its help does not say it."""
    shown = getattr(one, "show_default", True)
    if isinstance(shown, str):
        return f"[default: {shown}]"
    known = one.default is not None and not getattr(one, "is_flag", False) and not one.required
    return f"[default: {one.default}]" if shown and known and not callable(one.default) else ""
