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
        nulls,
        {{ reporting_currency() }} as currency_code
    from walked
)

select * from final
