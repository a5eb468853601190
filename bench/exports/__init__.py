"""Reading the exports of other tools, beside plain loops over the same files."""
