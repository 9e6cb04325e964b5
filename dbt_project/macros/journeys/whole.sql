{# Rules under which a mart of credit does not hold the whole: net revenue of the ledger, all spend,
   and all conversions, margin and new customers of the paths of its grain. #}
{% macro journeys_not_whole(mart, grain) -%}
with

credit as (
    select
        rule,
        sum(value) as value,
        sum(spend) + sum(spend_outside) as spend,
        sum(conversions) as conversions,
        coalesce(sum(margin), 0) as margin,
        sum(customers) as customers
    from {{ mart }}
    group by rule
),

ledger as (
    select coalesce(sum(net_revenue), 0) as net_revenue from {{ ref('fct_ledger') }}
),

spent as (
    select coalesce(sum(spend), 0) as spend from {{ source('release', 'fct_spend') }}
),

walked as (
    select
        coalesce(sum(conversions), 0) as conversions,
        coalesce(sum(margin), 0) as margin,
        coalesce(sum(customers), 0) as customers
    from {{ source('release', 'journey_paths') }}
    where
        grain = '{{ grain }}'
        and conversion_kind in ('sale', 'order', 'won')
)

select
    'credit of ' || cast(credit.value as varchar) || ' for a ledger of '
    || cast(ledger.net_revenue as varchar) || ', spend of ' || cast(credit.spend as varchar)
    || ' of ' || cast(spent.spend as varchar) || ', ' || cast(credit.conversions as varchar)
    || ' conversions of ' || cast(walked.conversions as varchar) || ', margin of '
    || cast(credit.margin as varchar) || ' of ' || cast(walked.margin as varchar) || ', '
    || cast(credit.customers as varchar) || ' customers of ' || cast(walked.customers as varchar)
        as reason,
    credit.rule
from credit
cross join ledger
cross join spent
cross join walked
where
    credit.value <> ledger.net_revenue
    or credit.spend <> spent.spend
    or credit.margin <> walked.margin
    -- Parts of a conversion are cut to nine digits.
    or abs(credit.conversions - walked.conversions) > 0.000001 * (1 + walked.conversions)
    or abs(credit.customers - walked.customers) > 0.000001 * (1 + walked.customers)
order by credit.rule
{%- endmacro %}
