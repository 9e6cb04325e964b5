-- What each rule credits to a channel, a campaign and a territory, summed over persons and accounts.
{%- set rules = [
    'first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'w_shaped', 'shapley'
] %}
with

credit as (
    select
        *,
        case
            when position = 0 then channel
            else coalesce(campaign_id, '(no campaign) ' || channel)
        end as campaign,
        case when position = 0 then channel else coalesce(territory_id, '(no territory)') end
            as territory
    from {{ ref('attr_touch_credit') }}
),

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

acquired as (
    select
        *,
        true as is_first
    from {{ ref('int_journeys__acquired') }}
),

named as (
    {% for grain in ['channel', 'campaign', 'territory'] %}
    select
        '{{ grain }}' as grain,
        credit.{{ grain }} as name,
        credit.conversion_kind,
        credit.conversion_id,
        any_value(credit.unit_kind) as unit_kind,
        any_value(credit.unit_id) as unit_id,
        max(credit.position) = max(credit.touches) as is_last,
        {%- for rule in rules %}
        sum(credit.share_{{ rule }}) as share_{{ rule }},
        sum(credit.conversions_{{ rule }}) as conversions_{{ rule }},
        sum(credit.value_{{ rule }}) as value_{{ rule }},
        sum(credit.margin_{{ rule }}) as margin_{{ rule }}{{ ',' if not loop.last }}
        {%- endfor %}
    from credit
    group by credit.{{ grain }}, credit.conversion_kind, credit.conversion_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- People are drawn anew, not conversions: what one person brings moves together. Whoever is not
-- known is a person a conversion.
by_unit as (
    select
        named.grain,
        named.name,
        named.conversion_kind,
        sum(case when named.is_last then 0 else conversions.conversions end) as assisted,
        {%- for rule in rules %}
        sum(named.conversions_{{ rule }}) as conversions_{{ rule }},
        sum(cast(named.conversions_{{ rule }} as double) ^ 2) as squares_{{ rule }},
        sum(named.value_{{ rule }}) as value_{{ rule }},
        sum(named.margin_{{ rule }}) as margin_{{ rule }},
        sum(case when acquired.is_first then named.share_{{ rule }} else 0 end)
            as customers_{{ rule }}{{ ',' if not loop.last }}
        {%- endfor %}
    from named
    inner join conversions
        on
            named.conversion_kind = conversions.conversion_kind
            and named.conversion_id = conversions.conversion_id
    left join acquired
        on
            named.conversion_kind = acquired.conversion_kind
            and named.conversion_id = acquired.conversion_id
    group by
        named.grain,
        named.name,
        named.conversion_kind,
        coalesce(named.unit_kind, ''),
        coalesce(named.unit_id, named.conversion_id)
),

totals as (
    {% for rule in rules %}
    select
        conversion_kind,
        grain,
        name,
        '{{ rule }}' as rule,
        {{ exact_sum('conversions_' ~ rule) }} as conversions,
        sqrt({{ exact_sum('cast(conversions_' ~ rule ~ ' as double) ^ 2') }}) as conversions_se,
        sqrt({{ exact_sum('squares_' ~ rule) }}) as conversions_se_alone,
        cast(sum(value_{{ rule }}) as decimal(18, 2)) as value,
        sqrt({{ exact_sum('cast(value_' ~ rule ~ ' as double) ^ 2') }}) as value_se,
        cast(sum(margin_{{ rule }}) as decimal(18, 2)) as margin,
        {{ exact_sum('customers_' ~ rule) }} as customers,
        cast(sum(assisted) as bigint) as assisted_conversions
    from by_unit
    group by conversion_kind, grain, name
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        conversion_kind,
        grain,
        name,
        rule,
        conversions,
        conversions_se,
        conversions_se_alone,
        value,
        value_se,
        margin,
        customers,
        case when name = '(unattributed)' then 0 else assisted_conversions end
            as assisted_conversions
    from totals
)

select * from final
