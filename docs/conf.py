"""How the documentation is built: `make docs` runs the gallery and fails on any warning."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))

import unnoise  # noqa: E402

project = "unnoise"
author = "The unnoise developers"
copyright = author
version = release = unnoise.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "mathml",  # from here on of _extensions
    "reference",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_extensions", "figures"]
html_theme = "furo"
html_title = f"unnoise {release}"
html_copy_source = False
html_theme_options = {"light_css_variables": {"code-font-size": "var(--font-size--small--3)"}}
html_static_path = ["_static"]
html_css_files = ["tables.css"]

html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3  # links to headings, as GitHub has them

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_ivar = True  # attributes are listed with their class, not as objects of their own

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "within_subsection_order": "gallery.Order",
    "reset_modules": ("gallery.restyle",),
    "filename_pattern": "/plot_",
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "capture_repr": (),
    "download_all_examples": False,
    "min_reported_time": 5,
    "abort_on_example_error": True,
}
