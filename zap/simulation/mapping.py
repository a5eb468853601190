"""The mapping of a simulation: its columns, and for which time it is whole."""

from __future__ import annotations

from datetime import date, timedelta
from string import Template

from zap.simulation.settings import Settings

_TEXT = Template("""\
# A simulated shop, made by zap simulate: no real shop, and no real people.
format = "parquet"

[fields]
event_id = "id"
anonymous_id = "anonymous_id"
user_id = "user_id"
timestamp = { column = "timestamp", unit = "ms" }
received_at = { column = "received_at", unit = "ms" }
type = "event"
url = "url"
referrer = "referrer"
user_agent = "user_agent"

[properties]
campaign = { column = "campaign", type = "string" }
step = { column = "step", type = "string" }
visit_number = { column = "visit_number", type = "int" }
bought_before = { column = "bought_before", type = "bool" }
amount = { column = "amount", type = "float" }

# No visit is under way as this range begins, and none as it ends.
[observed]
from = "$start"
until = "$until"
""")


def mapping_text(settings: Settings) -> str:
    """The mapping file of a simulation, in TOML."""
    until = date.fromisoformat(settings.start) + timedelta(days=settings.days)
    return _TEXT.substitute(start=settings.start, until=until.isoformat())
