"""Event stores: the recent events of subjects, in SQLite, Redis or MongoDB."""

from zap.errors import StoreError
from zap.serving.stores.need import Need
from zap.serving.stores.opening import open_store
from zap.serving.stores.results import Appended, Past
from zap.serving.stores.store import EventStore

__all__ = ["Appended", "EventStore", "Need", "Past", "StoreError", "open_store"]
