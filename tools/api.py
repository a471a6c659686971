"""The reference: what the package's docstrings say, as one page. Called by render.py; `python tools/api.py` prints it.

Docstrings are plain text: paragraphs, and indented columns of names and meanings. Paragraphs become Markdown,
columns stay as they are. A string below a field of a class documents that field.
"""

import ast
import importlib
import inspect
import itertools
import pprint
import re
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))   # run as a script, it sees its own folder only

from tools import address

# In the order in which the book builds them; a test knows if a module with public names is missing.
MODULES = (
    "config", "presets", "layers", "model", "baselines", "fixed_points", "dynamics", "gradients", "losses",
    "halting", "official", "solving", "voting", "records", "findings", "processes", "training.arguments",
    "training.trainer", "training.supervision", "training.rows", "training.optim", "training.working",
    "training.compiling", "training.checkpoints", "training.loading", "training.precision", "training.notebook",
    "training.onnx_segment", "training.page_weights", "training.run_folder", "training.interrupts",
    "training.reporting",
    "puzzles.base", "puzzles.sudoku", "puzzles.maze", "puzzles.arc", "puzzles.depth",
    "puzzles.own", "puzzles.kinds", "puzzles.sources", "puzzles.published", "puzzles.splits", "puzzles.stream",
    "puzzles.store", "puzzles.hub", "puzzles.files", "plots", "exercises",
    "exercises.base", "explorers.live", "explorers.sudoku", "explorers.microscope",
    "explorers.halting", "explorers.residuals", "explorers.drawing")  # fmt: skip

HEAD = """# The package

What the docstrings of `hrm_lite` say, module by module, in the order in which the book builds them. Shapes stand in
round brackets, with *batch* first. The source is meant to be read too: most modules are shorter than a chapter.

```text
hrm_lite/
  config presets layers model losses halting gradients        the model, in the order of the chapters
  fixed_points dynamics baselines                             what the chapters hold it against
  official/    the published programs: their configurations, weights and folders
  solving voting records findings processes                   using it, and what a run was
  training/    a run: trainer, supervision, rows, optimizer, precision, checkpoints, run folder; loading and export
  puzzles/     one PuzzleSet for all, one door to files of all kinds; sudoku/, maze/ and arc/ have folders of their own
  plots/       figures, one module a subject, one style
  explorers/   what plays in a notebook and in the page
  exercises/   the exercises of the chapters, checked at once, a module for each chapter
  cli/         the command line: a command is a module; notebooks/ runs notebooks, alone and as a grid
```

Arrows point down only: the command line imports explorers, explorers training, training solving, solving the model,
and the model the puzzles; never the other way. What a user of the command line needs stands [at the end](the-commands).
"""


def text(docstring: str, parameters=()) -> str:
    """A docstring as Markdown: paragraphs, a list of what it says of each parameter, and columns as they are."""
    parts, block, listing, before = [], [], False, ""
    for line in [*inspect.cleandoc(docstring or "").splitlines(), "end"]:
        if line.startswith("  ") or re.match(r"\S+( \S+)?  +\S", line) or (not line and block):
            block.append(line)
            continue
        if block:
            parts += ["", "```text", *textwrap.dedent("\n".join(block)).strip("\n").splitlines(), "```", ""]
            block, listing = [], False
        if listing and (not line or (before.endswith(".") and line[:1].isupper())):
            parts.append("")
            listing = False
        for said in sentences(line, parameters):
            names = described(said, parameters)
            if names:
                if parts and not listing:
                    parts.append("")
                meaning = escape(said.split(": ", 1)[1].rstrip(";"))
                parts.append("- " + ", ".join(f"`{n}`" for n in names) + ": " + meaning)
                listing = True
            elif listing and said.startswith("Raises "):
                parts += ["", escape(said)]
                listing = False
            else:
                parts.append("  " + escape(said.rstrip(";")) if listing else escape(said))
        before = line
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts[:-1])).strip()


def described(said: str, parameters) -> list[str]:
    """The parameters that a sentence of the form "name, name: meaning" is about."""
    head = re.match(r"((?:\w+, )*\w+): \S", said)
    names = head[1].split(", ") if head else []
    return names if set(names) <= set(parameters) else []


def sentences(line: str, parameters) -> list[str]:
    """The line, cut where it begins to speak of another parameter, or of errors."""
    found = [""]
    for piece in re.split(r"(?<=[.;]) (?=(?:\w+, )*\w+: |Raises )", line):
        if not found[-1] or described(piece, parameters) or piece.startswith("Raises "):
            found.append(piece)
        else:
            found[-1] += " " + piece
    return found[1:]


