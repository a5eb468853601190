"""The simulated shop: its pages, what visitors want, where they come from.

The numbers are made up. They were chosen so that a visit has about five pages and a
long tail, about one in fourteen visits ends in a purchase, and what a visitor wants
shows only slowly: from the pages, the dwells, the campaign, the device and the visits
before.

What a visitor wants lies on a scale from looking to buying, and every chance is given
for its two ends. In between, a chance is their geometric mean. So whatever is seen
moves the odds along one line, and the truth is a function of a sum over the events and
of the page; a few thousand purchases are enough to learn it. With intents that go each
their own way, nothing that was tried came near the truth on so few.
"""

from __future__ import annotations

INTENTS = ("looking", "comparing", "buying")
SCALE = (0.0, 0.5, 1.0)
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
# then leaving, then buying. What one end never does, the other does not either: no
# single step gives anybody away.
MOVES_LOOKING = (
    (2, 37, 24, 8, 1, 0, 2, 2, 24, 0),
    (4, 18, 48, 7, 1, 0, 1, 1, 20, 0),
    (4, 23, 31, 7, 8, 0, 1, 2, 24, 0),
    (2, 9, 47, 19, 1, 0, 1, 1, 20, 0),
    (4, 16, 26, 4, 4, 13, 2, 3, 28, 0),
    (2, 3, 8, 1, 26, 2, 4, 5, 46, 3),
    (18, 18, 12, 6, 5, 1, 9, 6, 25, 0),
    (12, 16, 14, 7, 3, 1, 6, 16, 25, 0),
)
MOVES_BUYING = (
    (1, 20, 27, 27, 7, 0, 5, 2, 11, 0),
    (1, 11, 58, 14, 4, 0, 1, 1, 10, 0),
    (1, 12, 23, 10, 40, 0, 2, 2, 10, 0),
    (1, 5, 62, 16, 4, 0, 2, 1, 9, 0),
    (1, 5, 13, 4, 6, 56, 3, 2, 10, 0),
    (1, 2, 4, 1, 14, 5, 5, 3, 11, 54),
    (7, 12, 18, 13, 25, 8, 6, 3, 8, 0),
    (4, 8, 20, 8, 19, 12, 6, 13, 10, 0),
)

# Median dwell in seconds at either end, on whatever page, and its spread.
DWELL_LOOKING, DWELL_BUYING = 9.0, 36.0
DWELL_SIGMA = 0.9

# What visitors want, as logits: of each intent, and what is added along the scale.
INTENT = (1.3, 0.5, 0.15)
BY_CAMPAIGN = (0.0, 0.7, -1.3, 0.5, 0.4)
BY_DEVICE = (0.3, -0.4)
BY_VISIT = (-0.4, 0.1, 0.5)
BY_BUYER = (0.0, 0.8)

# Where a visit of a campaign begins at either end, in hundredths; the order is PAGES'.
LANDING_LOOKING = (
    (58, 14, 16, 5, 1, 0, 3, 3),
    (12, 40, 42, 2, 0, 0, 2, 2),
    (20, 32, 44, 2, 0, 0, 1, 1),
    (32, 38, 26, 2, 0, 0, 1, 1),
    (14, 28, 54, 2, 0, 0, 1, 1),
)
LANDING_BUYING = (
    (38, 12, 24, 14, 7, 0, 4, 1),
    (5, 24, 66, 3, 0, 0, 1, 1),
    (10, 26, 60, 2, 0, 0, 1, 1),
    (18, 28, 50, 2, 0, 0, 1, 1),
    (5, 15, 76, 2, 0, 0, 1, 1),
)

# Campaigns of first, second and later visits, in hundredths; the order is CAMPAIGNS'.
CAMPAIGN_SHARES = ((34, 24, 26, 2, 14), (48, 16, 14, 16, 6), (56, 10, 8, 22, 4))
