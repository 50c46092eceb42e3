"""A hand-over, each end of it in a process of its own.

`python -m tests.ktrdr.storage.handing_over {end} {folder} {width},{width}` says "ready" once it holds what that end
holds beforehand, goes on at a line, and says what its weights were when it is done; so for each encoding in turn.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from ktrdr.storage import Encoding, ModelStorage, pack, weights_of
from ktrdr.storage.encodings import pieces
from tests.fakes.artifacts import TREND, trained_artifact


def pack_all(folder, widths):
    wide = {**TREND, "model": {"type": "mlp", "architecture": {"hidden_layers": widths}}}
    artifact = trained_artifact(document=wide)  # with the network's own weights, as on a node
    for encoding in Encoding:
        wait()
        packed = pack(artifact, encoding)
        tell("done", artifact.weights.size, digest_of(artifact.weights))
        packed.blob.tofile(folder / encoding)
        (folder / f"{encoding}.sha256").write_text(packed.sha256)
        del packed


def save_all(folder, widths):
    store = ModelStorage(folder / "models")
    for encoding in Encoding:
        sha256 = (folder / f"{encoding}.sha256").read_text()
        blob = np.memmap(folder / encoding, np.uint8, "r")  # as Ray hands it out: mapped
        wait()
        with store.receive(blob, sha256) as received:
            assert received.encoding is encoding
            size = received.artifact.weights.size
            store.save_received(received, "train-1")
        tell("done", size)


def load_all(folder, widths):
    store = ModelStorage(folder / "models")
    for version, _ in enumerate(Encoding, start=1):
        wait()
        model = store.load("trend", f"SP500_1d_v{version}")
        assert len(model.network.hidden_1.bias) == widths[0]
        weights = weights_of(model.network.state_dict())
        tell("done", weights.size, digest_of(weights))
        del model, weights


def wait():
    tell("ready")
    sys.stdin.readline()


def tell(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def digest_of(weights):
    digest = hashlib.sha256()

    class Digesting:
        def write(self, content):
            for piece in pieces(content):
                digest.update(piece)

    weights.write_to(Digesting())
    return digest.hexdigest()


if __name__ == "__main__":
    ends = {"pack": pack_all, "save": save_all, "load": load_all}
    ends[sys.argv[1]](Path(sys.argv[2]), [int(width) for width in sys.argv[3].split(",")])
