{# Sums per day and currency are exactly equal in two relations, both ways. Decimal columns only:
   the comparison has no tolerance. `where` and `to_where` narrow each side; `date` and `currency`
   may be any expression of their relation ('null' to compare the total). #}
{% test reconciles_to_source(
    model, column_name, to, to_amount,
    date='date_day', currency='currency_code', to_date=none, to_currency=none,
    where='true', to_where='true'
) %}
    with ours as (
        select
            {{ date }} as date_day,
            {{ currency }} as currency_code,
            sum({{ column_name }}) as amount
        from {{ model }}
        where {{ where }}
        group by 1, 2
    ),

    theirs as (
        select
            {{ to_date or date }} as date_day,
            {{ to_currency or currency }} as currency_code,
            sum({{ to_amount }}) as amount
        from {{ to }}
        where {{ to_where }}
        group by 1, 2
    )

    select
        '{{ column_name }} sums to ' || cast(coalesce(ours.amount, 0) as varchar)
        || ' here and to ' || cast(coalesce(theirs.amount, 0) as varchar)
        || ' in its source' as reason,
        coalesce(ours.date_day, theirs.date_day) as date_day,
        coalesce(ours.currency_code, theirs.currency_code) as currency_code,
        coalesce(ours.amount, 0) - coalesce(theirs.amount, 0) as difference
    from ours
    full join theirs
        on ours.date_day is not distinct from theirs.date_day
        and ours.currency_code is not distinct from theirs.currency_code
    where coalesce(ours.amount, 0) <> coalesce(theirs.amount, 0)
    order by 2, 3
{% endtest %}
