"""Initial weights: the same bits from one seed everywhere, and distributed as they should be."""

import math
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import make

from hrm_lite.layers import truncated_normal_
from hrm_lite.training.trainer import fingerprint

# What HRM(…) starts from after torch.manual_seed(7), recorded with torch 2.13 on AVX-512. Every other version and
# processor has to draw the same bits (tests/test_colab.py runs this file with torch 2.11).
INITIAL_WEIGHTS = {
    "attention": (dict(positions="learned", puzzles=3), "83cbee89ce44c05a"),
    "mlp, grid": (dict(mixer="mlp", positions="grid", grid=(4, 4, 2, 2), share_modules=True), "f9b489e5eba36024"),
    "convolution": (dict(mixer="convolution", positions="none", grid=(2, 8)), "a82531c7217b4602"),
    "wide": (dict(d_model=96, n_heads=3, vocab_size=11, seq_len=81, controller_layers=2), "494ec0068fc1259c"),
}


@pytest.mark.parametrize("name", INITIAL_WEIGHTS)
def test_a_seed_draws_the_same_initial_weights_everywhere(name):
    changes, recorded = INITIAL_WEIGHTS[name]
    assert fingerprint(make(7, **changes).state_dict()) == recorded


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="chooses among the kernels of x86 processors")
@pytest.mark.parametrize("kernels", ["default", "avx2"])
def test_other_kernels_of_the_processor_draw_the_same_initial_weights(kernels):
    code = (
        "from test_initial_weights import *;"
        "print([fingerprint(make(7, **changes).state_dict()) == recorded for changes, recorded in"
        " INITIAL_WEIGHTS.values()])"
    )
    environment = os.environ | {"ATEN_CPU_CAPABILITY": kernels}
    ran = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, capture_output=True,
                         text=True)  # fmt: skip
    assert ran.stdout.strip() == f"{[True] * len(INITIAL_WEIGHTS)}", ran.stderr


def test_the_cut_normal_against_its_distribution():
    """A drawn sample against the closed form, by the largest gap of the two distribution functions (Kolmogorov)."""
    n = 200_000
    x = truncated_normal_(torch.empty(n, dtype=torch.float64), 1.0, torch.Generator().manual_seed(0)).sort().values
    cut = 0.8796256610342398  # the deviation of a unit normal that is cut at ±2
    phi = torch.special.ndtr(x * cut)
    expected = (phi - torch.special.ndtr(torch.tensor(-2.0))) / math.erf(math.sqrt(2))
    gap = (expected - (torch.arange(n) + 0.5) / n).abs().max().item()
    assert gap < 1.95 / math.sqrt(n), "one draw in a thousand is further off"
