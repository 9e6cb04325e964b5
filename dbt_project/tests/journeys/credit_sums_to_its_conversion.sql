-- Shares of a conversion sum to exactly one, and its parts to its value and margin, by every rule.
{%- set rules = [
    'first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'w_shaped', 'shapley'
] %}
with

credit as (
    select * from {{ ref('attr_touch_credit') }}
),

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

summed as (
    select
        conversion_kind,
        conversion_id,
        {% for rule in rules %}
        sum(share_{{ rule }}) as share_{{ rule }},
        sum(value_{{ rule }}) as value_{{ rule }},
        sum(margin_{{ rule }}) as margin_{{ rule }},
        {% endfor %}
        count(*) as credited
    from credit
    group by conversion_kind, conversion_id
)

select
    'parts do not sum to their conversion' as reason,
    coalesce(conversions.conversion_kind, summed.conversion_kind) as conversion_kind,
    coalesce(conversions.conversion_id, summed.conversion_id) as conversion_id
from conversions
full join summed
    on conversions.conversion_kind = summed.conversion_kind
    and conversions.conversion_id = summed.conversion_id
where
    conversions.conversion_id is null
    or summed.conversion_id is null
    {% for rule in rules %}
    or summed.share_{{ rule }} <> 1
    or summed.value_{{ rule }} <> conversions.value
    or summed.margin_{{ rule }} is distinct from conversions.margin
    {% endfor %}
order by conversion_kind, conversion_id
