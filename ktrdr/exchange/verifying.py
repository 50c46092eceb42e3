"""Whether the model in an unpacked bundle is whole, as far as a load and a save would find."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from ktrdr.errors import BadBundle, DamagedModel, StorageError
from ktrdr.exchange.unpacking import UnpackedBundle
from ktrdr.storage import LoadedModel
from ktrdr.storage.contents import METADATA, METRICS, WEIGHTS, FeatureContract
from ktrdr.storage.verification import difference_on_probe, read_version, result_in


@dataclass(frozen=True, eq=False)
class VerifiedModel:
    """A model that answers its probe as the trained network did."""

    model: LoadedModel
    contract: FeatureContract


def verified(bundle: UnpackedBundle) -> VerifiedModel:
    """Return the model in a bundle: read and checked as a load does, and found to predict its probe rows.

    Raises
    ------
    BadBundle
        Naming the file that cannot be used, contradicts another, or is not read by this version of ktrdr.
    """
    try:
        model, contract = read_version(bundle.folder, bundle.model_id)
        result_in(bundle.folder, bundle.model_id)
    except DamagedModel as error:
        _, file, reason = error.args
        raise BadBundle(file, reason) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        file = METADATA if where.startswith("metadata.") else METRICS
        raise BadBundle(file, f"is no training's result: {where}: {first['msg']}") from error
    except StorageError as error:
        raise BadBundle("its strategy", f"cannot be read here: {error.message.rstrip('.')}") from error
    if differs := difference_on_probe(model, contract):
        raise BadBundle(WEIGHTS, f"does not predict the probe rows as the trained network did; {differs}")
    return VerifiedModel(model, contract)
