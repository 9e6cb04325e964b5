{# Columns and rows of attr_channels, attr_campaigns and attr_territories: every name that has credit
   or spend, by every rule. A macro, since they differ in nothing but the name. #}
{% macro journeys_with_spend(grain) %}
{%- set sold = "conversion_kind in ('sale', 'order', 'won')" %}
{#- Half a 90 % interval in standard errors. #}
{%- set z = '1.6448536269514722' %}
-- Paths are counted, whoever walked them: their bootstrap draws conversions. What persons who convert
-- several times add to it is known of `linear`, name by name.
spread as (
    select
        conversion_kind,
        name,
        coalesce(greatest(conversions_se / nullif(conversions_se_alone, 0), 1), 1) as times
    from {{ source('release', 'journey_credit') }}
    where
        grain = '{{ grain }}'
        and rule = 'linear'
),

removed as (
    select
        removal.conversion_kind,
        removal.name,
        removal.rule,
        removal.conversions,
        (removal.conversions - removal.p05) * coalesce(spread.times, 1) as below,
        (removal.p95 - removal.conversions) * coalesce(spread.times, 1) as above,
        removal.value,
        removal.margin,
        removal.customers
    from {{ source('journeys', 'credit') }} as removal
    left join spread
        on
            removal.conversion_kind = spread.conversion_kind
            and removal.name = spread.name
    where removal.grain = '{{ grain }}'
),

credit as (
    select
        conversion_kind,
        name,
        rule,
        conversions,
        {{ z }} * conversions_se as below,
        {{ z }} * conversions_se as above,
        value,
        {{ z }} * value_se as value_below,
        {{ z }} * value_se as value_above,
        margin,
        customers
    from {{ source('release', 'journey_credit') }}
    where grain = '{{ grain }}'
    union all
    -- Money follows the conversions: their interval is its interval.
    select
        conversion_kind,
        name,
        rule,
        conversions,
        below,
        above,
        value,
        case when conversions > 0 then value * below / conversions end as value_below,
        case when conversions > 0 then value * above / conversions end as value_above,
        margin,
        customers
    from removed
),

-- Kinds of conversion are of different people, so their variances add.
credited as (
    select
        name,
        rule,
        {{ exact_sum("case when " ~ sold ~ " then conversions end") }} as conversions,
        sqrt({{ exact_sum("case when " ~ sold ~ " then below ^ 2 end") }}) as below,
        sqrt({{ exact_sum("case when " ~ sold ~ " then above ^ 2 end") }}) as above,
        sum(value) filter ({{ sold }}) as value,
        sqrt({{ exact_sum("case when " ~ sold ~ " then value_below ^ 2 end") }}) as value_below,
        sqrt({{ exact_sum("case when " ~ sold ~ " then value_above ^ 2 end") }}) as value_above,
        sum(margin) filter ({{ sold }}) as margin,
        {{ exact_sum("case when " ~ sold ~ " then customers end") }} as customers,
        {% for kind, stage in [
            ('lead', 'leads'), ('qualified', 'qualified'), ('opportunity', 'opportunities'),
            ('won', 'won'),
        ] -%}
        {{ exact_sum("case when conversion_kind = '" ~ kind ~ "' then conversions end") }}
            as {{ stage }}{{ ',' if not loop.last }}
        {% endfor %}
    from credit
    group by name, rule
),

assisting as (
    select
        name,
        sum(assisted_conversions) as assisted_conversions
    from {{ source('release', 'journey_credit') }}
    where
        grain = '{{ grain }}'
        and rule = 'last'
        and {{ sold }}
    group by name
),

spent as (
    select
        {{ grain }} as name,
        min(channel) as channel,
        sum(spend) as spend,
        sum(spend_outside) as spend_outside,
        {{ exact_sum('claimed_conversions') }} as claimed_conversions,
        sum(claimed_value) as claimed_value
    from {{ source('release', 'journey_spend') }}
    group by {{ grain }}
),

touched as (
    select
        name,
        sum(touches) as touches
    from {{ source('release', 'journey_touches') }}
    where
        grain = '{{ grain }}'
        and treatment = 'counted'
    group by name
),

rules as (
    select distinct rule from credited
),

-- A full join in two steps: a rule says what a name with spend alone is credited with, nothing.
names as (
    select name from credited
    union
    select name from spent
),

joined as (
    select
        names.name,
        rules.rule,
        spent.channel,
        cast(coalesce(touched.touches, 0) as bigint) as touches,
        cast(coalesce(spent.spend, 0) as decimal(18, 2)) as spend,
        cast(coalesce(spent.spend_outside, 0) as decimal(18, 2)) as spend_outside,
        coalesce(credited.conversions, 0) as conversions,
        case
            when names.name = '(unattributed)' then null
            else greatest(coalesce(credited.conversions - credited.below, 0), 0)
        end as conversions_p05,
        case
            when names.name = '(unattributed)' then null
            else coalesce(credited.conversions + credited.above, 0)
        end as conversions_p95,
        cast(coalesce(credited.value, 0) as decimal(18, 2)) as value,
        case
            when names.name = '(unattributed)' then null
            else coalesce(cast(credited.value as double) - credited.value_below, 0)
        end as value_p05,
        case
            when names.name = '(unattributed)' then null
            else coalesce(cast(credited.value as double) + credited.value_above, 0)
        end as value_p95,
        cast(
            case when credited.name is null then 0 else credited.margin end as decimal(18, 2)
        ) as margin,
        case when credited.name is null then 0 else credited.customers end as customers,
        cast(coalesce(assisting.assisted_conversions, 0) as bigint) as assisted_conversions,
        coalesce(credited.leads, 0) as leads,
        coalesce(credited.qualified, 0) as qualified,
        coalesce(credited.opportunities, 0) as opportunities,
        coalesce(credited.won, 0) as won,
        spent.claimed_conversions,
        cast(spent.claimed_value as decimal(18, 2)) as claimed_value
    from names
    cross join rules
    left join credited
        on
            names.name = credited.name
            and rules.rule = credited.rule
    left join spent
        on names.name = spent.name
    left join assisting
        on names.name = assisting.name
    left join touched
        on names.name = touched.name
),

priced_by as (
    select
        *,
        case when spend > 0 then cast(value as double) / cast(spend as double) end as roas,
        case when spend > 0 then value_p05 / cast(spend as double) end as roas_p05,
        case when spend > 0 then value_p95 / cast(spend as double) end as roas_p95,
        {% for count, cost in [
            ('customers', 'cac'), ('conversions', 'cost_per_conversion'),
            ('leads', 'cost_per_lead'), ('qualified', 'cost_per_qualified'),
            ('opportunities', 'cost_per_opportunity'), ('won', 'cost_per_won'),
        ] -%}
        case when spend > 0 and {{ count }} > 0 then cast(spend as double) / {{ count }} end
            as {{ cost }},
        {% endfor -%}
        claimed_conversions - conversions as claimed_difference,
        cast(claimed_value - value as decimal(18, 2)) as claimed_value_difference,
        {{ reporting_currency() }} as currency_code
    from joined
)
{%- endmacro %}

{# The figures that these marts end with, in the order of their contracts. #}
{% macro journeys_figures() -%}
    priced_by.touches,
        priced_by.spend,
        priced_by.spend_outside,
        priced_by.conversions,
        priced_by.conversions_p05,
        priced_by.conversions_p95,
        priced_by.value,
        priced_by.value_p05,
        priced_by.value_p95,
        priced_by.margin,
        priced_by.customers,
        priced_by.assisted_conversions,
        priced_by.leads,
        priced_by.qualified,
        priced_by.opportunities,
        priced_by.won,
        priced_by.roas,
        priced_by.roas_p05,
        priced_by.roas_p95,
        priced_by.cac,
        priced_by.cost_per_conversion,
        priced_by.cost_per_lead,
        priced_by.cost_per_qualified,
        priced_by.cost_per_opportunity,
        priced_by.cost_per_won,
        priced_by.claimed_conversions,
        priced_by.claimed_difference,
        priced_by.claimed_value,
        priced_by.claimed_value_difference,
        priced_by.currency_code
{%- endmacro %}
