"""What travels between judge and pupil arrives as it was, and nothing else arrives as anything but a name."""

import contextlib
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.grader import wire
from classroom.grader.proxies import Foreign
from hrm_lite.exercises.base import expression


def travelled(value, keep=lambda thing: (7, "kept")):
    packer = wire.Packer(keep)
    whole = wire.frame({"value": packer.tree(value)}, packer.blobs)
    text, size = wire.lengths(whole[: wire.HEAD])
    assert len(whole) == wire.HEAD + text + size
    message, blobs = wire.unframe(whole[wire.HEAD : wire.HEAD + text], whole[wire.HEAD + text :])
    return wire.Reader(blobs, lambda *which: ("remote", *which), Foreign, expression).value(message["value"])


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | st.text()
    | st.complex_numbers(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_plain_values_arrive_as_they_were_with_their_types(value):
    found = travelled(value)
    assert found == value and repr(found) == repr(value)


@pytest.mark.parametrize("dtype", wire._TENSORS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_tensors_arrive_to_the_bit(dtype, shape):
    kind = wire._TENSORS[dtype]
    value = torch.arange(math.prod(shape)).reshape(shape).to(kind)
    found = travelled(value)
    assert found.dtype == kind and found.shape == value.shape and torch.equal(found, value)


@pytest.mark.parametrize("dtype", wire._ARRAYS)
def test_arrays_and_their_numbers_arrive_to_the_bit(dtype):
    value = np.arange(6).reshape(2, 3).astype(dtype)[:, ::-1].T  # not contiguous
    found = travelled(value)
    assert type(found) is np.ndarray and found.dtype == value.dtype and np.array_equal(found, value)
    one = travelled(value[1, 1])
    assert type(one) is type(value[1, 1]) and one == value[1, 1]
    assert np.array_equal(travelled(value.astype(value.dtype.newbyteorder(">"))), value), "from a big-endian machine"


def test_what_needs_a_gradient_and_what_is_not_a_number_arrive():
    assert travelled(torch.ones(2, requires_grad=True)).requires_grad
    assert travelled(torch.nn.Parameter(torch.ones(2))).requires_grad
    assert math.isnan(travelled(math.nan)) and travelled(-math.inf) == -math.inf
    assert travelled(expression("lambda x: x + 1"))(2) == 3


class Float(float):
    def __eq__(self, other):
        return True


class Tensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [object(), Float(1), torch.zeros(2).as_subclass(Tensor), {1, 2}, {1: 2}, np.array([object()]), b"bytes", len,
     np.array(["text"]), torch.eye(2).to_sparse(), type("Int", (int,), {})(3), type("List", (list,), {})([1])],
)  # fmt: skip
def test_anything_else_arrives_as_the_name_of_its_type_and_equals_nothing(value):
    found = travelled(value)
    if callable(value):
        assert found == ("remote", 7, "kept")
    else:
        assert isinstance(found, Foreign) and found != found and found != value and found != 1
        assert repr(found).startswith("an object of type ")


def test_what_is_too_large_or_too_deep_is_refused_by_the_sender():
    endless = []
    endless.append(endless)
    for value in (endless, [0] * 200_000, torch.zeros(9_000_000), "x" * (40 << 20), 10**4000, {"a": np.zeros(10**7)}):
        with pytest.raises(wire.TooLarge):
            travelled(value)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["i", "f", "c", "l", "t", "d", "T", "A", "S", "x", "r", "o", "nan", "float32", "1" * 5000]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(TREES, st.lists(st.binary(max_size=16), max_size=2))
def test_a_strangers_tree_is_a_value_or_nonsense(tree, blobs):
    with contextlib.suppress(wire.Nonsense):
        wire.Reader(blobs, lambda *_: "remote", Foreign, None).value(tree)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=9))
def test_a_strangers_bytes_are_a_message_or_nonsense(text, raw):
    with contextlib.suppress(wire.Nonsense):
        wire.unframe(text, raw)


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b'{"blobs": [5]}', b'{"blobs": [-1, 1]}', b'{"blobs": "x"}', b"{}", b"[]", b'"x"', b"\xff",
     b'{"n": ' + b"9" * 5000 + b', "blobs": []}'],
)  # fmt: skip
def test_broken_messages_are_nonsense(text):
    with pytest.raises(wire.Nonsense):
        wire.unframe(text, b"")


def test_a_length_beyond_the_bound_is_nonsense_before_anything_is_read():
    with pytest.raises(wire.Nonsense):
        wire.lengths(b"\xff" * wire.HEAD)


@pytest.mark.parametrize(
    "tree",
    [["T", "float32", [1 << 30, 1 << 30], 0, False], ["T", "float32", [2], 0, False], ["T", "float32", [-1], 0, False],
     ["T", "object", [1], 0, False], ["A", "O", [1], 0], ["A", "float64", [1], 5], ["i", "1e9"], ["i", "9" * 4000],
     ["f", "1"], ["r", -1, "x"], ["r", True, "x"], ["x", "print"], ["l", 5], ["d", [[1, 2]]], ["zz", 1], [], ["l"]],
)  # fmt: skip
def test_sizes_and_kinds_are_not_taken_on_trust(tree):
    with pytest.raises(wire.Nonsense):
        wire.Reader([b"abcd"[:3]], lambda *_: "remote", Foreign, None).value(json.loads(json.dumps(tree)))
