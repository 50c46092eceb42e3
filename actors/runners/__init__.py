"""How an environment's trainings are run: one port, an adapter for each transport."""

from actors.runners.port import Claim, TrainingRunner

__all__ = ["Claim", "TrainingRunner"]
