"""A hand-over, each end of it in a process of its own.

`python -m tests.ktrdr.storage.handing_over {end} {folder} {encoding} {width},{width}` says "ready" once it holds what
that end holds beforehand, goes on at a line, and says what its weights were when it is done.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from ktrdr.storage import Encoding, ModelStorage, pack, weights_of
from ktrdr.storage.encodings import pieces
from tests.fakes.artifacts import TREND, trained_artifact


def pack_one(folder, encoding, widths):
    wide = {**TREND, "model": {"type": "mlp", "architecture": {"hidden_layers": widths}}}
    artifact = trained_artifact(document=wide)  # with the network's own weights, as on a node
    wait()
    packed = pack(artifact, encoding)
    say(artifact.weights)
    packed.blob.tofile(folder / "blob")
    (folder / "sha256").write_text(packed.sha256)


def save_one(folder, encoding, widths):
    sha256 = (folder / "sha256").read_text()
    blob = np.memmap(folder / "blob", np.uint8, "r")  # as Ray hands it out: mapped
    store = ModelStorage(folder / "models")
    wait()
    with store.receive(blob, sha256) as received:
        assert received.encoding is encoding
        size = received.artifact.weights.size
        store.save_received(received, "train-1")
    tell("done", size)


def load_one(folder, encoding, widths):
    store = ModelStorage(folder / "models")
    wait()
    model = store.load("trend", "SP500_1d_v1")
    assert len(model.network.hidden_1.bias) == widths[0]
    say(weights_of(model.network.state_dict()))


def tell(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def wait():
    tell("ready")
    sys.stdin.readline()


def say(weights):
    digest = hashlib.sha256()

    class Digesting:
        def write(self, content):
            for piece in pieces(content):
                digest.update(piece)

    weights.write_to(Digesting())
    tell("done", weights.size, digest.hexdigest())


if __name__ == "__main__":
    ends = {"pack": pack_one, "save": save_one, "load": load_one}
    ends[sys.argv[1]](Path(sys.argv[2]), Encoding(sys.argv[3]), [int(width) for width in sys.argv[4].split(",")])
