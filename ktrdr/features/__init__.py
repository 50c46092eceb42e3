"""Which columns the network sees, in which order, on which rows."""

from ktrdr.features.matrix import feature_table

__all__ = ["feature_table"]
