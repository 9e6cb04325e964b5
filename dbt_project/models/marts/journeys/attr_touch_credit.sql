{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['conversion_kind', 'conversion_id'],
    on_schema_change='append_new_columns',
    pre_hook="{% if is_incremental() %}{{ journeys_without_gone(this) }}{% endif %}"
) }}
-- Each conversion is known by what it was made of: its facts, the touches it reaches, the rules, and
-- this file. A build writes the conversions of which that has changed, and no others; after an
-- upgrade that changes the file, all, so that a column that is new has its values.
{%- set rules = [
    'first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'w_shaped', 'shapley'
] %}
{%- set weights = journeys_weights(
    'changed', name='channel', other=journeys_other(), half_life=var('journeys_half_life')
) %}
{%- set parts = journeys_parts('weighted', rules, {
    'share': '1000000000',
    'value': 'cast(value * 100 as bigint)',
    'margin': 'cast(margin * 100 as bigint)',
}) %}
with

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

reached as (
    select * from {{ ref('int_journeys__reached') }}
),

trimmed as (
    {{ journeys_credited_paths('reached') }}
),

journeys as (
    select
        conversions.*,
        coalesce(trimmed.touches, []) as touches
    from conversions
    left join trimmed
        on conversions.conversion_kind = trimmed.conversion_kind
        and conversions.unit_kind = trimmed.unit_kind
        and conversions.unit_id = trimmed.unit_id
        and conversions.converted_at = trimmed.converted_at
),

known as (
    select
        *,
        md5('{{ local_md5(model.raw_code ~ weights ~ parts) }}' || journeys::varchar) as made_of
    from journeys
),

changed as (
    select * from known
    {%- if is_incremental() %}
    where made_of not in (select made_of from {{ this }})
    {%- endif %}
),

weighted as (
    {{ weights }}
    where len(touches) > 0
),

dealt as (
    {{ parts }}
),

credited as (
    select
        conversion_kind,
        conversion_id,
        date_day,
        converted_at,
        unit_kind,
        unit_id,
        unnest(range(1, len(touches) + 1)) as position,
        len(touches) as touches,
        unnest(touches) as touch,
        territory_id,
        seller_id,
        opportunity_id,
        conversions,
        {%- for rule in rules %}
        unnest(parts_share_{{ rule }}) as share_{{ rule }},
        unnest(parts_value_{{ rule }}) as value_{{ rule }},
        unnest(parts_margin_{{ rule }}) as margin_{{ rule }},
        {%- endfor %}
        expected_value,
        made_of
    from dealt
    union all by name
    select
        conversion_kind,
        conversion_id,
        date_day,
        converted_at,
        unit_kind,
        unit_id,
        0 as position,
        0 as touches,
        territory_id,
        seller_id,
        opportunity_id,
        conversions,
        {%- for rule in rules %}
        1000000000 as share_{{ rule }},
        cast(value * 100 as bigint) as value_{{ rule }},
        cast(margin * 100 as bigint) as margin_{{ rule }},
        {%- endfor %}
        expected_value,
        made_of
    from changed
    where len(touches) = 0
),

final as (
    select
        conversion_kind,
        conversion_id,
        date_day,
        converted_at,
        unit_kind,
        unit_id,
        position,
        touches,
        touch.touchpoint_id,
        touch.occurred_at,
        touch.touch_kind,
        coalesce(touch.channel, '(unattributed)') as channel,
        touch.platform,
        touch.campaign_id,
        touch.territory_id,
        touch.seller_id,
        territory_id as conversion_territory_id,
        seller_id as conversion_seller_id,
        opportunity_id,
        {%- for rule in rules %}
        cast(share_{{ rule }} * cast(0.000000001 as decimal(10, 9)) as decimal(10, 9))
            as share_{{ rule }},
        cast(share_{{ rule }} * conversions * cast(0.000000001 as decimal(10, 9)) as decimal(18, 9))
            as conversions_{{ rule }},
        cast(value_{{ rule }} * cast(0.01 as decimal(3, 2)) as decimal(18, 2))
            as value_{{ rule }},
        cast(margin_{{ rule }} * cast(0.01 as decimal(3, 2)) as decimal(18, 2))
            as margin_{{ rule }},
        {%- endfor %}
        expected_value,
        {{ reporting_currency() }} as currency_code,
        made_of
    from credited
)

select * from final
