"""Progress, cancellation and throttling of long work, wherever it runs."""

from ktrdr.async_infrastructure.cancellation import CancellationToken, ThreadCancellationToken, raise_if_cancelled
from ktrdr.async_infrastructure.progress import GenericProgressManager, Progress, ProgressCallback
from ktrdr.async_infrastructure.renderer import ProgressRenderer, TrainingProgressRenderer
from ktrdr.async_infrastructure.steps import STEPS
from ktrdr.async_infrastructure.throttle import AdaptiveStride

__all__ = [
    "STEPS",
    "AdaptiveStride",
    "CancellationToken",
    "GenericProgressManager",
    "Progress",
    "ProgressCallback",
    "ProgressRenderer",
    "ThreadCancellationToken",
    "TrainingProgressRenderer",
    "raise_if_cancelled",
]
