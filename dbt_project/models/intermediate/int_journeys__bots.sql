with

gathered as (
    select * from {{ ref('int_journeys__gathered') }}
),

contact_bots as (
    select * from {{ ref('int_journeys__contact_bots') }}
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

final as (
    {{ journeys_bots(
        'gathered', 'scale', var('journeys_bot_touches'), var('journeys_bot_minutes')
    ) }}
    union all
    select
        unit_kind,
        unit_id,
        touches
    from contact_bots
)

select * from final
