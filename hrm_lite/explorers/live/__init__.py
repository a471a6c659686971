"""Pictures that live in the page without a kernel: a few kilobytes of JavaScript, which need no network and no library.

Each function returns what a notebook shows. The same output works in the rendered pages, in JupyterLab, in VS Code and
on Colab; where scripts do not run, a sentence says what would be seen.
"""

from .pictures import (
    chain,
    clocks,
    cobweb,
    gradient_terms,
    guess_effects,
    halting_rule,
    orbit,
    restarts,
    row_life,
    thinking,
)  # fmt: skip

__all__ = [
    "chain", "clocks", "cobweb", "gradient_terms", "guess_effects", "halting_rule", "orbit", "restarts", "row_life",
    "thinking",
]  # fmt: skip
