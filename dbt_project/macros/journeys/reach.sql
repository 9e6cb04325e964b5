{# Path building: which touches a conversion reaches, and which reach nothing. Plain Jinja and plain
   SQL: dbt renders these files for the warehouse, and `liftcast journeys from-events` renders the
   same files for tables that were read from two files. Arguments are names of relations:

   touches      touchpoint_id, unit_kind, unit_id, occurred_at (UTC), and what a step shows
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

{# Touches of each window in the order of time, as a list `touches` of structs: touchpoint_id,
   occurred_at and `fields`. Touches of one moment stand in the order of their ids. Windows that
   hold no touch have no row. #}
{% macro journeys_reached(touches, windows, fields) -%}
    select
        windows.conversion_kind,
        windows.unit_kind,
        windows.unit_id,
        windows.converted_at,
        list(
            struct_pack(
                touchpoint_id := touches.touchpoint_id,
                occurred_at := touches.occurred_at
                {%- for field in fields %},
                {{ field }} := touches.{{ field }}
                {%- endfor %}
            )
            order by touches.occurred_at, touches.touchpoint_id
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

{# Journeys that ended with nothing, by conversion kind: (conversion_kind, unit, first_at, last_at,
   touches, is_open). A journey is a run of touches without a conversion of the kind and without a
   gap longer than the lookback between them. It ended with nothing when the lookback has passed
   after its last touch without a conversion. Where it has not passed by `until`, nobody knows yet:
   is_open, which is no null. `fields` as in journeys_reached. #}
{% macro journeys_missed(touches, windows, kinds, until, fields) -%}
    with followed as (
        -- Touches with the conversion that comes next, if one does.
        select
            touches.*,
            windows.converted_at as next_at
        from (
            select
                kinds.conversion_kind,
                kinds.lookback,
                touches.unit_kind,
                touches.unit_id,
                touches.touchpoint_id,
                touches.occurred_at
                {%- for field in fields %},
                touches.{{ field }}
                {%- endfor %}
            from {{ touches }} as touches
            inner join {{ kinds }} as kinds
                on touches.unit_kind = kinds.unit_kind
        ) as touches
        asof left join {{ windows }} as windows
            on
                touches.conversion_kind = windows.conversion_kind
                and touches.unit_kind = windows.unit_kind
                and touches.unit_id = windows.unit_id
                and touches.occurred_at <= windows.converted_at
    ),

    parted as (
        select
            *,
            coalesce(
                occurred_at - lag(occurred_at) over walk > lookback
                or next_at is distinct from lag(next_at) over walk,
                true
            ) as is_first
        from followed
        window walk as (
            partition by conversion_kind, unit_kind, unit_id
            order by occurred_at, touchpoint_id
        )
    ),

    numbered as (
        select
            *,
            count(*) filter (where is_first) over (
                partition by conversion_kind, unit_kind, unit_id
                order by occurred_at, touchpoint_id
                rows between unbounded preceding and current row
            ) as run
        from parted
    )

    select
        conversion_kind,
        unit_kind,
        unit_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        list(
            struct_pack(
                {%- for field in fields %}
                {{ field }} := {{ field }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            order by occurred_at, touchpoint_id
        ) as touches,
        any_value(next_at) is null
        and max(occurred_at) + any_value(lookback) > {{ until }} as is_open
    from numbered
    group by conversion_kind, unit_kind, unit_id, run
    -- What comes next was not reached by its last touch, so by none of them.
    having
        any_value(next_at) is null
        or max(occurred_at) + any_value(lookback) < any_value(next_at)
{%- endmacro %}
