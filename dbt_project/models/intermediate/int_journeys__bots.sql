with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    -- An account is many people.
    where account_id is null
),

final as (
    {{ journeys_bots(
        'touchpoints', var('journeys_bot_touches'), var('journeys_bot_minutes')
    ) }}
)

select * from final