def escape(line: str) -> str:
    """Nothing in a docstring is markup but `code` and *stress*."""
    parts = re.split(r"(``[^`]+``|`[^`]+`|(?<![\w*])\*\w[\w ]*\*(?![\w*]))", line)
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
        if p.kind is p.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        mark = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        kind = annotation(p.annotation, ": ")
        value = getattr(p.default, "__name__", repr(p.default))         # print, and not <built-in function print>
        given = "" if p.default is p.empty else f" = {value}" if kind else f"={value}"
        parts.append(f"{mark}{p.name}{kind}{given}")
    result = "" if inspect.isclass(thing) else annotation(found.return_annotation, " -> ")
    line = f"{name}({', '.join(parts)}){result}"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(parts) + f",\n){result}"


def annotation(given, before: str) -> str:
    if given is inspect.Parameter.empty:
        return ""
    if not isinstance(given, str):
        given = getattr(given, "__forward_arg__", None) or inspect.formatannotation(given)
    return before + given.strip("'\"")


def parameters_of(thing) -> list[str]:
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def made_like(cls) -> str | None:
    """The base class of this package that is made from the same arguments."""
    bases = [base for base in cls.__mro__[1:] if base.__module__.startswith("hrm_lite.")]
    same = [b.__name__ for b in bases if inspect.signature(b).parameters == inspect.signature(cls).parameters]
    return same[-1] if same else None


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
    if inspect.isclass(thing) and (base := made_like(thing)):
        lines += ["```python", f"class {name}({base})", "```", "", f"Made from the same arguments as `{base}`.", ""]
    elif callable(thing):
        lines += ["```python", signature(name, thing), "```", ""]
    elif not inspect.getdoc(thing) or isinstance(thing, (tuple, list, dict, str, int, float)):
        shown = pprint.pformat(thing, width=100, sort_dicts=False)
        shown = re.sub(r"<function ([\w.]+) at 0x[0-9a-f]+>", r"\1", shown)  # where it lies is another in each process
        return [*lines, "```python", f"{name} = {shown}", "```", ""]
    said = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
    lines += [text(said, parameters_of(thing) if callable(thing) else ()), ""]
    if inspect.isclass(thing):
        lines += [f"- `{field}`: {escape(' '.join(said.split()))}" for field, said in field_docs(thing).items()] + [""]
        for key, member in vars(thing).items():
            function = getattr(member, "__func__", getattr(member, "fget", getattr(member, "func", member)))
            if not key.startswith("_") and inspect.isfunction(function) and function.__doc__:
                head = signature(f"{name}.{key}", function)
                if function is not member and not hasattr(member, "__func__"):        # a property is no call
                    head = f"{name}.{key}" + annotation(inspect.signature(function).return_annotation, ": ")
                lines += ["```python", head, "```", "", text(function.__doc__, parameters_of(function)), ""]
    return lines


def page() -> str:
    lines = [HEAD]
    for module in MODULES:
        found = importlib.import_module(f"hrm_lite.{module}")
        source = f"{address.current()}/blob/main/hrm_lite/{module.replace('.', '/')}"
        source += "/__init__.py" if hasattr(found, "__path__") else ".py"
        lines += [f"## `{module}`", "", f"*[hrm_lite.{module}]({source})*", "", text(found.__doc__), ""]
        for name in public(found):
            lines += entry(name, getattr(found, name), "###")
    return "\n".join([*lines, *commands()])


def commands() -> list[str]:
    """The command line, as each command's own `--help` has it."""
    import click

    from hrm_lite import cli

    lines = ["(the-commands)=", "## The command line", "", text(cli.__doc__), ""]
    group = click.Context(cli.main, info_name="hrm-lite", **cli.main.context_settings)
    for name in cli.main.list_commands(group):
        command = cli.main.get_command(group, name)
        context = click.Context(command, group, info_name=name, max_content_width=100, terminal_width=100)
        lines += [f"### `hrm-lite {name}`", "", "```text", command.get_help(context).strip(), "```", ""]
    return lines


def public(module) -> list[str]:
    """The names that a module offers: its __all__, or what it defines itself."""
    names = getattr(module, "__all__", None)
    return list(names) if names is not None else [
        name for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__]  # fmt: skip


if __name__ == "__main__":
    print(page())
