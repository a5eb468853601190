"""How often the alarms of an analysis ring, for faults and for nothing."""
