with

final as (
    select * from {{ ref('int_journeys__walked') }}
)

select * from final
