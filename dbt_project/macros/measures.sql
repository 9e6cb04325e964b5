{# Sum of doubles that does not depend on the order of rows or threads: equal input must give
   equal bytes, and a parallel sum of doubles does not. Adds exactly with twelve decimals, then
   keeps nine, so that thirds put together again are whole. #}
{% macro exact_sum(measure) -%}
    cast(cast(sum(cast({{ measure }} as decimal(38, 12))) as decimal(38, 9)) as double)
{%- endmacro %}

{# First day of the lake's period that holds a date. `calendar` is an alias of
   int_calendar__bounded. #}
{% macro period_start(date_day, calendar) -%}
    cast(
        {{ date_day }} - cast(
            case
                when {{ calendar }}.grain = 'week'
                    then (isodow({{ date_day }}) - {{ calendar }}.week_starts_on + 7) % 7
                else 0
            end as integer
        ) as date
    )
{%- endmacro %}

{# Days that a landed row speaks for. #}
{% macro days_of(grain) -%}
    case when {{ grain }} = 'week' then 7 else 1 end
{%- endmacro %}

{# Name of the column that a row of grouping sets, one set for each of `columns`, stands for. #}
{% macro named_set(columns) -%}
    case
        {%- for column in columns %}
        when grouping({{ column }}) = 0 then '{{ column }}'
        {%- endfor %}
    end
{%- endmacro %}

{# One grouping set for each of `columns`, all with the columns of `each`: one pass over the rows. A
   macro, since the linter's dialect does not know the words. #}
{% macro grouping_sets(each, columns) -%}
    grouping sets (
        {%- for column in columns %}
        ({{ each | join(', ') }}, {{ column }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
