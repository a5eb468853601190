"""Visits of a web site as its server's access log tells of them."""

from zap.examples import (
    ANY,
    Bots,
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    Rate,
    Regularity,
    each,
    event,
    in_session,
    rest_of_session,
)

VIEW = event("page_view")


class LogVisitGoal(Generator):
    """After every page view: will this visit go on to another page?

    The goal is the next page: of the visits in a few days of a small site's log, too
    few reach a download or a project's page for anything to be said about these.
    """

    mapping = "access_log.toml"
    session = InactivityGap(minutes=60)  # the log's times are whole hours: see there
    cutoffs = each(VIEW)
    label = rest_of_session().any(VIEW)
    instance = Instance(
        types=["page_view", "asset", "download", "feed"],
        last=20,
        fields=[Hash("type"), Hash("url.path"), Hash("referrer.host")],
        metadata=[Last("agent.family"), Last("agent.os")],
        hash_buckets=200,
    )
    statistics = {
        "pages": in_session().count(VIEW),
        "requests": in_session().count(event(ANY)),
    }
    bots = Bots(
        missing_agents=True,
        rate=Rate(events=30, seconds=60),
        regularity=Regularity(events=20, spread=0.1),
    )
