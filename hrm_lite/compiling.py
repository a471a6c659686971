"""torch.compile that tells when it does not work."""

from __future__ import annotations

import warnings
from collections.abc import Callable

__all__ = ["compiled_or_eager"]

# One graph for each combination of gradient mode, precision and batch size that a run meets. torch's own limit is 8 for
# all blocks together, and beyond it a block would run eagerly without a word.
_GRAPHS = 64


def compiled_or_eager(plain: Callable) -> Callable:
    """``plain``, compiled. Where that does not work it runs as it is, with one warning that says why."""
    return _CompiledOrEager(plain)


class _CompiledOrEager:
    warned = False  # once for all of them

    def __init__(self, plain: Callable):
        import torch._dynamo  # takes a second: only who compiles pays for it

        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _GRAPHS)
        exc = torch._dynamo.exc
        self.failures = exc.TorchDynamoException, getattr(exc, "FailOnRecompileLimitHit", exc.TorchDynamoException)
        self.plain = plain
        # fullgraph: reaching the limit is an error then, which can be reported. No dynamic shapes: a graph for one
        # batch size is faster, and a run has few.
        self.compiled = torch.compile(plain, fullgraph=True, dynamic=False)

    def __call__(self, *args):
        if self.compiled is not None:
            try:
                return self.compiled(*args)
            except self.failures as error:
                self.compiled = None
                self._warn(error)
        return self.plain(*args)

    def _warn(self, error: Exception) -> None:
        if not _CompiledOrEager.warned:
            _CompiledOrEager.warned = True
            reason = (str(error).strip().splitlines() or [""])[0]
            warnings.warn(
                f"torch.compile gave up ({type(error).__name__}: {reason}). What it could not compile runs eagerly "
                "from here on: the results are right, the speed is lower. It needs a C++ compiler for a CPU, and "
                "Triton for a GPU.",
                RuntimeWarning,
                stacklevel=3,
            )
