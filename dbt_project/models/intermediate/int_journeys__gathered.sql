with

contact_bots as (
    select * from {{ ref('int_journeys__contact_bots') }}
),

met as (
    select met.* from {{ ref('int_journeys__met') }} as met
    anti join contact_bots
        on met.person_id = contact_bots.unit_id
),

scale as (
    select * from {{ ref('int_journeys__scaled') }}
),

final as (
    {{ journeys_walks('met', 'scale') }}
)

select * from final
