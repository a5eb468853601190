"""Weekly retraining: from a window of raw events to a live model, gate by gate.

Stages meet at files: each writes one into the run's folder when it is done, with its
verdict, so that a run that was stopped goes on after the last one. Nothing is live
before the last stage, and that is one step.
"""
