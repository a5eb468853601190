"""A sketch of section 10 of the Zap paper: ask for the address at the best time."""

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    Last,
    SincePrevious,
    each,
    event,
    in_session,
    past,
    rest_of_session,
)

SIGN_UP = event("newsletter_signup")


class NewsletterSignup(Generator):
    """At each prediction point: will the visitor sign up before the visit ends?"""

    mapping = "web.toml"
    session = InactivityGap(minutes=30)
    cutoffs = each(event("prediction_point"))
    eligible = past().none(SIGN_UP)
    label = rest_of_session().any(SIGN_UP)
    instance = Instance(
        types=["page_view", "click"],
        last=40,
        fields=[Hash("type"), Hash("url.segments"), SincePrevious()],
        metadata=[Last("agent.device"), Last("referrer.host")],
    )
    statistics = {
        "clicks": in_session().count(event("click")),
        "seconds": in_session().duration(),
    }
    exclude = {"tests": event("page_view", **{"url.host": "qa.example.com"})}
