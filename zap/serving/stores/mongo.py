"""Events in MongoDB, or in a database that speaks its protocol.

A document of the store is one of the collection ``documents``: the key as ``_id``, its
version, its bytes. Many changes are one bulk write, whose answer does not tell them
apart, so their versions are read again: each is drawn at random, and so found or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pymongo import InsertOne, MongoClient, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    PyMongoError,
)

from zap.errors import StoreError
from zap.serving.stores.backend import ABSENT, Change, Held, HeldThen
from zap.serving.stores.urls import shown

_T = TypeVar("_T")
_MANY = 250  # keys of one request
_DUPLICATE = 11_000
_DATABASE = "zap"


class MongoBackend:
    """Documents in a collection.

    Args:
        url: of the server, as pymongo takes it; its path names the database.
        timeout_ms: of finding the server and of each answer.
    """

    quick = asks_in_loop = False

    def __init__(self, url: str, timeout_ms: int):
        self.name = shown(url)
        self._timeout_ms = timeout_ms
        try:
            self._client: MongoClient[dict[str, Any]] = MongoClient(
                url,
                connect=False,
                timeoutMS=timeout_ms,
                serverSelectionTimeoutMS=timeout_ms,
                connectTimeoutMS=timeout_ms,
                appname="zap",
            )
        except ConfigurationError as error:
            raise ValueError("no address of a server") from error
        database = self._client.get_default_database(_DATABASE)
        self._documents = database.get_collection("documents")

    def get(self, keys: Sequence[str]) -> list[Held | None]:
        """What lies under each of the keys."""
        if len(keys) == 1:
            one = self._run(lambda: self._documents.find_one({"_id": keys[0]}))
            return [_held(one)]
        found = {
            one["_id"]: _held(one)
            for one in self._found(keys, {"version": 1, "data": 1})
        }
        return [found.get(key) for key in keys]

    def ask(self, keys: Sequence[str], then: HeldThen) -> None:
        """Nobody asks so: the client waits in threads."""
        raise NotImplementedError

    def swap(self, changes: Sequence[Change]) -> list[bool]:
        """Write those whose key is as expected."""
        if len(changes) == 1:
            return [self._run(lambda: self._swap_one(changes[0]))]
        for start in range(0, len(changes), _MANY):
            some = changes[start : start + _MANY]
            self._run(partial(self._swap_many, some))
        keys = [change.key for change in changes]
        there = {
            one["_id"]: one["version"] for one in self._found(keys, {"version": 1})
        }
        return [there.get(change.key) == change.version for change in changes]

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        asked = {"_id": {"$in": list(keys)}}
        return self._run(lambda: self._documents.delete_many(asked).deleted_count)

    def expire(self, before_us: int) -> int:
        """Remove what is worthless by then."""
        asked = {"expires_us": {"$lte": before_us}}
        return self._run(lambda: self._documents.delete_many(asked).deleted_count)

    def count(self) -> int:
        """The number of documents."""
        return self._run(lambda: self._documents.count_documents({}))

    def ping(self) -> None:
        """Ask for an answer."""
        self._run(lambda: self._client.admin.command("ping"))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _found(
        self, keys: Sequence[str], fields: dict[str, int]
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(keys), _MANY):
            asked = {"_id": {"$in": list(keys[start : start + _MANY])}}
            found += self._run(partial(self._listed, asked, fields))
        return found

    def _listed(
        self, asked: dict[str, Any], fields: dict[str, int]
    ) -> list[dict[str, Any]]:
        return list(self._documents.find(asked, fields))

    def _swap_one(self, change: Change) -> bool:
        if change.expected == ABSENT:
            try:
                self._documents.insert_one(_made(change))
            except DuplicateKeyError:
                return False
            return True
        done = self._documents.update_one(*_update(change))
        return bool(done.matched_count)

    def _swap_many(self, changes: Sequence[Change]) -> None:
        updates = [
            InsertOne(_made(change))
            if change.expected == ABSENT
            else UpdateOne(*_update(change))
            for change in changes
        ]
        try:
            self._documents.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            wrong = error.details.get("writeErrors", [])
            if any(each.get("code") != _DUPLICATE for each in wrong) or not wrong:
                raise

    def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except PyMongoError as error:
            raise StoreError(
                f"Expected an answer of the event store in {self._timeout_ms} ms. "
                f"Received: {self.name} ({type(error).__name__}). "
                "Start the server, or see what holds it up."
            ) from error


def _made(change: Change) -> dict[str, Any]:
    """A document where none is expected: of two under a key the server refuses one.

    An upsert would say the same in the words of a change, but it has to look first, and
    not every server of this protocol looks by key where more than the key is asked.
    """
    return {"_id": change.key, **_written(change)}


def _update(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which document is meant, and what is written."""
    asked = {"_id": change.key, "version": change.expected}
    return asked, {"$set": _written(change)}


def _written(change: Change) -> dict[str, Any]:
    return {
        "version": change.version,
        "expires_us": change.expires_us,
        "data": change.data,
    }


def _held(one: dict[str, Any] | None) -> Held | None:
    return None if one is None else Held(one["version"], bytes(one["data"]))
