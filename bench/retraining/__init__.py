"""Weekly retraining of a simulated shop that changes, and of feeds that are broken."""
