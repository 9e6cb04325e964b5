{# Money: one reporting currency, converted once per landed line, exact afterwards. #}

{# The reporting currency as a quoted SQL literal, from --vars 'reporting_currency: EUR'. #}
{% macro reporting_currency() %}
    {%- set code = var('reporting_currency', none) -%}
    {%- if execute and not modules.re.fullmatch('[A-Z]{3}', (code or '') | string) -%}
        {{ exceptions.raise_compiler_error(
            "The variable reporting_currency must be three capital letters (ISO 4217), got '"
            ~ code ~ "'. Pass --vars 'reporting_currency: EUR'."
        ) }}
    {%- endif -%}
    '{{ code }}'
{%- endmacro %}

{# Rows of a CTE with the rates of their day and currency, as the CTE `priced`: `fx_rate`, and
   `constant_rate` for constant-currency columns: the budget rate, else the row's own average rate.
   Dense days up to the last landed rate, and that last day, which holds from then on: an equality
   join, since a range join over millions of rows would try every rate of a currency. #}
{% macro priced(relation, date='date_day') -%}
rates as (
    select * from {{ ref('stg_fx_rates__dated') }}
),

rate_bounds as (
    select max(date_day) as last_rate_day from rates
),

priced as (
    select
        {{ relation }}.*,
        {{ fx_rate(relation ~ '.currency_code', 'rates.average_rate') }} as fx_rate,
        {{ fx_rate(
            relation ~ '.currency_code', 'coalesce(rates.constant_rate, rates.average_rate)'
        ) }} as constant_rate
    from {{ relation }}
    cross join rate_bounds
    left join rates
        on {{ relation }}.currency_code = rates.from_currency
        and least({{ relation }}.{{ date }}, rate_bounds.last_rate_day) = rates.date_day
)
{%- endmacro %}

{# Rate of a line: 1 for the reporting currency itself, else the joined rate. #}
{% macro fx_rate(currency_code, joined_rate) -%}
    case
        when {{ currency_code }} = {{ reporting_currency() }} then cast(1 as decimal(20, 14))
        else {{ joined_rate }}
    end
{%- endmacro %}

{# Amount in the reporting currency, half away from zero to the cent. Zero needs no rate, and a rate
   of one no product: most lines of most ledgers, for which the product costs as much as all else. #}
{% macro in_reporting_currency(amount, rate) -%}
    case
        when {{ amount }} = 0 then cast(0 as decimal(18, 2))
        when {{ rate }} = 1
            then cast(round(cast({{ amount }} as decimal(18, 6)), 2) as decimal(18, 2))
        else cast(round(cast({{ amount }} as decimal(18, 6)) * {{ rate }}, 2) as decimal(18, 2))
    end
{%- endmacro %}

{# Part number `part` (1..parts) of an amount split evenly: differences of the running total
   cut to the cent, so that the parts add to the amount exactly whatever the number of parts. #}
{% macro even_part(amount, part, parts) -%}
    cast(
        (
            cast({{ amount }} * 100 as hugeint) * {{ part }} // {{ parts }}
            - cast({{ amount }} * 100 as hugeint) * ({{ part }} - 1) // {{ parts }}
        ) * 0.01 as decimal(18, 2)
    )
{%- endmacro %}

{# The same for landed amounts, to a millionth. #}
{% macro even_part_landed(amount, part, parts) -%}
    cast(
        cast(
            cast({{ amount }} * 1000000 as hugeint) * {{ part }} // {{ parts }}
            - cast({{ amount }} * 1000000 as hugeint) * ({{ part }} - 1) // {{ parts }}
            as decimal(24, 0)
        ) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6)
    )
{%- endmacro %}

{# A leaf's share of an amount, cut to the cent towards zero in whole-number arithmetic; what is
   left over goes to the largest leaf, so no share can turn negative. #}
{% macro weighted_part(amount, weight, total_weight) -%}
    cast(
        (cast({{ amount }} * 100 as hugeint) * {{ weight }} // {{ total_weight }})
        * 0.01 as decimal(18, 2)
    )
{%- endmacro %}

{# A leaf's part with the rest on the largest leaf, so that the parts of a cell (`cell_key`)
   add to the whole exactly. Needs is_largest beside the part. #}
{% macro settled_part(part, whole, cell_key) -%}
    case
        when is_largest
            then
                {{ whole }} + {{ part }}
                - sum({{ part }}) over (partition by {{ cell_key | join(', ') }})
        else {{ part }}
    end
{%- endmacro %}
