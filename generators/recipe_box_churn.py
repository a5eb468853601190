"""A sketch of Gousto's question: subscribers who stop ordering recipe boxes."""

from zap.examples import (
    Generator,
    Hash,
    Instance,
    OneHot,
    PowerBins,
    SincePrevious,
    each,
    event,
    future,
    past,
    tenure,
)

ORDER = event("order")


class RecipeBoxChurn(Generator):
    """As soon as a box is delivered: will no order come in the next four weeks?"""

    mapping = "recipe_boxes.toml"
    subject = "user_id"
    cutoffs = each(event("delivery"))
    eligible = past(days=28).any(ORDER) & past().none(event("subscription_cancelled"))
    label = future(weeks=4).none(ORDER)
    instance = Instance(
        types=["order", "delivery", "menu_view", "complaint"],
        last=60,
        fields=[
            Hash("type"),
            OneHot("rating", 1, 5),
            PowerBins("amount"),
            SincePrevious(),
        ],
        metadata=[tenure()],
    )
    statistics = {"orders": past().count(ORDER)}
