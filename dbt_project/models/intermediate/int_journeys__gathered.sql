with

met as (
    select * from {{ ref('int_journeys__met') }}
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

final as (
    {{ journeys_walks('met', 'scale') }}
)

select * from final
