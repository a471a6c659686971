"""The reference: what the package's docstrings say, as one page. Called by render.py; `python tools/api.py` prints it.

Docstrings are plain text: paragraphs, and indented columns of names and meanings. Paragraphs become Markdown,
columns stay as they are. A string below a field of a class documents that field.
"""

import ast
import importlib
import inspect
import itertools
import re
import textwrap

# In the order in which the book builds them; a test knows if a module with public names is missing.
MODULES = (
    "config", "presets", "layers", "model", "baselines", "fixed_points", "dynamics", "gradients", "losses", "halting",
    "optim", "compiling", "working", "processes", "rows", "supervision", "training", "run_folder", "checkpoints",
    "interrupts", "reporting", "solving", "voting", "official", "records", "puzzles.base", "puzzles.sudoku",
    "puzzles.maze", "puzzles.arc", "puzzles.depth", "puzzles.sources", "puzzles.splits", "puzzles.stream",
    "puzzles.store", "puzzles.hub", "puzzles.files", "plots", "widgets", "microscope", "halting_explorer")  # fmt: skip

HEAD = """# The package

What the docstrings of `hrm_lite` say, module by module, in the order in which the book builds them. Shapes stand in
brackets, with *batch* first. The source is meant to be read too: most modules are shorter than a chapter.
"""


def text(docstring: str) -> str:
    """A docstring as Markdown: paragraphs, and what is indented or stands in columns as it is."""
    parts, block = [], []
    for line in [*inspect.cleandoc(docstring or "").splitlines(), "end"]:
        if line.startswith("  ") or re.match(r"\S+( \S+)?  +\S", line) or (not line and block):
            block.append(line)
            continue
        if block:
            parts += ["", "```text", *textwrap.dedent("\n".join(block)).strip("\n").splitlines(), "```", ""]
            block = []
        parts.append(escape(line))
    return "\n".join(parts[:-1]).strip()


def escape(line: str) -> str:
    """Nothing in a docstring is markup but `code`."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", line)
    return "".join(p if i % 2 else re.sub(r"([*_<>$\[\]{}|\\^~])", r"\\\1", p) for i, p in enumerate(parts))


def signature(name: str, thing) -> str:
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return name
    parts = []
    for p in found.parameters.values():
        if p.name in ("self", "cls"):
            continue
        if p.kind is p.KEYWORD_ONLY and "*" not in " ".join(parts):
            parts.append("*")
        mark = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        given = "" if p.default is p.empty else f" = {p.default!r}"
        parts.append(f"{mark}{p.name}{annotation(p.annotation, ': ')}{given}")
    line = f"{name}({', '.join(parts)})"
    if len(line) > 100:
        line = f"{name}(\n    " + ",\n    ".join(parts) + ",\n)"
    return line if inspect.isclass(thing) else line + annotation(found.return_annotation, " -> ")


def annotation(given, before: str) -> str:
    if given is inspect.Parameter.empty:
        return ""
    if not isinstance(given, str):
        given = getattr(given, "__forward_arg__", None) or inspect.formatannotation(given)
    return before + given


def field_docs(cls) -> dict[str, str]:
    """Strings that stand below the fields of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body
    return {
        field.target.id: after.value.value
        for field, after in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    }


def entry(name: str, thing, level: str) -> list[str]:
    lines = [f"{level} `{name}`", ""]
    if callable(thing):
        lines += ["```python", signature(name, thing), "```", ""]
    elif not inspect.getdoc(thing) or isinstance(thing, (tuple, list, dict, str, int, float)):
        return [*lines, "```python", f"{name} = {thing!r}"[:500], "```", ""]
    lines += [text(thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)), ""]
    if inspect.isclass(thing):
        for field, said in field_docs(thing).items():
            lines += [f"`{field}`\n: {escape(' '.join(said.split()))}", ""]
        for key, member in vars(thing).items():
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if not key.startswith("_") and inspect.isfunction(function) and function.__doc__:
                head = key if isinstance(member, property) else signature(key, function)
                lines += ["```python", head, "```", "", text(function.__doc__), ""]
    return lines


def page() -> str:
    lines = [HEAD]
    for module in MODULES:
        found = importlib.import_module(f"hrm_lite.{module}")
        lines += [f"## `hrm_lite.{module}`", "", text(found.__doc__), ""]
        for name in public(found):
            lines += entry(name, getattr(found, name), "###")
    return "\n".join(lines)


def public(module) -> list[str]:
    """The names that a module offers: its __all__, or what it defines itself."""
    names = getattr(module, "__all__", None)
    return list(names) if names is not None else [
        name for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__]  # fmt: skip


if __name__ == "__main__":
    print(page())
