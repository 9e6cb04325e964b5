with

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

kinds as (
    select * from {{ ref('int_journeys__kinds') }}
),

final as (
    {{ journeys_windows('conversions', 'kinds', reuse=var('journeys_reuse_touches')) }}
)

select * from final
