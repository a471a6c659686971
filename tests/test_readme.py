"""The README's Python runs as it stands, and does what it says."""

import re
from pathlib import Path

import pytest

from tools import address

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_ten_lines_of_python(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(code.strip().splitlines()) <= 11
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert float(re.search(r"tensor\(([\d.]+)", printed).group(1)) > 0.9
    assert (tmp_path / "runs" / "first" / "run.json").exists()


def test_the_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"(?m)^make (\w+)", README))
    assert {"book", "test"} <= commands
    assert all(re.search(rf"(?m)^{command}:", makefile) for command in commands)


def test_every_button_leads_to_a_file_and_every_full_scale_notebook_has_one():
    links = re.findall(r"\]\((https://[^)]+)\)", README)
    led = {path for link in links if (path := address.led_to(link, address.current())) is not None}
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= led
    assert not [path for path in led if not (ROOT / path).exists()]
    assert "[on Colab](" in README
