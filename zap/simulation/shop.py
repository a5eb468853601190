"""The simulated shop: its pages, what visitors want, where they come from.

The numbers are made up. They were chosen so that a visit has about five pages and a
long tail, about one in fourteen visits ends in a purchase, and what a visitor wants
shows only slowly: from the pages, the dwells, the campaign, the device and the visits
before.

What a visitor wants lies on a scale from looking to buying. A chance is given for who
only looks, and tilted for the others: multiplied by a power that depends on the place
on the scale and on what is chosen. So whatever is seen moves the odds along one line,
and the truth is a function of a sum over the events and of the page, which a few
thousand purchases tell well. With intents that went each their own way, nothing
that was tried came near the truth on so few.
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

# Chances in hundredths of the next page of who only looks, from each page; the order is
# that of PAGES, then leaving, then buying.
MOVES_LOOKING = (
    (2, 37, 24, 9, 1, 0, 2, 2, 23, 0),
    (4, 18, 47, 8, 1, 0, 1, 1, 20, 0),
    (4, 22, 31, 8, 8, 0, 1, 2, 24, 0),
    (2, 9, 46, 19, 1, 0, 1, 2, 20, 0),
    (5, 17, 26, 4, 1, 14, 2, 3, 28, 0),
    (2, 4, 9, 1, 6, 3, 4, 5, 63, 3),
    (18, 18, 12, 6, 4, 1, 9, 6, 26, 0),
    (13, 16, 14, 7, 3, 1, 6, 15, 25, 0),
)
# What is added to their logarithms for who is buying: each page draws or repels.
TILT = (-0.6, -0.4, 0.2, 0.5, 1.6, 1.6, 0.2, -0.2, -1.0, 3.0)

# Median dwell in seconds at either end, on whatever page, and its spread.
DWELL_LOOKING, DWELL_BUYING = 9.0, 36.0
DWELL_SIGMA = 0.9

# What visitors want, as logits: of each intent, and what is added along the scale.
INTENT = (1.3, 0.5, 0.15)
BY_CAMPAIGN = (0.0, 0.7, -1.3, 0.5, 0.4)
BY_DEVICE = (0.3, -0.4)
BY_VISIT = (-0.4, 0.1, 0.5)
BY_BUYER = (0.0, 0.8)

# Where a visit of a campaign begins of who only looks, in hundredths; the order is
# PAGES'. Who is buying begins elsewhere by the same tilt.
LANDING_LOOKING = (
    (56, 14, 16, 7, 1, 0, 3, 3),
    (12, 38, 42, 4, 0, 0, 2, 2),
    (20, 32, 44, 2, 0, 0, 1, 1),
    (32, 36, 26, 4, 0, 0, 1, 1),
    (14, 28, 54, 2, 0, 0, 1, 1),
)

# Campaigns of first, second and later visits, in hundredths; the order is CAMPAIGNS'.
CAMPAIGN_SHARES = ((34, 24, 26, 2, 14), (48, 16, 14, 16, 6), (56, 10, 8, 22, 4))
