"""Reading published weights: files, names, shapes, and everything that can be wrong with them."""

import pickle

import pytest
import torch
import yaml
from test_parity import recorded, under

from hrm_lite import HRM, HRMConfig, from_official
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


# -- puzzle embeddings that are wider or narrower than the model


@pytest.mark.parametrize(("width", "positions"), [(16, 1), (32, 1), (40, 2), (96, 3), (16, 4), (96, 4), (128, 4)])
def test_a_puzzle_embedding_fills_its_positions_as_published(width, positions):
    torch.manual_seed(0)
    d = 32
    net = HRM(HRMConfig(d_model=d, n_heads=2, seq_len=5, puzzles=3, puzzle_positions=positions, puzzle_width=width,
                        inner_multiple=8)).input_net  # fmt: skip
    net.puzzles.weight.normal_()
    tokens, ids = torch.randint(0, 11, (2, 5)), torch.tensor([2, 1])
    # The published _input_embeddings, step by step.
    vectors = net.puzzles.weight[ids]
    missing = positions * d - vectors.shape[-1]
    if missing > 0:
        vectors = torch.cat((vectors, torch.zeros(2, missing)), -1)
    expected = d**0.5 * torch.cat((vectors.view(-1, positions, d), net.tokens.weight[tokens]), dim=-2)
    torch.testing.assert_close(net(tokens, ids), expected)


@pytest.mark.parametrize("name", ["trm_attention", "trm_mlp"])
@pytest.mark.parametrize("width", [64, 100, 128])
def test_a_wide_embedding_whose_rest_is_zero_is_the_recorded_model(name, width):
    """The recorded vectors are 32 wide and stand in the first of four positions; the published code adds zeros."""
    arch, r = recorded(name)
    state = under(r, "weights.")
    plain = from_official(state, arch)
    state["puzzle_emb.weights"] = torch.nn.functional.pad(state["puzzle_emb.weights"], (0, width - 32))
    wide = from_official(state, arch | {"puzzle_emb_ndim": width})
    assert wide.config.puzzle_width == width and wide.config.prefix == 4
    z = plain.initial_latents(len(r["inputs"]))
    a, b = (model(z, r["inputs"], r["puzzle_identifiers"]) for model in (plain, wide))
    assert torch.equal(a.logits, b.logits) and torch.equal(a.q_halt, b.q_halt)
    wide.input_net.puzzles.weight[:, -1] = 1  # and what stands there is read
    assert not torch.equal(wide(z, r["inputs"], r["puzzle_identifiers"]).logits, b.logits)


@pytest.mark.parametrize(("width", "d", "positions"), [(384, 1536, 1), (64, 512, 1), (1024, 512, 2), (512, 512, 1)])
def test_an_embedding_takes_as_many_positions_as_it_needs(width, d, positions):
    arch, _ = recorded("hrm_rope_stablemax")
    config = config_from_official(arch | {"hidden_size": d, "puzzle_emb_ndim": width, "num_heads": 8})
    assert config.puzzle_positions == positions
    given = config_from_official(arch | {"hidden_size": d, "puzzle_emb_ndim": width, "puzzle_emb_len": 16})
    assert given.puzzle_positions == 16
    with pytest.raises(ValueError, match=r"puzzle_width=1025.*It needs puzzle_positions=3"):
        config.replace(d_model=512, puzzle_positions=2, puzzle_width=1025)


# -- the configuration as it stands in the repositories

TRM_YAML = """
name: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1
loss:
  name: losses@ACTLossHead
  loss_type: stablemax_cross_entropy
halt_exploration_prob: 0.1
halt_max_steps: 16
H_cycles: 3
L_cycles: 2
H_layers: 0
L_layers: 2
hidden_size: 32
num_heads: 2  # min(2, hidden_size // 64)
expansion: 4
puzzle_emb_ndim: ${.hidden_size}
pos_encodings: rope
forward_dtype: bfloat16
mlp_t: False
rms_norm_eps: 1e-5
no_ACT_continue: True
"""
SIZES = {"vocab_size": 11, "seq_len": 16, "num_puzzle_identifiers": 5}


