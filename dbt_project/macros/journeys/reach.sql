{# Path building: which touches a conversion reaches, and which reach nothing. Plain Jinja and plain
   SQL: dbt renders these files for the warehouse, and `liftcast journeys from-events` renders the
   same files for tables that were read from two files. Arguments are names of relations:

   touches      unit_kind, unit_id, occurred_at (UTC), code (of its names), touchpoint_id
   names        code, and what it stands for: 0, 1, 2, ... in the order of the names
   conversions  conversion_kind, unit_kind, unit_id, converted_at (UTC)
   kinds        conversion_kind, unit_kind, lookback INTERVAL, a row for each that is to be built

   A unit is who walks a journey: a person, or an account with all its people. #}

{# What a window is: (conversion kind, unit, moment), from its first to its last moment, both
   included. Conversions of one unit and kind at one moment share a window. A touch at or before an
   earlier conversion of the same kind does not count again, unless `reuse` is true. #}
{% macro journeys_windows(conversions, kinds, reuse=false) -%}
    select
        moments.conversion_kind,
        moments.unit_kind,
        moments.unit_id,
        moments.converted_at,
        kinds.lookback,
        {% if reuse -%}
        moments.converted_at - kinds.lookback as window_from
        {%- else -%}
        greatest(
            moments.converted_at - kinds.lookback,
            lag(moments.converted_at) over (
                partition by moments.conversion_kind, moments.unit_kind, moments.unit_id
                order by moments.converted_at
            ) + interval 1 microsecond
        ) as window_from
        {%- endif %}
    from (
        select distinct
            conversion_kind,
            unit_kind,
            unit_id,
            converted_at
        from {{ conversions }}
        where unit_id is not null
    ) as moments
    inner join {{ kinds }} as kinds
        on
            moments.conversion_kind = kinds.conversion_kind
            and moments.unit_kind = kinds.unit_kind
{%- endmacro %}

{# Touches of each window in the order of time, as a list `touches` of structs: occurred_at, code,
   touchpoint_id and `fields`. Touches of one moment stand in the order of their names, then of
   their ids. Windows that hold no touch have no row. #}
{% macro journeys_reached(touches, windows, fields=()) -%}
    select
        windows.conversion_kind,
        windows.unit_kind,
        windows.unit_id,
        windows.converted_at,
        list(
            struct_pack(
                occurred_at := touches.occurred_at,
                code := touches.code,
                touchpoint_id := touches.touchpoint_id
                {%- for field in fields %},
                {{ field }} := touches.{{ field }}
                {%- endfor %}
            )
            order by touches.occurred_at, touches.code, touches.touchpoint_id
        ) as touches
    from {{ touches }} as touches
    inner join {{ windows }} as windows
        on
            touches.unit_kind = windows.unit_kind
            and touches.unit_id = windows.unit_id
            and touches.occurred_at between windows.window_from and windows.converted_at
    group by
        windows.conversion_kind,
        windows.unit_kind,
        windows.unit_id,
        windows.converted_at
{%- endmacro %}
