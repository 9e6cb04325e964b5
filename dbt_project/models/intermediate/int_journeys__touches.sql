{{ config(materialized='view') }}
with

met as (
    select * from {{ ref('int_journeys__met') }}
),

bots as (
    select * from {{ ref('int_journeys__bots') }}
),

final as (
    select met.* from met
    anti join bots
        on
            met.unit_kind = bots.unit_kind
            and met.unit_id = bots.unit_id
)

select * from final
