with

publicity as (
    select * from {{ ref('stg_raw__publicity') }}
),

territories as (
    select * from {{ ref('dim_territories') }}
),

final as (
    select
        publicity.event_id,
        publicity.date_day,
        publicity.grain,
        publicity.kind,
        publicity.event_name,
        publicity.outlet,
        publicity.territory_id,
        territories.territory_key,
        publicity.mentions,
        publicity.reach,
        publicity.tone,
        publicity.cost,
        publicity.cost_constant,
        publicity.landed_cost,
        publicity.landed_currency,
        {{ reporting_currency() }} as currency_code
    from publicity
    {{ version_join(
        'territories', 'territory_id', 'publicity.territory_id', 'publicity.date_day'
    ) }}
)

select * from final
