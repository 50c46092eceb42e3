"""Whether the model in an unpacked bundle is whole, as far as a load and a save would find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from ktrdr.errors import BadBundle, DamagedModel, StorageError
from ktrdr.exchange.unpacking import UnpackedBundle
from ktrdr.storage import LoadedModel
from ktrdr.storage.agreement import strategy_in
from ktrdr.storage.contents import FEATURES, METADATA, METRICS, WEIGHTS, FeatureContract, from_json, read_contract
from ktrdr.storage.probe import probe_difference
from ktrdr.storage.verification import read_model, result_in
from ktrdr.strategy.decisions import CostModel


@dataclass(frozen=True, eq=False)
class VerifiedModel:
    """A model that answers its probe as the trained network did; `costs` where it forecasts returns."""

    model: LoadedModel
    contract: FeatureContract
    costs: CostModel | None


def verified(bundle: UnpackedBundle) -> VerifiedModel:
    """Return the model in a bundle: read and checked as a load does, and found to predict its probe rows.

    Raises
    ------
    BadBundle
        Naming the file that cannot be used, contradicts another, or is not read by this version of ktrdr.
    """
    try:
        model = read_model(bundle.folder, bundle.model_id)
        contract = read_contract(from_json((bundle.folder / FEATURES).read_bytes(), FEATURES))
        costs = strategy_in(model.config, bundle.model_id).decisions.cost_model
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
    expected_BO = np.array(contract.probe.outputs, dtype=np.float64)  # B batch, O outputs
    got_BO = model.predict_outputs(contract.probe.rows).astype(np.float64)
    if differs := probe_difference(expected_BO, got_BO, costs):
        raise BadBundle(WEIGHTS, f"does not predict the probe rows as the trained network did; {differs}")
    return VerifiedModel(model, contract, costs)
