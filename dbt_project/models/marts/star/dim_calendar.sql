with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

week_years as (
    select * from {{ ref('int_calendar__week_years') }}
),

landed_fiscal as (
    select * from {{ ref('stg_raw__fiscal_calendar') }}
    {% if var('fiscal_calendar_id') is not none -%}
    where calendar_id = '{{ var('fiscal_calendar_id') | replace("'", "''") }}'
    {%- else -%}
    where calendar_id = (
        select min(calendars.calendar_id)
        from {{ ref('stg_raw__fiscal_calendar') }} as calendars
    )
    {%- endif %}
),

-- A year before the first sale, for last year's spend, and two after the last, for plans.
days as (
    select
        cast(
            unnest(
                generate_series(
                    make_date(year(first_day) - 1, 1, 1),
                    make_date(year(last_day) + 2, 12, 31),
                    interval 1 day
                )
            ) as date
        ) as date_day
    from bounds
),

-- Broadcast weeks run Monday to Sunday and belong to the month and year of their Sunday.
weeks as (
    select
        *,
        {{ monday_of('date_day') }} as week_starts_on,
        cast({{ monday_of('date_day') }} + 6 as date) as week_ends_on
    from days
),

placed as (
    select
        weeks.*,
        retail.year_number as retail_year,
        (weeks.date_day - retail.starts_on) // 7 + 1 as retail_week,
        retail.weeks as weeks_in_retail_year,
        make_date(year(weeks.week_ends_on), 1, 1) as broadcast_new_year,
        {% if var('fiscal_style') | string == 'month' -%}
        year(weeks.date_day)
        - case when month(weeks.date_day) < {{ var('fiscal_start_month') | int }} then 1 else 0 end
            as fiscal_start_year,
        make_date(
            year(weeks.date_day)
            - case
                when month(weeks.date_day) < {{ var('fiscal_start_month') | int }} then 1
                else 0
            end,
            {{ var('fiscal_start_month') | int }}, 1
        ) as fiscal_starts_on,
        {% else -%}
        fiscal.year_number as fiscal_start_year,
        fiscal.starts_on as fiscal_starts_on,
        {% endif -%}
        (weeks.date_day - fiscal.starts_on) // 7 + 1 as week_of_fiscal_weeks
    from weeks
    inner join week_years as retail
        on weeks.date_day between retail.starts_on and retail.ends_on
        and retail.calendar = 'retail'
    inner join week_years as fiscal
        on weeks.date_day between fiscal.starts_on and fiscal.ends_on
        and fiscal.calendar = 'fiscal'
),

computed as (
    select
        *,
        {% if var('fiscal_year_named_by') == 'end' and var('fiscal_start_month') | int > 1 -%}
        fiscal_start_year + 1 as computed_year,
        {% else -%}
        fiscal_start_year as computed_year,
        {% endif -%}
        {% if var('fiscal_style') | string == 'month' -%}
        (month(date_day) - {{ var('fiscal_start_month') | int }} + 12) % 12 + 1 as computed_period,
        (date_day - fiscal_starts_on) // 7 + 1 as computed_week
        {%- else -%}
        {{ period_of_week('week_of_fiscal_weeks', var('fiscal_style')) }} as computed_period,
        week_of_fiscal_weeks as computed_week
        {%- endif %}
    from placed
),

final as (
    select
        computed.date_day,
        isodow(computed.date_day) as weekday,
        isodow(computed.date_day) >= 6 as is_weekend,
        year(computed.date_day) as year_number,
        quarter(computed.date_day) as quarter_number,
        month(computed.date_day) as month_number,
        cast(date_trunc('month', computed.date_day) as date) as month_starts_on,
        isoyear(computed.date_day) as iso_year,
        week(computed.date_day) as iso_week,
        computed.week_starts_on as iso_week_starts_on,
        cast({{ period_of_week('week(computed.date_day)', '445') }} as bigint) as month_445,
        cast(least((week(computed.date_day) - 1) // 13, 3) + 1 as bigint) as quarter_445,
        cast(computed.retail_year as bigint) as retail_year,
        cast(least((computed.retail_week - 1) // 13, 3) + 1 as bigint) as retail_quarter,
        cast({{ period_of_week('computed.retail_week', '454') }} as bigint) as retail_month,
        cast(computed.retail_week as bigint) as retail_week,
        cast(computed.weeks_in_retail_year as bigint) as weeks_in_retail_year,
        year(computed.week_ends_on) as broadcast_year,
        month(computed.week_ends_on) as broadcast_month,
        cast(
            (
                computed.week_starts_on - {{ monday_of('computed.broadcast_new_year') }}
            ) // 7 + 1 as bigint
        ) as broadcast_week,
        cast(coalesce(landed_fiscal.fiscal_year, computed.computed_year) as bigint) as fiscal_year,
        cast(
            coalesce(landed_fiscal.fiscal_quarter, (computed.computed_period - 1) // 3 + 1)
            as bigint
        ) as fiscal_quarter,
        cast(coalesce(landed_fiscal.fiscal_period, computed.computed_period) as bigint)
            as fiscal_period,
        cast(coalesce(landed_fiscal.fiscal_week, computed.computed_week) as bigint) as fiscal_week,
        landed_fiscal.period_status,
        landed_fiscal.date_day is not null as is_fiscal_landed
    from computed
    left join landed_fiscal
        on computed.date_day = landed_fiscal.date_day
)

select * from final
