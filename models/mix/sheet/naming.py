"""What a column's name says it is, in the words that marketing tables use."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPEND = frozenset(
    {"spend", "spends", "spending", "spent", "cost", "costs", "investment", "invest", "adspend"}
    | {"expense", "expenditure", "budget", "ausgaben", "kosten", "depense"}
)
#: Words of exposure and the unit that they stand for, best measure first.
EXPOSURE = {
    **dict.fromkeys(
        ("impressions", "impression", "imps", "imp", "impr", "impressionen"), "impressions"
    ),
    **dict.fromkeys(("grp", "grps", "trp", "trps"), "rating points"),
    **dict.fromkeys(("views", "view"), "views"),
    **dict.fromkeys(("reach", "reichweite"), "reach"),
    **dict.fromkeys(("clicks", "click", "klicks"), "clicks"),
    **dict.fromkeys(("sends", "sent", "opens", "delivered", "deliveries"), "sends"),
    **dict.fromkeys(("insertions", "spots", "circulation"), "insertions"),
}
#: Words of organic media that are bought as well, where there is spend.
ALSO_PAID = frozenset({"email", "emails", "push", "crm", "newsletter", "newsletters"})
#: What marketing brings about on the way to the sale: with it as a cause, marketing gets no credit.
MEDIATOR = frozenset(
    {"sessions", "traffic", "pageviews", "visitors", "website", "site", "users", "downloads"}
    | {"carts", "checkouts", "footfall", "conversion", "revisits"}
)
FREQUENCY = frozenset({"frequency", "freq"})
ORGANIC = frozenset(
    {
        "organic",
        "owned",
        "newsletter",
        "newsletters",
        "email",
        "emails",
        "blog",
        "seo",
        "push",
        "crm",
    }
)
PUBLICITY = frozenset({"pr", "publicity", "press", "earned", "mentions", "news", "coverage"})
PROMOTION = frozenset(
    {"promo", "promos", "promotion", "promotions", "discount", "discounts", "coupon", "coupons"}
    | {"deal", "deals", "offer", "offers", "markdown", "rebate", "bogo", "voucher", "vouchers"}
    | {"feature", "sampling", "samples", "rabatt", "promotional"}
)
PRICE = frozenset({"price", "prices", "preis", "prix"})
SELLER = frozenset(
    {"calls", "visits", "meetings", "detailing", "reps", "sellers", "salesforce", "appointments"}
    | {"salespeople", "demos"}
)
AGENCY = frozenset({"agency", "agencies", "broker", "brokers", "outsourced", "distributor"})
CONTROL = frozenset(
    {
        "control",
        "competitor",
        "competitors",
        "competition",
        "weather",
        "temperature",
        "temp",
        "rain",
    }
    | {
        "rainfall",
        "snow",
        "sun",
        "sunshine",
        "sentiment",
        "gdp",
        "cpi",
        "inflation",
        "unemployment",
    }
    | {
        "confidence",
        "index",
        "covid",
        "lockdown",
        "mobility",
        "gqv",
        "distribution",
        "stores",
        "stock",
    }
    | {
        "interest",
        "macro",
        "economy",
        "fuel",
        "gas",
        "query",
        "queries",
        "stockout",
        "availability",
    }
)
EVENT = frozenset(
    {
        "event",
        "events",
        "holiday",
        "holidays",
        "festival",
        "occasion",
        "christmas",
        "xmas",
        "easter",
    }
    | {"thanksgiving", "blackfriday", "friday", "ramadan", "feiertag", "feiertage"}
)
CHANNEL = frozenset(
    {
        "tv",
        "television",
        "ctv",
        "ott",
        "radio",
        "audio",
        "podcast",
        "print",
        "newspaper",
        "magazine",
    }
    | {"ooh", "dooh", "outdoor", "billboard", "search", "sem", "ppc", "google", "bing", "adwords"}
    | {"facebook", "fb", "meta", "instagram", "ig", "tiktok", "snapchat", "pinterest", "twitter"}
    | {
        "linkedin",
        "reddit",
        "youtube",
        "yt",
        "video",
        "display",
        "banner",
        "programmatic",
        "social",
    }
    | {
        "affiliate",
        "affiliates",
        "influencer",
        "influencers",
        "mail",
        "directmail",
        "cinema",
        "media",
    }
    | {
        "channel",
        "retargeting",
        "remarketing",
        "shopping",
        "pmax",
        "native",
        "sponsorship",
        "amazon",
    }
)
#: What an analyst has added, or a simulation's truth: never a cause of sales.
MADE = frozenset(
    {"contribution", "contributions", "truth", "true", "hidden", "latent", "fitted", "predicted"}
    | {
        "prediction",
        "forecast",
        "yhat",
        "residual",
        "residuals",
        "expectation",
        "expected",
        "effect",
    }
    | {
        "intercept",
        "baseline",
        "adstock",
        "adstocked",
        "saturated",
        "decomp",
        "roas",
        "roi",
        "mroi",
    }
    | {"seasonality", "init", "noise", "epsilon", "cumulative", "cum", "lag", "lagged", "rolling"}
    | {"counterfactual", "incremental", "simulated", "groundtruth", "scaled", "normalized"}
)
DATE = frozenset(
    {
        "date",
        "day",
        "week",
        "month",
        "time",
        "ds",
        "period",
        "datum",
        "start",
        "dt",
        "woche",
        "monat",
    }
)
PART_OF_DATE = frozenset(
    {
        "year",
        "quarter",
        "month",
        "week",
        "weekday",
        "wochentag",
        "dayofyear",
        "dayofweek",
        "dow",
        "doy",
        "isoweek",
    }
    | {"weekofyear", "weeknum", "yearweek", "day", "season"}
)
COUNTER = frozenset({"t", "trend", "index", "idx", "row", "rownum", "n", "id", "timeindex", "obs"})
TERRITORY = frozenset(
    {"territory", "geo", "region", "market", "dma", "state", "city", "store", "location", "area"}
    | {"province", "county", "zip", "district", "shop", "gebiet", "zone", "country", "land"}
)
PRODUCT = frozenset({"product", "brand", "sku", "category", "item", "model", "produkt", "line"})
POPULATION = frozenset({"population", "pop", "people", "inhabitants", "households", "einwohner"})
COUNTRY = frozenset({"country", "countrycode", "land", "nation"})
#: Words of outcomes, the best first, and what they count.
OUTCOME = {
    **dict.fromkeys(("revenue", "revenues", "turnover", "gmv", "umsatz", "bookings"), "revenue"),
    **dict.fromkeys(("sales",), "revenue"),
    **dict.fromkeys(("conversions", "orders", "units", "purchases", "transactions"), "units"),
    **dict.fromkeys(("volume", "quantity", "installs", "subscriptions", "bottles"), "units"),
    **dict.fromkeys(("leads", "signups", "registrations", "applications", "enquiries"), "leads"),
    **dict.fromkeys(("profit", "income"), "revenue"),
    **dict.fromkeys(("customers", "subscribers"), "units"),
    **dict.fromkeys(("kpi", "outcome", "y", "target", "response"), "revenue"),
}
#: Words of outcomes that do not say what is counted.
VAGUE = ("kpi", "outcome", "y", "target", "response")
_PER = frozenset({"per"})
_WORTH = frozenset({"revenue", "value", "price", "margin", "profit", "ltv", "clv", "worth"})
_UNIT = frozenset(
    {"conversion", "unit", "order", "kpi", "lead", "sale", "purchase", "outcome", "transaction"}
)
#: Last letters that one widely used tool gives its columns: spend, impressions, other measure.
_LETTERS = {"S": "spend", "I": "impressions", "P": "measure", "B": "control"}


@dataclass(frozen=True)
class Name:
    """A column's name taken apart: `words` in small letters, last capital letter's `mark`."""

    words: tuple[str, ...]
    mark: str | None

    def has(self, words: frozenset[str] | dict[str, str]) -> str | None:
        """The first of its words that is in a list."""
        return next((word for word in self.words if word in words), None)

    @property
    def stem(self) -> str:
        """What is left without words of money and exposure: what pairs are found by."""
        measures = SPEND | set(EXPOSURE) | FREQUENCY | {"total", "usd", "eur", "gbp", "amount"}
        return "_".join(word for word in self.words if word not in measures)

    @property
    def is_worth(self) -> bool:
        """Whether it is money a unit: revenue_per_conversion, value_per_unit, aov."""
        if self.words in {("aov",), ("ltv",), ("clv",), ("average", "order", "value")}:
            return True
        return bool(self.has(_PER) and self.has(_WORTH) and self.has(_UNIT))


def taken_apart(column: str) -> Name:
    """A name's words: at punctuation and where small letters meet capitals."""
    mark = None
    match = re.search(r"_([SIPB])$", column)
    if match:
        mark, column = _LETTERS[match.group(1)], column[: match.start()]
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    words = tuple(word.lower() for word in re.split(r"[\W_]+", spaced) if word)
    return Name(words, mark)
