"""Models, their trainer, calibration and freezing; the only home of TensorFlow."""
