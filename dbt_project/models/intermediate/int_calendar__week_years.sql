-- Years made of whole weeks: the retail year (4-5-4) and, in a week style, the fiscal year.
with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

years as (
    select unnest(generate_series(year(first_day) - 2, year(last_day) + 3)) as year_number
    from bounds
),

starts as (
    select
        'retail' as calendar,
        year_number,
        {{ nearest_weekday('make_date(year_number, 2, 1)', 7) }} as starts_on
    from years
    union all
    select
        'fiscal' as calendar,
        year_number,
        {{ nearest_weekday(
            'make_date(year_number, ' ~ var('fiscal_start_month') | int ~ ', 1)',
            var('fiscal_week_starts_on') | int
        ) }} as starts_on
    from years
),

followed as (
    select
        *,
        lead(starts_on) over (partition by calendar order by year_number) as next_starts_on
    from starts
),

final as (
    select
        calendar,
        year_number,
        starts_on,
        cast(next_starts_on - 1 as date) as ends_on,
        (next_starts_on - starts_on) // 7 as weeks
    from followed
    where next_starts_on is not null
)

select * from final
