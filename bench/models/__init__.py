"""The kinds of models side by side: the same instances, trainer, calibration, split."""
