"""Settings of the documentation site; ``make docs`` builds it into ``docs/_build/html``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The pictures of the gallery do not depend on the number of processors; its times do.
os.environ.setdefault("CKN_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "agg"

import ckn_rs

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "ckn-rs"
author = "The ckn-rs developers"
project_copyright = author
version = release = ckn_rs.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "pages_of_the_repository",
    "other_projects",
    "docstrings",
    "named_models",
]
exclude_patterns = ["_build", "examples", "kernels", "gallery/of_names"]
nitpicky = True
# scikit-learn's kernels have them; the reference of a kernel describes them in a list.
nitpick_ignore = [("py:obj", "theta"), ("py:obj", "bounds")]

# Pages in Markdown. Anchors of headings are those of GitHub, so that links work in both places.
myst_heading_anchors = 3
myst_enable_extensions = ["html_image"]

# The reference: every name has a page of its own, made of its docstring. Docstrings tell the types.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/of_names",
    "doc_module": ("ckn_rs",),
    "reference_url": {"ckn_rs": None},
    "capture_repr": (),
    "download_all_examples": False,
    "image_srcset": ["2x"],
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "show_memory": False,
    "thumbnail_size": (520, 360),
    "show_signature": False,
    "write_computation_times": False,
}

templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = f"ckn-rs {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "start": []}
html_theme_options = {
    "logo": {
        "text": "ckn-rs",
        "image_light": "_static/icon.svg",
        "image_dark": "_static/icon.svg",
    },
    "header_links_before_dropdown": 6,
    "show_nav_level": 1,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
