"""A training whose states are kept: begun where the newest ends, saved when due and when it is stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from ktrdr.errors import BadCheckpoint, InfrastructureError, OtherCheckpoint, StorageError
from ktrdr.training.checkpoints import Checkpointing
from ktrdr.training.device import device_name, random_state, set_random_state
from ktrdr.training.learning.checkpoint import (
    Checkpoint,
    Circumstances,
    Origin,
    read_checkpoint,
    write_checkpoint,
)
from ktrdr.training.learning.learner import Learner

logger = logging.getLogger("ktrdr.training")


def circumstances_of(device: torch.device, batch_size: int, code: str) -> Circumstances:
    """Return what rounds sums here; to be called with the number of threads that trains."""
    return Circumstances(
        torch=str(torch.__version__),
        n_threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        device=device_name(device),
        batch_size=batch_size,
        code=code,
    )


class KeptTraining:
    """Takes one learner's states to and from a store; between epochs only, and without a random number.

    Parameters
    ----------
    checkpointing
        The store, and when to save.
    origin, circumstances
        What the training is of, and what rounds its sums.
    device
        Whose generator dropout draws from.
    clock
        Seconds; any origin.
    """

    def __init__(
        self,
        checkpointing: Checkpointing,
        origin: Origin,
        circumstances: Circumstances,
        device: torch.device,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._policy = checkpointing.store, checkpointing.policy
        self._origin, self._circumstances, self._device, self._clock = origin, circumstances, device, clock
        self._started = self._tried_at = clock()
        self._tried_after = 0
        self._unsaved: Checkpoint | None = None
        self.is_mixed = False
        """The attempts before this one were not made as this one is."""
        self.earlier_s = 0.0
        """What the attempts before this one took."""

    def resume(self, learner: Learner) -> int:
        """Put learner and generators where the newest state left them; return its epoch, 0 where there is none.

        Raises
        ------
        OtherCheckpoint
            If it is of another training. Neither learner nor store is touched.
        BadCheckpoint
            If it is no state of such a learner.
        StorageError, InfrastructureError
            If the store does not answer.
        """
        content = self._store.latest()
        if content is None:
            return 0
        kept = read_checkpoint(content)
        if differing := kept.origin.differences(self._origin):
            raise OtherCheckpoint(differing)
        self._put_back(learner, kept)
        self.earlier_s, self._tried_after = kept.training_time_s, learner.n_epochs
        logger.info("Resumed after epoch %d; the best so far was epoch %d", learner.n_epochs, learner.best_epoch)
        elsewhere = kept.circumstances.differences(self._circumstances)
        self.is_mixed = kept.is_mixed or bool(elsewhere)
        if elsewhere:
            logger.warning(
                "The resumed training will not be bit-identical to an uninterrupted one: %s", "; ".join(elsewhere)
            )
        return learner.n_epochs

    def epoch_ended(self, learner: Learner) -> None:
        """Take the state after an epoch, and save it if that is due."""
        on_cpu, on_device = random_state(self._device)
        self._unsaved = Checkpoint(
            origin=self._origin,
            circumstances=self._circumstances,
            learner=learner.state(),
            random_cpu=on_cpu,
            random_device=on_device,
            training_time_s=self._time_s(),
            is_mixed=self.is_mixed,
        )
        if self._policy.is_due(self._clock() - self._tried_at, learner.n_epochs - self._tried_after):
            self.save_newest()

    def save_newest(self) -> None:
        """Save the state of the last finished epoch, unless it is saved already.

        A state that cannot be saved costs a warning, not the training; what was saved before stays.
        """
        if self._unsaved is None:
            return
        newest = self._unsaved.model_copy(update={"training_time_s": self._time_s()})
        try:
            self._store.save(write_checkpoint(newest))
            self._unsaved = None
        except (StorageError, InfrastructureError) as error:
            logger.warning("The state after epoch %d could not be saved: %s", newest.learner.n_epochs, error)
        self._tried_at, self._tried_after = self._clock(), newest.learner.n_epochs

    def _put_back(self, learner: Learner, kept: Checkpoint) -> None:
        # another type of device keeps its generator as it was seeded: there is no state to put back
        is_same_type = (kept.random_device is None) == (self._device.type == "cpu")
        try:
            learner.restore(kept.learner)
            set_random_state(self._device, kept.random_cpu, kept.random_device if is_same_type else None)
        except (ValueError, RuntimeError, TypeError) as error:
            raise BadCheckpoint(" ".join(str(error).split())[:300]) from error

    def _time_s(self) -> float:
        return self.earlier_s + self._clock() - self._started
