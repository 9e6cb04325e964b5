{# The day with the given ISO weekday (1 is Monday) that lies nearest to a date. A week has an odd
   number of days, so there is always one nearest. #}
{% macro nearest_weekday(date_day, weekday) -%}
    cast(
        {{ date_day }} - cast(
            (isodow({{ date_day }}) - {{ weekday }} + 10) % 7 - 3 as integer
        ) as date
    )
{%- endmacro %}

{# Period (1 to 12) that a week of a year falls in, thirteen weeks a quarter; a 53rd week belongs to
   the last period. `style` is 445, 454 or 544: weeks of the three periods of a quarter. #}
{% macro period_of_week(week, style) -%}
    {%- set first = (style | string)[0] | int -%}
    {%- set second = first + (style | string)[1] | int -%}
    (
        least(({{ week }} - 1) // 13, 3) * 3
        + case
            when {{ week }} - least(({{ week }} - 1) // 13, 3) * 13 <= {{ first }} then 1
            when {{ week }} - least(({{ week }} - 1) // 13, 3) * 13 <= {{ second }} then 2
            else 3
        end
    )
{%- endmacro %}

{# Monday of a day's week. #}
{% macro monday_of(date_day) -%}
    cast({{ date_day }} - cast(isodow({{ date_day }}) - 1 as integer) as date)
{%- endmacro %}

{# First day of the panel's period that holds a date: the day itself in a daily panel of a daily
   lake, else the first day of its week. `bounds` is an alias of int_calendar__bounded. #}
{% macro panel_period(date_day) -%}
    {%- if execute and var('mix_panel_grain') not in ('day', 'week') -%}
        {{ exceptions.raise_compiler_error(
            "The variable mix_panel_grain must be day or week, got '"
            ~ var('mix_panel_grain') ~ "'.") }}
    {%- endif -%}
    cast(
        {{ date_day }} - cast(
            case
                when '{{ var('mix_panel_grain') }}' = 'week' or bounds.grain = 'week'
                    then (isodow({{ date_day }}) - bounds.week_starts_on + 7) % 7
                else 0
            end as integer
        ) as date
    )
{%- endmacro %}

{# Last day of the calendar, two years after the last sale, for plans. #}
{% macro calendar_end(last_day) -%}
    make_date(year({{ last_day }}) + 2, 12, 31)
{%- endmacro %}

{# Last day a promotion is counted on: an end such as 9999-12-31 means until further notice, which
   is the end of the calendar. Where nothing was sold there is no calendar, and the end holds. #}
{% macro promotion_end(promotions, last_day) -%}
    cast(
        greatest(
            {{ promotions }}.starts_on,
            least({{ promotions }}.ends_on, {{ calendar_end(last_day) }})
        ) as date
    )
{%- endmacro %}
