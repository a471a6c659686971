"""`hrm-lite export`: each form read back by something else than what wrote it, and nothing kept that does not agree."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make
from safetensors import safe_open
from test_cli import call
from test_cli_solve import PUZZLE, is_sudoku

from hrm_lite import load_model, model_preset
from hrm_lite.model import HRM
from hrm_lite.puzzles import sudoku
from hrm_lite.solving import solve
from hrm_lite.training import onnx_segment, page_weights, save_model

SHIPPED = str(Path(__file__).resolve().parent.parent / "results/sudoku/4x4-hrm/model.safetensors")


def export(to, *words, model=SHIPPED):
    result = call("export", model, "--to", str(to), *words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["bytes"] == Path(to).stat().st_size and found["file"] == str(to)
    assert [path.name for path in Path(to).parent.iterdir() if path.name.startswith(".")] == []
    return found


# -- half precision -----------------------------------------------------------------------------------------------


def test_half_precision_is_half_the_size_and_gives_the_same_answers(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "full.safetensors", HRM(model_preset("sudoku-4x4")))
    full = tmp_path / "full.safetensors"
    found = export(tmp_path / "half.safetensors", model=str(full))
    assert found["format"] == "half" and found["bytes"] < 0.51 * full.stat().st_size
    with safe_open(tmp_path / "half.safetensors", "pt") as file:
        assert {str(file.get_tensor(name).dtype) for name in file.keys()} == {"torch.bfloat16"}  # noqa: SIM118
    for name, weight in load_model(tmp_path / "half.safetensors").state_dict().items():
        assert torch.equal(weight, load_model(full).state_dict()[name].bfloat16().float())
    assert export(tmp_path / "again.safetensors")["answers"] == 1.0


# -- ONNX ---------------------------------------------------------------------------------------------------------


def run_onnx(path, puzzles: list[str], segments: int):
    """Solve with onnxruntime and numpy alone, from what the file itself says."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    config = json.loads(facts["config"])
    tokens = np.array([[1 if c == "." else int(c) + 1 for c in puzzle] for puzzle in puzzles], np.int64)
    positions = config["seq_len"] + (config["puzzle_positions"] if config["puzzles"] else 0)
    z = {
        name: np.tile(np.array(json.loads(facts[f"{name}_init"]), np.float32), (len(puzzles), positions, 1))
        for name in ("z_H", "z_L")
    }
    given = {"tokens": tokens} | ({"puzzle_ids": np.zeros(len(puzzles), np.int64)} if config["puzzles"] else {})
    for _ in range(segments):
        logits, q_halt, _, z["z_H"], z["z_L"] = session.run(None, given | z)
    return logits, q_halt


def test_an_onnx_graph_thinks_as_torch_does_in_batches_of_any_size(tmp_path):
    found = export(tmp_path / "segment.onnx")
    assert found["difference"] < 1e-4 and len(found["checked_on"]) == 2
    model = load_model(SHIPPED)
    puzzles = sudoku.load("generated:4x4:4-6", "test", limit=7)
    for number in (1, 7):
        part = puzzles[:number]
        logits, q_halt = run_onnx(tmp_path / "segment.onnx", part.questions(), 6)
        wanted = solve(model, part.as_tensors()[0], 6, halt=False)
        assert (torch.from_numpy(logits).argmax(-1) == wanted.tokens).all()
        np.testing.assert_allclose(q_halt, wanted.q_halt.numpy(), atol=1e-2)
    answer = "".join(str(token - 1) for token in run_onnx(tmp_path / "segment.onnx", [PUZZLE], 8)[0][0].argmax(-1))
    assert is_sudoku(PUZZLE, answer)


@pytest.mark.parametrize(
    "changes",
    [
        dict(puzzles=0),
        dict(mixer="mlp", positions="none", share_modules=True),
        dict(positions="learned", controller_sees_input=True),
        dict(mixer="convolution", positions="none", grid=(2, 8), puzzles=3, puzzle_positions=2, share_modules=True),
        dict(positions="grid", grid=(4, 4, 2, 2), puzzles=3, puzzle_positions=4, cycles=3, steps=3),
    ],
)
def test_every_kind_of_model_becomes_a_graph(changes):
    model = make(**changes)
    with torch.no_grad():
        for weight in [*model.parameters(), *model.buffers()]:
            if weight.is_floating_point():
                weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    data = onnx_segment.segment_bytes(model)
    ids = torch.arange(3) % max(1, model.config.puzzles)
    tokens = torch.randint(6, (3, 16), generator=torch.Generator().manual_seed(0))
    assert onnx_segment.difference_from_torch(data, model, tokens, ids) < 1e-4
    with torch.no_grad():
        model.output_net.weight[2, 3] += 0.1
    assert onnx_segment.difference_from_torch(data, model, tokens, ids) > 1e-3  # another model is told apart


def test_a_graph_that_differs_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_segment, "TOLERANCE", -1.0)
    (tmp_path / "segment.onnx").write_text("what stood here", encoding="utf-8")
    result = call("export", SHIPPED, "--to", str(tmp_path / "segment.onnx"))
    assert result.exit_code == 1 and "differs from torch" in result.stderr
    assert (tmp_path / "segment.onnx").read_text(encoding="utf-8") == "what stood here"


def test_without_onnx_the_extra_is_named_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = call("export", SHIPPED, "--to", str(tmp_path / "segment.onnx"))
    assert result.exit_code == 1 and "onnx and onnxruntime" in result.stderr and "pip install" in result.stderr


