with

met as (
    select * from {{ ref('int_journeys__met') }}
),

named as (
    select * from {{ ref('int_journeys__named') }}
),

final as (
    {{ journeys_scale('met', 'named') }}
)

select * from final