def test_a_trm_configuration_without_puzzle_emb_len_takes_sixteen_positions():
    """Their class has it as its default; with one position the same weights load and answer something else."""
    arch, r = recorded("trm_attention")
    left_out = {k: v for k, v in arch.items() if k != "puzzle_emb_len"}
    model = from_official(under(r, "weights."), left_out)
    assert model.config.puzzle_positions == 16
    assert config_from_official(arch | {"puzzle_emb_len": 0}).puzzle_positions == 1, "0 there: as many as it needs"
    hrm, _ = recorded("hrm_rope_stablemax")
    assert config_from_official(hrm).puzzle_positions == 1
    arch, r = recorded("trm_mlp")
    with pytest.raises(ValueError, match="of another shape"):
        from_official(under(r, "weights."), {k: v for k, v in arch.items() if k != "puzzle_emb_len"})


def test_the_yaml_is_read_in_all_its_forms(tmp_path):
    arch = yaml.safe_load(TRM_YAML)
    assert arch["rms_norm_eps"] == "1e-5", "YAML takes this for text"
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump({"arch": arch, "lr": 1e-4} | SIZES), encoding="utf-8")
    (tmp_path / "part.yaml").write_text(yaml.safe_dump(arch | SIZES), encoding="utf-8")
    recorded_arch = recorded("trm_attention")[0] | {"puzzle_emb_len": 16}
    for form in (
        arch | SIZES, {"arch": arch | SIZES}, {"arch": arch} | SIZES, tmp_path / "whole.yaml",
        str(tmp_path / "part.yaml"), arch | SIZES | {"puzzle_emb_ndim": "${hidden_size}"},
        arch | SIZES | {"puzzle_emb_ndim": "${arch.hidden_size}"},
        {"arch": arch | {"puzzle_emb_ndim": "${arch.hidden_size}"}, **SIZES},
        {"arch": arch | {"puzzle_emb_ndim": "${..width}"}, "width": 32, **SIZES},
        {"arch": arch | {"puzzle_emb_ndim": "${width}"}, "width": "${arch.hidden_size}", **SIZES},
    ):  # fmt: skip
        assert config_from_official(form) == config_from_official(recorded_arch)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"puzzle_emb_ndim": "${.width}"}, r"puzzle_emb_ndim is \$\{\.width\}, which leads nowhere"),
        ({"puzzle_emb_ndim": "${.puzzle_emb_ndim}"}, "leads nowhere"),
        ({"hidden_size": "wide"}, "hidden_size='wide' is not usable: expected a number"),
        ({"L_layers": 2.5}, r"L_layers=2\.5 is not usable: expected a whole number"),
        ({"name": "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1"}, "is another model"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_explained(change, says):
    with pytest.raises(ValueError, match=says):
        config_from_official(yaml.safe_load(TRM_YAML) | SIZES | change)


def test_what_is_no_configuration_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*arch\.yaml\. Give the published all_config\.yaml"):
        config_from_official(tmp_path / "arch.yaml")
    (tmp_path / "arch.yaml").write_text("[1, 2", encoding="utf-8")
    with pytest.raises(ValueError, match="could not be read as YAML"):
        config_from_official(tmp_path / "arch.yaml")
    (tmp_path / "arch.yaml").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"is a list, but a mapping of names"):
        config_from_official(str(tmp_path / "arch.yaml"))
    with pytest.raises(ValueError, match=r"is a list, but a mapping of names"):
        config_from_official(["hidden_size"])


def test_the_name_says_that_one_network_plays_both_parts_whatever_h_layers_says():
    config = config_from_official(yaml.safe_load(TRM_YAML) | SIZES | {"H_layers": 4})
    assert config.share_modules and config.gradient == "last_cycle"


def test_settings_of_somebody_elses_program_are_named():
    with pytest.warns(UserWarning, match="does not know: adaptive_depth, residual.*other answers than there"):
        config_from_official(yaml.safe_load(TRM_YAML) | SIZES | {"residual": True, "adaptive_depth": 2, "off": False})
