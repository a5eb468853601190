"""Questions about a simulated shop that between them use all of the pipeline."""

from __future__ import annotations

from zap.examples import (
    ANY,
    Bots,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    Rate,
    SincePrevious,
    each,
    event,
    future,
    in_session,
    past,
    prefix,
    rest_of_session,
)

BUY, VIEW = event("purchase"), event("page_view")


class Plain(Generator):
    """Nothing is fitted: slices are encoded where they were made."""

    mapping = "mapping.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(VIEW)
    eligible = in_session().none(BUY)
    label = rest_of_session().any(BUY)
    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), Hash("step"), SincePrevious(1, 60, 86_400, 100)],
        hash_buckets=499,
    )
    statistics = {"pages": in_session().count(VIEW)}  # noqa: RUF012
    exclude = {"help": event("page_view", **{"url.path": prefix("/help")})}  # noqa: RUF012


class Fitted(Plain):
    """Buckets and bins are fitted on train: slices wait for a side input."""

    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), Hash("step"), SincePrevious()],
        metadata=[Last("campaign")],
    )


class Persons(Plain):
    """The subject is the person; a trait comes from a table of its own."""

    mapping = "persons.toml"
    subject = "person"
    statistics = {  # noqa: RUF012
        "pages": in_session().count(VIEW),
        "paid": past().last("plan", default="none").equals("paid"),
    }
    instance = Instance(
        types=["page_view"],
        last=10,
        fields=[Hash("url.path"), SincePrevious()],
        metadata=[Last("plan", Hash("plan"), types=["dimension.customers"])],
        metadata_buckets=31,
    )


class Custom(Plain):
    """The rules are methods in plain Python."""

    horizon = rest_of_session()

    def eligible(self, past):
        """Nothing bought so far in what is seen."""
        return not any(each.type == "purchase" for each in past)

    def label(self, future):
        """Whether one of the later events is a purchase of something."""
        return any(
            each.type == "purchase" and (each["amount"] or 0) >= 0 for each in future
        )


class WithBots(Plain):
    """Bots are flagged, and travel: some rules look at a subject's whole pace."""

    mapping = "estimated.toml"
    bots = Bots(agents=True, rate=Rate(events=10, seconds=60))
    cutoffs = each(event(ANY))
    eligible = past().none(BUY)
    horizon = future(days=7)
    label = future(days=7).any(BUY)


QUESTIONS: dict[str, type[Generator]] = {
    "plain": Plain,
    "fitted bins": Fitted,
    "persons, dimensions": Persons,
    "Python methods": Custom,
    "bots": WithBots,
}
