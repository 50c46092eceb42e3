"""OperationsActor: the book of operations, made reachable for clients, dispatchers and trainings. Owns no training."""

from actors.operations.actor import OperationsActor

__all__ = ["OperationsActor"]
