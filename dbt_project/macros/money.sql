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

{# Average rates into the reporting currency, for an ASOF join: rate_day, from_currency, fx_rate.
   Decimal, not double: 10.00 x 1.0825 must round to 10.83 as it does on paper. The widest
   product, DECIMAL(18,6) x DECIMAL(20,14), just fits DuckDB's 38 digits; a rate of a million
   or more becomes null here and fails the test fx_rate_known by name. #}
{% macro average_rates(from_relation) %}
    select
        date_day as rate_day,
        from_currency,
        try_cast(rate as decimal(20, 14)) as fx_rate
    from {{ from_relation }}
    where
        kind = 'average'
        and to_currency = {{ reporting_currency() }}
{% endmacro %}

{# Rate of a line: 1 for the reporting currency itself, else the joined rate. #}
{% macro fx_rate(currency_code, joined_rate) -%}
    case
        when {{ currency_code }} = {{ reporting_currency() }} then cast(1 as decimal(20, 14))
        else {{ joined_rate }}
    end
{%- endmacro %}

{# Amount in the reporting currency, half away from zero to the cent. Zero needs no rate. #}
{% macro in_reporting_currency(amount, rate) -%}
    case
        when {{ amount }} = 0 then cast(0 as decimal(18, 2))
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
