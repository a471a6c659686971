"""A notebook to run and what a run of it leaves: the finished output, or an unfinished one beside it."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...records import write_atomically
from .parameters import Parameter, Refused, declared

__all__ = ["Notebook", "Output", "file_name", "need", "parsed", "read"]

STAMP = "hrm_lite"  # where in an output's metadata its provenance stands


def need(*packages: str, extra: str) -> None:
    """Raises `Refused` with the command that brings them when one of ``packages`` is missing."""
    import importlib.util

    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise Refused(f'{" and ".join(missing)} is not installed here: pip install "hrm-lite[{extra}]" brings it.')


@dataclass
class Notebook:
    """A source notebook: ``content`` is its nbformat node, ``parameters`` what its tagged cell declares."""

    path: Path
    content: Any = field(repr=False)
    parameters: dict[str, Parameter] = field(repr=False)

    @property
    def kernel(self) -> str:
        return self.content.metadata.get("kernelspec", {}).get("name") or "python3"

    def key(self, given: Mapping[str, Any]) -> str:
        """Tells two runs apart: the code cells and the parameters that take effect. Prose makes no difference."""
        code = [cell.source for cell in self.content.cells if cell.cell_type == "code"]
        effective = {name: p.default for name, p in self.parameters.items()} | dict(given)
        return hashlib.sha256(json.dumps([code, storable(effective)], sort_keys=True).encode()).hexdigest()[:32]


def read(path: str | Path) -> Notebook:
    """The notebook at ``path``. Raises `Refused` when there is none, or none that can be run with parameters."""
    path = Path(path)
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*.ipynb")) if path.parent.is_dir() else []
        there = f" There lie {', '.join(beside[:5])}{' …' if len(beside) > 5 else ''}." if beside else ""
        raise Refused(f"there is no notebook {path}.{there}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the notebook {path} cannot be read ({error}).") from None
    return parsed(path, text)


def parsed(path: Path, text: str) -> Notebook:
    """The notebook that ``text`` holds; ``path`` is its name in messages. Raises `Refused` as `read` does."""
    nbformat = _nbformat()
    try:
        if not isinstance(json.loads(text), dict):
            raise ValueError("it is JSON, but no object")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an identifier get one
            content = nbformat.reads(text, as_version=4)
            _, content = nbformat.validator.normalize(content)
        nbformat.validate(content)
    except Exception as error:  # over a file of another shape nbformat stumbles in many ways
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise Refused(
            f"{path} is not a notebook that can be read ({first}). It may be cut short, or hold the marks of a merge; "
            "open it in JupyterLab, or take a whole copy."
        ) from None
    tagged = [cell for cell in content.cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise Refused(
            f"{path} has no cell tagged `parameters`. Put the settings that a run may change into one code cell, such "
            "as seed = 0, and tag it `parameters` (in JupyterLab: Property Inspector, Cell Tags)."
        )
    return Notebook(path, content, declared(tagged[0].source, str(path)))


def _nbformat():
    """The package, imported in a third of the time.

    jsonschema, on which it stands, compiles a grammar of international addresses when it is imported: seconds, for each
    run of a batch, and no notebook needs it. Where the grammar is missing jsonschema does without.
    """
    grammar = "rfc3987_syntax"
    aside = "jsonschema" not in sys.modules and grammar not in sys.modules
    if aside:
        sys.modules[grammar] = None
    try:
        import nbformat
    finally:
        if aside:
            del sys.modules[grammar]
    return nbformat


def storable(value: Any) -> Any:
    """``value`` without the numbers that JSON does not know: inf and nan become text."""
    if isinstance(value, dict):
        return {k: storable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [storable(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def file_name(values: Mapping[str, Any]) -> str:
    """A name for a run that differs from others in ``values``, which every file system takes: "lr=0.001-seed=0"."""
    name = "-".join(f"{k}={v}" for k, v in values.items())
    safe = re.sub(r"[^\w.=+,-]+", "_", name, flags=re.ASCII)
    if safe == name and len(safe) <= 100:
        return safe
    return f"{safe[:90]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"  # what was cut off or replaced counts, too


@dataclass(frozen=True)
class Output:
    """Where the run of a notebook goes: under ``path`` when it is whole, under ``partial`` until then."""

    path: Path

    @property
    def partial(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.partial.ipynb")

    @property
    def lock(self) -> Path:
        return self.path.with_name(f".{self.path.name}.lock")

    def stamp(self) -> dict | None:
        """The stamp of the finished output; None where there is none. Raises `Refused` for a foreign file."""
        if not self.path.exists():
            return None
        stamp = _stamp(self.path)
        if stamp is None:
            raise Refused(
                f"{self.path} was not written by hrm-lite run, so it is not overwritten. Give another output, or move "
                "that file away."
            )
        return stamp

    def unfinished(self) -> dict | None:
        """The stamp of the unfinished output, or None."""
        return _stamp(self.partial) if self.partial.exists() else None

    def state(self, key: str) -> str:
        """done; other: a finished run of other code or parameters; unfinished; new."""
        stamp = self.stamp()
        if stamp is not None:
            return "done" if stamp["key"] == key else "other"
        return "unfinished" if self.partial.exists() else "new"

    def write(self, content: Any, partial: bool) -> None:
        """Write the notebook, all or nothing."""
        from nbformat import from_dict, v4

        text = v4.writes(from_dict(storable(content))) + "\n"
        write_atomically(self.partial if partial else self.path, lambda file: file.write(text.encode()))


def _stamp(path: Path) -> dict | None:
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))["metadata"][STAMP]
        return stamp if "key" in stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
