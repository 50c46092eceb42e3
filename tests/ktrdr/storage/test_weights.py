import errno
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.errors import StorageError
from ktrdr.storage import Encoding, pack, unpack, weights_of
from ktrdr.storage.contents import read_contract
from ktrdr.storage.weights import network_with, read_weights
from tests.fakes.artifacts import FITTED, RETURNS, TREND, WINDOWS, trained_artifact
from tests.fakes.files import QuickFiles

DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int8, torch.uint8,
    torch.bool, torch.complex64,
)  # fmt: skip


@st.composite
def tensors(draw):
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(st.lists(st.integers(0, 5), max_size=3))
    n_bytes = int(np.prod(shape, dtype=int)) * dtype.itemsize
    content = bytearray(draw(st.binary(min_size=n_bytes, max_size=n_bytes)))
    if dtype is torch.bool:
        content = bytearray(byte & 1 for byte in content)
    if not content:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(content, dtype=dtype).reshape(shape)


def bits(state):
    """Return what makes tensors the same: NaNs as well."""
    return {
        name: (tensor.dtype, tuple(tensor.shape), tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        for name, tensor in state.items()
    }


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(min_size=1, max_size=8), tensors(), max_size=4), st.sampled_from(list(Encoding)))
def test_any_tensors_come_through_bit_for_bit(tmp_path_factory, state, encoding):
    folder = tmp_path_factory.mktemp("unpacked")
    packed = pack(trained_artifact(weights=weights_of(state)), encoding)
    path = unpack(packed.blob, packed.sha256, folder, QuickFiles()).weights.path
    assert bits(read_weights(path)) == bits(state)
    assert bits(read_weights(path, is_mapped=True)) == bits(state)


@pytest.mark.parametrize("document", [TREND, FITTED, RETURNS, WINDOWS], ids=lambda document: document["name"])
def test_a_network_around_mapped_weights_is_the_trained_one(tmp_path, document):
    artifact = trained_artifact(document=document)
    (tmp_path / "model.pt").write_bytes(bytes(artifact.weights))
    network = network_with(read_contract(artifact.features), read_weights(tmp_path / "model.pt", is_mapped=True))
    assert weights_of(network.state_dict()) == artifact.weights
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    rows = torch.tensor(artifact.features["probe"]["rows"])
    np.testing.assert_array_equal(network(rows).numpy(), np.float32(artifact.features["probe"]["outputs"]))


def test_a_view_is_saved_without_what_it_is_a_view_of():
    wide = torch.arange(100_000.0).reshape(100, 1000)
    state = {"row": wide[3], "column": wide[:, 3], "turned": wide[:2].T}
    weights = weights_of(state)
    assert weights.size < 100_000
    loaded = torch.load(io.BytesIO(bytes(weights)), weights_only=True)
    assert bits(loaded) == bits(state)


def test_the_size_is_known_before_anything_is_written():
    weights = weights_of({"a": torch.ones(1000), "b": torch.zeros(0), "c": torch.tensor(2)})
    assert weights.size == len(bytes(weights))


def test_what_is_no_view_is_not_copied():
    tensor = torch.ones(1000)
    weights = weights_of({"a": torch.nn.Parameter(tensor)})
    before = bytes(weights)
    tensor[0] = 2.0
    assert bytes(weights) != before


@pytest.mark.parametrize("change", [torch.Tensor.double, torch.Tensor.to_sparse])
def test_weights_of_another_type_do_not_fit(change):
    artifact = trained_artifact()
    state = torch.load(io.BytesIO(bytes(artifact.weights)), weights_only=True)
    state["output.weight"] = change(state["output.weight"])
    with pytest.raises(StorageError, match=r"do not fit the network: output\.weight"):
        network_with(read_contract(artifact.features), state)


class Full:
    """Takes so many bytes."""

    def __init__(self, room):
        self.room = room

    def write(self, content):
        self.room -= len(content)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(content)


def test_wherever_the_room_ends_it_is_the_disk_that_is_named():
    weights = trained_artifact().weights
    weights.write_to(Full(weights.size))
    for room in range(0, weights.size, 97):
        with pytest.raises(OSError, match="No space left"):
            weights.write_to(Full(room))
