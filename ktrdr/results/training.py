"""The schema of a training's result, validated on write and on read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingHistory(_Result):
    """What each epoch gave. Lists have one entry an epoch; epochs count from 1. Final values are the last epoch's."""

    epochs: list[int]
    train_loss: list[float]
    train_accuracy: list[float]
    val_loss: list[float]
    val_accuracy: list[float]
    learning_rate: list[float]
    final_train_loss: float
    final_train_accuracy: float
    final_val_loss: float
    final_val_accuracy: float
    best_epoch: int
    best_val_loss: float
    epochs_completed: int
    early_stopped: bool
    training_time_s: float


class ClassMetrics(_Result):
    """One class on the held-out rows."""

    precision: float
    recall: float
    f1_score: float
    support: int


class Baseline(_Result):
    """Accuracy of three forecasts that learn nothing, on the same rows; null where one does not apply."""

    majority: float
    last_sign: float | None
    persistence: float | None


class Confidence(_Result):
    """Rows whose highest probability reaches the threshold."""

    threshold: float
    coverage: float
    accuracy: float | None


class ReturnMetrics(_Result):
    """Forecasts of returns against what came, and two forecasts that learn nothing. Errors are simple returns."""

    mae: float
    rmse: float
    directional_accuracy: float
    """Share of rows whose forecast has the sign of what came."""
    information_coefficient: float | None
    """Spearman's rank correlation of forecast and return; null where one of them never varies."""
    mae_of_zero: float
    """The error of forecasting no return at all."""
    mae_of_training_mean: float


class TestMetrics(_Result):
    """The best weights on the held-out rows. Averages over classes are macro averages over the classes that occur.

    In regression the classes are the decisions that the cost model makes of a return: of the forecast, and of what
    came.
    """

    __test__ = False  # not a pytest class

    loss: float
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1_score: float
    mcc: float
    per_class: dict[str, ClassMetrics]
    confusion_matrix: list[list[int]]
    """Rows are the true classes, columns the predicted ones, both in code order."""
    expected_calibration_error: float | None
    """Null in regression, as is `confidence`: a forecast of a return has no probability."""
    baseline: Baseline
    confidence: Confidence | None
    returns: ReturnMetrics | None
    """Null in classification."""
    verdict: str
    """Where the model stands against its baselines, in words."""


class RowAccount(_Result):
    """Every base bar of the date range, once: `rows_loaded` is the sum of all the others."""

    rows_loaded: int
    rows_warmup: int
    rows_unlabelled: int
    rows_purged: int
    rows_embargoed: int
    rows_train: int
    rows_validation: int
    rows_test: int


class DataSummary(RowAccount):
    """What the model was trained on."""

    symbols: list[str]
    timeframes: list[str]
    start_date: str
    end_date: str
    data_sha256: str
    """Over every bar loaded: all parts and warm-up."""
    resampled: dict[str, str]
    """Series that were not stored, such as `SP500 1w`, and the timeframe of the stored bars that they were made of."""


class SymbolMetrics(RowAccount):
    """One symbol's rows, and how the model does on its held-out ones; averages as in `TestMetrics`."""

    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1_score: float
    mcc: float
    baseline: Baseline
    returns: ReturnMetrics | None


class FeatureImportance(_Result):
    """What is lost on held-out rows when the feature is shuffled: mean and standard deviation over repeats.

    Lost is accuracy; in regression the mean absolute error that is gained.
    """

    mean: float
    std: float


class SetCoverage(_Result):
    """How one fuzzy set on one timeframe covers the rows used: shares in no term and in several (degree > 0)."""

    dead_zone: float
    overlap: float


class TrainingMetadata(_Result):
    """Where, when and with what the model was trained."""

    device: str
    versions: dict[str, str]
    seed: int
    torch_threads: int = Field(ge=1, le=1024)
    cpu_capability: str
    strategy_sha256: str
    code_sha256: str | None = None
    """Of the code that trained it. Null, as the next, in what earlier versions made."""
    training_sha256: str | None = None
    """Over all that decides what comes out: strategy, bars, rows, seed and code. Equal where the same was trained."""
    first_bars: dict[str, str] | None = None
    """The open of the first bar read of each series, such as `SP500 1d`, warm-up too. Null as those above."""
    started_at: str
    ended_at: str
    duration_s: float
    n_parameters: int
    batch_size: int


class TrainingResult(_Result):
    """All that a training says about itself."""

    success: bool
    model_path: str | None
    model_id: str | None
    training_metrics: TrainingHistory
    test_metrics: TestMetrics
    per_symbol_metrics: dict[str, SymbolMetrics]
    feature_names: list[str]
    feature_importance: dict[str, FeatureImportance]
    indicator_importance: dict[str, FeatureImportance]
    """All features of an indicator shuffled together."""
    label_distribution: dict[str, float]
    fuzzy_coverage: dict[str, SetCoverage]
    data_summary: DataSummary
    metadata: TrainingMetadata

    def saved_as(self, model_id: str, model_path: str) -> TrainingResult:
        """Return the result of the same training, its model saved."""
        return self.model_copy(update={"model_id": model_id, "model_path": model_path})
