with

gathered as (
    select * from {{ ref('int_journeys__gathered') }}
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

final as (
    {{ journeys_bots(
        'gathered', 'scale', var('journeys_bot_touches'), var('journeys_bot_minutes')
    ) }}
)

select * from final
