with

walked as (
    select * from {{ ref('int_journeys__walked') }}
),

final as (
    select
        conversion_kind,
        grain,
        path,
        conversions,
        value,
        margin,
        customers,
        nulls
    from walked
)

select * from final
