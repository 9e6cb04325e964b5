with

holidays as (
    select * from {{ ref('stg_raw__holidays') }}
),

final as (
    select distinct
        date_day,
        holiday,
        country_code
    from holidays
)

select * from final
