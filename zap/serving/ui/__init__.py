"""A page that shows what a server does: predictions, versions, calibration, health."""
