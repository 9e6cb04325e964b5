{# Rules under which a mart of credit does not hold the whole: net revenue of the ledger, all spend,
   and all conversions of the grain its names are of. #}
{% macro journeys_not_whole(mart, grain) -%}
with

credit as (
    select
        rule,
        sum(value) as value,
        sum(spend) + sum(spend_outside) as spend,
        sum(conversions) as conversions
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
    select coalesce(sum(conversions), 0) as conversions
    from {{ source('release', 'journey_paths') }}
    where
        grain = '{{ grain }}'
        and conversion_kind in ('sale', 'order', 'won')
)

select
    'credit of ' || cast(credit.value as varchar) || ' for a ledger of '
    || cast(ledger.net_revenue as varchar) || ', spend of ' || cast(credit.spend as varchar)
    || ' of ' || cast(spent.spend as varchar) || ', ' || cast(credit.conversions as varchar)
    || ' conversions of ' || cast(walked.conversions as varchar) as reason,
    credit.rule
from credit
cross join ledger
cross join spent
cross join walked
where
    credit.value <> ledger.net_revenue
    or credit.spend <> spent.spend
    -- Parts of a conversion are cut to nine digits.
    or abs(credit.conversions - walked.conversions) > 0.000001 * (1 + walked.conversions)
order by credit.rule
{%- endmacro %}
