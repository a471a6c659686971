"""torch.compile that tells when it does not work."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

__all__ = ["compiled_or_eager"]

# One graph for each combination of gradient mode, precision and batch size that a run meets. torch's own limit is 8 for
# all blocks together, and beyond it a block would run eagerly without a word.
_GRAPHS = 64


def compiled_or_eager(plain: Callable) -> Callable:
    """``plain``, compiled. Where that does not work it runs as it is, with one warning that says why."""
    return _CompiledOrEager(plain)


def _raise_the_limit() -> None:
    """Let torch keep as many graphs as a run needs, and compile a backward pass with its forward pass."""
    from torch._dynamo import config as limits  # takes a second: only who compiles pays for it
    from torch._functorch import config as backward

    name = "recompile_limit" if hasattr(limits, "recompile_limit") else "cache_size_limit"  # before torch 2.6
    setattr(limits, name, max(getattr(limits, name), _GRAPHS))
    # Otherwise a backward pass that cannot be compiled is found out when the forward pass is long over.
    if hasattr(backward, "force_non_lazy_backward_lowering"):
        backward.force_non_lazy_backward_lowering = True


class _CompiledOrEager:
    warned = False  # once for all of them

    def __init__(self, plain: Callable):
        self.plain, self.compiled = plain, None
        try:
            _raise_the_limit()
            # fullgraph: reaching the limit is an error then, which can be reported. No dynamic shapes: a graph for one
            # batch size is faster, and a run has few.
            self.compiled = torch.compile(plain, fullgraph=True, dynamic=False)
        except Exception as error:
            self._warn(error)

    def __call__(self, *args):
        if self.compiled is not None:
            try:
                return self.compiled(*args)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception as error:  # whatever it is: if it is not the compiler's fault, the next line raises it too
                self.compiled = None
                self._warn(error)
        return self.plain(*args)

    def _warn(self, error: Exception) -> None:
        if not _CompiledOrEager.warned:
            _CompiledOrEager.warned = True
            reason = " ".join(str(error).split())[:200]
            warnings.warn(
                f"torch.compile gave up ({type(error).__name__}: {reason}). What it could not compile runs eagerly "
                "from here on: the results are right, the speed is lower. It needs a C++ compiler for a CPU, and "
                "Triton for a GPU, which computes in bfloat16 from Ampere (A100, RTX 30) on.",
                RuntimeWarning,
                stacklevel=3,
            )
