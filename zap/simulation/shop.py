"""The simulated shop: its pages, what visitors want, where they come from.

The numbers are made up. They were chosen so that a visit has about five pages and a
long tail, about one in fourteen visits ends in a purchase, and what a visitor wants
shows only slowly: from the pages, the dwells, the campaign, the device and the visits
before.
"""

from __future__ import annotations

INTENTS = ("looking", "comparing", "buying", "seeking_help")
PAGES = (
    "home",
    "category",
    "product",
    "search",
    "cart",
    "checkout",
    "account",
    "help",
)
LOGIN_PAGES = (PAGES.index("checkout"), PAGES.index("account"))
CAMPAIGNS = ("none", "search_ad", "social", "newsletter", "affiliate")
DEVICES = ("desktop", "mobile")
VISIT_CLASSES = ("first", "second", "later")

# Chances in hundredths of the next page, from each page; the order is that of PAGES,
# then leaving, then buying.
MOVES = (
    (  # looking
        (2, 38, 24, 10, 0, 0, 2, 1, 23, 0),
        (4, 18, 51, 6, 0, 0, 1, 0, 20, 0),
        (4, 23, 33, 6, 7, 0, 1, 1, 25, 0),
        (2, 9, 50, 18, 0, 0, 1, 1, 19, 0),
        (4, 16, 28, 4, 3, 11, 2, 3, 29, 0),
        (2, 3, 8, 0, 27, 0, 3, 4, 50, 3),
        (20, 19, 12, 5, 5, 0, 8, 5, 26, 0),
        (15, 18, 13, 6, 2, 0, 5, 16, 25, 0),
    ),
    (  # comparing
        (1, 35, 23, 25, 1, 0, 2, 2, 11, 0),
        (2, 18, 59, 10, 1, 0, 0, 1, 9, 0),
        (2, 22, 39, 15, 9, 0, 1, 3, 9, 0),
        (1, 10, 59, 20, 1, 0, 0, 1, 8, 0),
        (2, 13, 32, 9, 5, 18, 2, 4, 15, 0),
        (1, 4, 12, 3, 24, 2, 4, 8, 24, 18),
        (14, 20, 21, 13, 8, 1, 8, 4, 11, 0),
        (7, 18, 31, 11, 5, 1, 3, 14, 10, 0),
    ),
    (  # buying
        (1, 20, 25, 30, 7, 1, 5, 1, 10, 0),
        (1, 10, 62, 12, 4, 0, 1, 0, 10, 0),
        (1, 9, 20, 8, 46, 3, 2, 1, 10, 0),
        (1, 5, 66, 14, 4, 0, 1, 0, 9, 0),
        (1, 4, 12, 3, 5, 60, 3, 2, 10, 0),
        (0, 1, 3, 1, 12, 5, 4, 3, 11, 60),
        (8, 12, 18, 13, 26, 7, 6, 2, 8, 0),
        (4, 8, 20, 7, 20, 12, 6, 12, 11, 0),
    ),
    (  # seeking help
        (3, 4, 4, 9, 1, 0, 34, 30, 15, 0),
        (8, 7, 14, 8, 0, 0, 18, 25, 20, 0),
        (7, 5, 10, 8, 2, 0, 18, 28, 22, 0),
        (6, 4, 13, 15, 0, 0, 16, 30, 16, 0),
        (6, 4, 8, 3, 6, 6, 20, 24, 23, 0),
        (3, 1, 3, 1, 16, 3, 14, 24, 30, 5),
        (7, 2, 3, 4, 2, 0, 27, 33, 22, 0),
        (6, 2, 3, 7, 0, 0, 22, 35, 25, 0),
    ),
)

# Median dwell in seconds of each intent on each page, and its spread.
DWELL_MEDIANS = (
    (9, 11, 15, 8, 12, 20, 14, 20),
    (13, 26, 52, 16, 30, 50, 22, 45),
    (7, 13, 26, 9, 16, 48, 15, 25),
    (8, 10, 14, 13, 16, 30, 34, 62),
)
DWELL_SIGMA = 0.85

# What a visitor wants, as logits that add up; the order is that of INTENTS.
INTENT = (1.35, 0.6, 0.0, -0.8)
INTENT_OF_CAMPAIGN = (
    (0.0, 0.0, 0.0, 0.3),
    (-0.3, 0.3, 0.5, -0.8),
    (0.9, -0.2, -0.6, -0.8),
    (0.2, 0.1, 0.4, -0.4),
    (-0.1, 0.5, 0.1, -1.0),
)
INTENT_OF_DEVICE = ((0.0, 0.2, 0.3, 0.1), (0.3, -0.2, -0.4, 0.0))
INTENT_OF_VISIT = (
    (0.3, -0.2, -0.5, -0.5),
    (0.0, 0.2, 0.1, 0.0),
    (-0.2, 0.1, 0.4, 0.2),
)
INTENT_OF_BUYER = ((0.0, 0.0, 0.0, -0.2), (-0.4, -0.3, 0.6, 1.3))

# Where a visit of a campaign begins, by intent, in hundredths; the order is PAGES'.
LANDING = (
    ((55, 15, 18, 6, 0, 0, 3, 3), (44, 20, 22, 12, 0, 0, 1, 1),
     (40, 12, 24, 14, 6, 0, 3, 1), (38, 4, 4, 4, 1, 0, 24, 25)),
    ((10, 38, 50, 1, 0, 0, 0, 1), (5, 43, 50, 1, 0, 0, 0, 1),
     (6, 24, 68, 1, 0, 0, 0, 1), (30, 20, 24, 1, 0, 0, 5, 20)),
    ((20, 30, 50, 0, 0, 0, 0, 0), (12, 38, 50, 0, 0, 0, 0, 0),
     (12, 26, 62, 0, 0, 0, 0, 0), (45, 20, 20, 0, 0, 0, 5, 10)),
    ((30, 40, 30, 0, 0, 0, 0, 0), (22, 46, 32, 0, 0, 0, 0, 0),
     (20, 30, 48, 0, 2, 0, 0, 0), (40, 15, 10, 0, 0, 0, 25, 10)),
    ((10, 25, 65, 0, 0, 0, 0, 0), (6, 30, 64, 0, 0, 0, 0, 0),
     (6, 16, 78, 0, 0, 0, 0, 0), (45, 15, 20, 0, 0, 0, 5, 15)),
)  # fmt: skip

# Campaigns of first, second and later visits, in hundredths; the order is CAMPAIGNS'.
CAMPAIGN_SHARES = ((34, 24, 26, 2, 14), (48, 16, 14, 16, 6), (56, 10, 8, 22, 4))
