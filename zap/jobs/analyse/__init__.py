"""What became of the predictions that a server answered.

``logged`` takes the log as columns, ``archive`` reads the raw events of the subjects in
it, ``placing`` finds each prediction's place in its history, ``outcomes`` asks the
label there, and ``job`` wires them to the numbers of `zap.evaluation`.
"""
