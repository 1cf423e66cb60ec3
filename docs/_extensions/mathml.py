"""Mathematics as MathML, which browsers draw themselves: pages need no script and no network."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.errors import ExtensionError

SPELLED = [  # what the translator does not know or takes otherwise than TeX does, and how it reads the same
    (re.compile(r"\\[bB]igg?[lr]?(?![a-zA-Z])"), ""),
    (re.compile(r"\\dots(?![a-z])"), r"\\ldots"),
    (re.compile(r"\\[lr]Vert(?![a-z])"), r"\\|"),
    (re.compile(r"\\[lr]vert(?![a-z])"), "|"),
    (re.compile(r"\\mathrel\{(.)\}"), r"\1"),
    (re.compile(r"\\([td]?frac)(\d)(\d)"), r"\\\1{\2}{\3}"),  # of two digits, not of a number
]


def render(tex: str, block: bool) -> str:
    """A formula as MathML.

    Raises:
        ExtensionError: the formula cannot be read.
    """
    for command, other in SPELLED:
        tex = command.sub(other, tex)
    try:
        return str(tex2mathml(tex, as_block=block))
    except MathError as error:
        raise ExtensionError(f"cannot read the formula {tex!r}: {error}") from error


def inline(page: Any, node: nodes.math) -> None:
    """Write a formula within a line."""
    page.body.append(render(node.astext(), block=False))
    raise nodes.SkipNode


def block(page: Any, node: nodes.math_block) -> None:
    """Write a formula of its own."""
    page.body.append(render(node.astext(), block=True))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
