"""Reading published weights: files, names, shapes, and everything that can be wrong with them."""

import pickle

import pytest
import torch
from test_parity import recorded, under

from hrm_lite import from_official
from hrm_lite.official import config_from_official


@pytest.fixture
def published():
    arch, r = recorded("hrm_rope_stablemax")
    return arch, {f"_orig_mod.model.inner.{k}": v for k, v in under(r, "weights.").items()}


def test_a_checkpoint_file_as_published_is_read(published, tmp_path):
    arch, state = published
    torch.save(state, tmp_path / "step_100")
    model = from_official(tmp_path / "step_100", arch)
    assert not model.training and model.config.puzzles == 5 and model.config.gradient == "one_step"
    assert torch.equal(model.output_net.weight, state["_orig_mod.model.inner.lm_head.weight"])


def test_bfloat16_weights_become_float32(published):
    arch, state = published
    model = from_official({k: v.bfloat16() for k, v in state.items()}, arch)
    assert {v.dtype for v in model.state_dict().values()} == {torch.float32}


def test_every_missing_surplus_and_misshaped_key_is_named(published):
    arch, state = published
    wrong = dict(state)
    del wrong["_orig_mod.model.inner.H_init"], wrong["_orig_mod.model.inner.L_level.layers.0.mlp.down_proj.weight"]
    wrong["_orig_mod.model.inner.ema_shadow"] = wrong["_orig_mod.model.inner.L_level.layers.7.mlp.down_proj.weight"] = (
        torch.zeros(1)
    )
    wrong["_orig_mod.model.inner.lm_head.weight"] = torch.zeros(12, 32)
    with pytest.raises(ValueError) as error:
        from_official(wrong, arch)
    said = str(error.value)
    missing, unknown, shape = (said.index(w) for w in ("missing", "not known", "of another shape"))
    assert missing < said.index("worker.blocks.0.mlp.down.weight") < said.index("z_H_init") < unknown
    assert unknown < said.index("L_level.layers.7") < said.index("ema_shadow") < shape
    assert "lm_head.weight is (12, 32), needed is (11, 32)" in said[shape:]


def test_weights_of_another_configuration_are_refused(published):
    arch, state = published
    with pytest.raises(ValueError, match=r"of another shape: .*needed is"):
        from_official(state, arch | {"hidden_size": 64, "puzzle_emb_ndim": 64})
    with pytest.raises(ValueError, match=r"missing.*worker\.blocks\.1"):
        from_official(state, arch | {"L_layers": 2})


def test_two_names_for_one_tensor_are_refused(published):
    arch, state = published
    with pytest.raises(ValueError, match=r"lm_head\.weight more than once.*key='_orig_mod\.model\.inner'"):
        from_official(state | {"lm_head.weight": torch.zeros(11, 32)}, arch)


def test_an_incomplete_or_foreign_architecture_is_explained(published):
    arch, _ = published
    with pytest.raises(ValueError, match=r"lacks L_cycles, hidden_size|lacks hidden_size, L_cycles"):
        config_from_official({k: v for k, v in arch.items() if k not in ("L_cycles", "hidden_size")})
    with pytest.raises(ValueError, match="lacks pos_encodings"):
        config_from_official({k: v for k, v in arch.items() if k != "pos_encodings"})


def test_files_that_are_cut_foreign_or_run_code_are_refused(published, tmp_path):
    arch, state = published
    torch.save(state, tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:5000])
    (tmp_path / "text").write_text("hello")

    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    (tmp_path / "bomb").write_bytes(pickle.dumps({"w": Bomb()}))
    torch.save({"w": Bomb()}, tmp_path / "bomb2")
    for name in ("cut", "text", "bomb", "bomb2"):
        with pytest.raises(ValueError, match="could not be read as a checkpoint"):
            from_official(tmp_path / name, arch)
    assert not (tmp_path / "executed").exists()
    torch.save([1, 2], tmp_path / "list")
    with pytest.raises(ValueError, match="not a dictionary of tensors"):
        from_official(tmp_path / "list", arch)
    with pytest.raises(FileNotFoundError, match="no checkpoint file"):
        from_official(tmp_path / "absent", arch)
