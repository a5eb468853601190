"""Small comparisons that guard a claim: each a script of its own."""
