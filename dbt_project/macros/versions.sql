{# Versions of a dimension's row. Both days are included, as in the raw contracts; a version without
   a first day holds since 1900-01-01, one without a last day until the day before the next one
   starts, and the last until 9999-12-31. #}
{% macro first_date() -%} cast('1900-01-01' as date) {%- endmacro %}

{% macro last_date() -%} cast('9999-12-31' as date) {%- endmacro %}

{% macro version_start(column='valid_from') -%}
    coalesce({{ column }}, {{ first_date() }})
{%- endmacro %}

{% macro version_end(key) -%}
    coalesce(
        valid_to,
        cast(
            lead({{ version_start() }}) over (
                partition by {{ key }} order by {{ version_start() }}
            ) - 1 as date
        ),
        {{ last_date() }}
    )
{%- endmacro %}

{# The version that starts last; a planned change counts as soon as it is landed. #}
{% macro is_last_version(key) -%}
    row_number() over (partition by {{ key }} order by {{ version_start() }} desc) = 1
{%- endmacro %}

{# Surrogate key: the id, and the first day of the version where it has one. Readable, and the same
   in every build. #}
{% macro version_key(id, valid_from) -%}
    {{ id }} || case
        when {{ valid_from }} > {{ first_date() }} then '@' || cast({{ valid_from }} as varchar)
        else ''
    end
{%- endmacro %}

{# Left join of the version that holds on a row's day: an equality on the id, which is hashed, and
   the range as a rest, so that millions of rows meet few versions each. Versions never overlap
   (tested), so a row stays one row. #}
{% macro version_join(dimension, id, row_id, row_date) -%}
    left join {{ dimension }}
        on {{ row_id }} = {{ dimension }}.{{ id }}
        and {{ row_date }} between {{ dimension }}.valid_from and {{ dimension }}.valid_to
{%- endmacro %}
