{{ config(materialized='view') }}
-- The first order of a person or an account in the ledger: what CAC counts.
with

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

final as (
    select
        conversion_kind,
        conversion_id
    from conversions
    where
        conversion_kind in ('sale', 'order', 'won')
        and unit_id is not null
        and conversions > 0
    qualify
        row_number() over (
            partition by unit_kind, unit_id order by converted_at, conversion_kind, conversion_id
        ) = 1
)

select * from final
