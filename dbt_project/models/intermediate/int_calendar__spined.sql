with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

days as (
    select
        bounds.*,
        cast(
            unnest(
                generate_series(
                    bounds.first_day,
                    bounds.last_day + bounds.days_in_period - 1,
                    interval 1 day
                )
            ) as date
        ) as calendar_day
    from bounds
),

final as (
    select
        days.calendar_day,
        {{ period_start('days.calendar_day', 'days') }} as date_day,
        days.days_in_period
    from days
)

select * from final
