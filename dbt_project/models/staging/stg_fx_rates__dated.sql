with

fx_rates as (
    select
        date_day,
        from_currency,
        kind,
        -- Decimal, not double: 10.00 x 1.0825 must round to 10.83 as it does on paper. The widest
        -- product, DECIMAL(18,6) x DECIMAL(20,14), just fits DuckDB's 38 digits; a rate of a
        -- million or more becomes null here and fails the test fx_rate_known by name.
        try_cast(rate as decimal(20, 14)) as rate
    from {{ ref('stg_raw__fx_rates') }}
    where to_currency = {{ reporting_currency() }}
),

bounds as (
    select
        min(date_day) as first_day,
        max(date_day) as last_day
    from fx_rates
),

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date_day
    from bounds
),

kinds as (
    select distinct
        from_currency,
        kind
    from fx_rates
),

cells as (
    select
        days.date_day,
        kinds.from_currency,
        kinds.kind
    from days
    cross join kinds
),

-- The latest rate on or before each day.
dense as (
    select
        cells.date_day,
        cells.from_currency,
        cells.kind,
        fx_rates.rate
    from cells
    asof left join fx_rates
        on cells.from_currency = fx_rates.from_currency
        and cells.kind = fx_rates.kind
        and cells.date_day >= fx_rates.date_day
),

-- One budget rate for all days: of the year asked for, else of the latest year that has one.
budget_year as (
    select
        {% if var('constant_currency_year') is not none -%}
        cast({{ var('constant_currency_year') | int }} as bigint)
        {%- else -%}
        max(year(date_day))
        {%- endif %} as budget_year
    from fx_rates
    where kind = 'budget'
),

budgets as (
    select
        fx_rates.from_currency,
        arg_max(fx_rates.rate, fx_rates.date_day) as constant_rate
    from fx_rates
    inner join budget_year
        on year(fx_rates.date_day) = budget_year.budget_year
    where fx_rates.kind = 'budget'
    group by fx_rates.from_currency
),

final as (
    select
        dense.date_day,
        dense.from_currency,
        max(dense.rate) filter (where dense.kind = 'average') as average_rate,
        max(dense.rate) filter (where dense.kind = 'closing') as closing_rate,
        max(budgets.constant_rate) as constant_rate
    from dense
    left join budgets
        on dense.from_currency = budgets.from_currency
    group by dense.date_day, dense.from_currency
)

select * from final
