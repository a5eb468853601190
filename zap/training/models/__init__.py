"""How a sequence model reads its events: one module a kind, all of one interface.

A reader makes of the event vectors of a row the states after 0, 1, ... events. The
state after k events is a function of these k alone, and of where they stand counted
from the row's first: so one pass serves all cutoffs of a visit whose instances begin at
the same event, and what comes after, blanks too, changes nothing. All else (the first
layer, the sum of the events, metadata, merging, training, freezing) is shared.

To add a kind: a module with a reader, a line in ``zap.training.models.readers``, its
name in ``zap.bundles.kinds`` and its settings in ``zap.training.config``.
"""