# -- the page -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["float16", "int8"])
def test_a_page_model_comes_back_and_solves(tmp_path, weights):
    found = export(tmp_path / "sudoku-4x4.js", "--weights", weights)
    assert found["cells"] > 0.99 and found["confidence"] < 0.1
    model, facts = page_weights.read_page_model(tmp_path / "sudoku-4x4.js")
    assert facts == {"margin": 2.0}
    answer = solve(model, torch.tensor([[1 if c == "." else int(c) + 1 for c in PUZZLE]]), 8).tokens[0]
    assert is_sudoku(PUZZLE, "".join(str(int(token) - 1) for token in answer))
    original = load_model(SHIPPED).state_dict()
    for name, weight in model.state_dict().items():
        gap = (weight - original[name]).abs()
        if weights == "int8" and weight.ndim == 2:
            rows = original[name].abs().amax(1, keepdim=True) / 127
            assert (gap <= 0.501 * rows + 1e-9).all(), name
        else:
            assert (gap <= 2**-11 * original[name].abs() + 2**-25).all(), name


def test_int8_is_half_of_float16(tmp_path):
    sizes = [export(tmp_path / f"{kind}.js", "--weights", kind)["bytes"] for kind in ("float16", "int8")]
    assert sizes[1] < 0.6 * sizes[0] and sizes[0] < 300_000


def test_a_page_model_is_plain_ascii_and_no_end_of_a_script():
    text = page_weights.page_script(make(), 'a"b</script>\u2028ü', facts={"note": "</script>"})
    assert text.isascii() and "</" not in text and len(text.splitlines()) == 3


def test_javascript_reads_what_python_wrote(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: nothing here runs JavaScript")
    for kind in ("float16", "int8"):
        page_weights.write_page_model(tmp_path / f"{kind}.js", load_model(SHIPPED), kind, kind)
    # A reader of its own, in the language of the page, from the format's description.
    (tmp_path / "read.cjs").write_text(
        """
require("./float16.js"); require("./int8.js");
function half(h) {
  const s = h >> 15 ? -1 : 1, e = (h >> 10) & 31, f = h & 1023;
  return e === 0 ? s * f * 2 ** -24 : s * (1 + f / 1024) * 2 ** (e - 15);
}
const sums = {};
for (const [name, m] of Object.entries(globalThis.HRM_LITE_MODELS)) {
  const bytes = Uint8Array.from(atob(m.data), c => c.charCodeAt(0)), view = new DataView(bytes.buffer);
  sums[name] = {};
  for (const t of m.tensors) {
    const n = t.shape.reduce((a, b) => a * b, 1), columns = n / t.shape[0];
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const w = t.type === "float16" ? half(view.getUint16(t.offset + 2 * i, true))
        : view.getInt8(t.offset + i) * view.getFloat32(t.scales + 4 * Math.floor(i / columns), true);
      sum += w * Math.cos(i);
    }
    sums[name][t.name] = sum;
  }
}
console.log(JSON.stringify(sums));
""",
        encoding="utf-8",
    )
    run = subprocess.run([node, "read.cjs"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    for kind, sums in json.loads(run.stdout).items():
        model, _ = page_weights.read_page_model(tmp_path / f"{kind}.js")
        assert sums.keys() == model.state_dict().keys()
        for name, weight in model.state_dict().items():
            values = weight.double().flatten()
            wanted = (values * torch.arange(len(values)).double().cos()).sum().item()
            assert sums[name] == pytest.approx(wanted, abs=1e-4), name


def test_a_damaged_page_model_is_refused(tmp_path):
    path = tmp_path / "m.js"
    page_weights.write_page_model(path, make(), "m")
    text = path.read_text(encoding="utf-8")
    data = json.loads(text.splitlines()[2].split(" = ", 1)[1].removesuffix(";"))["data"]
    changed = text.replace(data, ("B" if data[0] == "A" else "A") + data[1:])
    for broken in (changed, text[:-200], "", text.replace('"version": 1', '"version": 2'), "var x = 1;\n\n\n"):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(ValueError, match="no page model that this version can read"):
            page_weights.read_page_model(path)


@pytest.mark.parametrize("value", [1e5, float("nan"), float("inf")])
def test_what_16_bits_cannot_hold_is_refused(tmp_path, value):
    model = make()
    with torch.no_grad():
        model.output_net.weight[0, 0] = value
    with pytest.raises(ValueError, match=r"output_net\.weight"):
        page_weights.page_script(model, "m")


# -- the command --------------------------------------------------------------------------------------------------


def test_the_form_is_told_by_the_suffix_or_said(tmp_path):
    assert "suffix" in call("export", "--help").output
    result = call("export", SHIPPED, "--to", str(tmp_path / "model.pt"))
    assert result.exit_code == 2 and ".onnx" in result.output
    assert export(tmp_path / "model.txt", "--format", "page")["format"] == "page"
    assert call("export", SHIPPED, "--to", str(tmp_path)).exit_code == 2
    assert (tmp_path / "deep" / "er").exists() is False
    assert export(tmp_path / "deep" / "er" / "m.js")["format"] == "page"


def test_puzzles_of_another_kind_are_refused(tmp_path):
    words = "--to", str(tmp_path / "m.onnx"), "--puzzles", "sudoku:generated:9x9:45-55"
    result = call("export", SHIPPED, *words)
    assert result.exit_code == 1 and "sudoku-9x9" in result.stderr and not (tmp_path / "m.onnx").exists()


def test_a_model_of_no_known_kind_is_held_against_random_tokens(tmp_path):
    save_model(tmp_path / "m.safetensors", make(seq_len=7, vocab_size=4))
    found = export(tmp_path / "m.onnx", model=str(tmp_path / "m.safetensors"))
    assert found["checked_on"] == ["32 rows of random tokens"]
