"""Bots among the visitors of the made-up shop, and events that come late."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from made_rows import CRAWLER, FIRST, Row, made_row
from made_shop import MadeShop

from zap.examples import Bots, Rate, Regularity, event, prefix

RULES = ("crawler", "missing_agent", "rule.test", "rate", "regularity")


class WithBots(MadeShop):
    """The same question, with all rules on bots."""

    bots = Bots(
        missing_agents=True,
        rules={"test": event("page_view", "purchase", **{"url.path": prefix("/test")})},
        rate=Rate(events=12, seconds=4),
        regularity=Regularity(events=10, spread=0.05),
        exempt=event("purchase", **{"url.path": prefix("/phone")}),
    )


class WithoutReceipt(MadeShop):
    """The same question, where no agent means a machine."""

    bots = Bots(missing_agents=True)


def bot_rows() -> list[Row]:
    """Rows of bots, each with the reason ``why``; a person's among them has none."""
    rng = random.Random(5)
    rows: list[Row] = []

    def add(name: str, day: float, seconds: float, path: str, why: str, **more) -> None:
        at = FIRST + timedelta(days=day, seconds=seconds)
        kind = more.pop("kind", "page_view")
        flag = {"why": why} if why else {}
        row = made_row(name, at, kind, path, **more, **flag)
        rows.append(row | {"id": f"{row['id']}-{len(rows)}"})

    for number in range(8):
        day = rng.random() * 15
        for i in range(6):
            add(f"c{number}", day, 40 * i, "/page/1", "crawler", agent=CRAWLER)
        add(f"c{number}", day + 1, 7, "/page/2", "")
        for i in range(4):
            path = "/test/1"
            add(f"t{number}", day, 33 * i**1.5, path, "rule.test")
            add(f"n{number}", day, 50 * i, "/page/3", "missing_agent", agent=None)
        add(f"t{number}", day, 500, "/basket", "")
        add(f"t{number}", day, 600, "/test/done", "rule.test", kind="purchase")
        more = {"agent": None, "kind": "purchase"}
        add(f"n{number}", day, 300, "/phone", "", **more)
        for i in range(14):
            add(f"r{number}", day, 1 + i // 4, "/page/1", "rate")
            add(f"e{number}", day, 61 * i, "/page/5", "regularity")
        add(f"r{number}", day, 90, "/done", "rate", kind="purchase")
    return rows


def late_rows(rows: list[Row]) -> list[Row]:
    """The rows with the time ``got`` at which each was received, some much later."""
    rng = random.Random(3)
    return [
        row
        | {
            "got": row["time"]
            if rng.random() < 0.85
            else (
                datetime.fromisoformat(row["time"])
                + timedelta(seconds=rng.choice((30, 1_000, 200_000)))
            ).isoformat()
        }
        for row in rows
    ]
