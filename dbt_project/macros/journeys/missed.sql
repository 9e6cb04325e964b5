{# Journeys that end with nothing. Millions of persons walk them, so a unit's touches are gathered
   once into a sorted list of whole numbers, and everything else is arithmetic on that list. A
   number holds moment and name: (moments since `origin`) * width + code. A moment is a microsecond,
   or, where years and names are so many that 64 bits do not hold both, a thousand or a million. #}
{% macro journeys_scale(touches, names) -%}
    select
        bounds.origin,
        greatest(named.width, 1) as width,
        case
            when bounds.span * named.width < 9e18 then 1
            when bounds.span * named.width < 9e21 then 1000
            else 1000000
        end as step
    from (
        select
            min(occurred_at) as origin,
            coalesce(epoch_us(max(occurred_at)) - epoch_us(min(occurred_at)) + 1, 1)::double as span
        from {{ touches }}
    ) as bounds
    cross join (select count(*) as width from {{ names }}) as named
{%- endmacro %}

{# Walks: (unit_kind, unit_id, entries), a row a unit. #}
{% macro journeys_walks(touches, scale) -%}
    select
        touches.unit_kind,
        touches.unit_id,
        list_sort(list(
            (epoch_us(touches.occurred_at) - epoch_us(scale.origin)) // scale.step
            * scale.width + touches.code
        )) as entries
    from {{ touches }} as touches
    cross join {{ scale }} as scale
    group by touches.unit_kind, touches.unit_id
{%- endmacro %}

{# Machines: persons with more than `allowed` touches within `minutes` of one another, with the
   number of all their touches. An account is many people, and no machine: of it `kind` contact looks
   at each of them. #}
{% macro journeys_bots(walks, scale, allowed, minutes, kind='person') -%}
    select
        walks.unit_kind,
        walks.unit_id,
        len(walks.entries) as touches
    from {{ walks }} as walks
    cross join {{ scale }} as scale
    where
        walks.unit_kind = '{{ kind }}'
        and len(walks.entries) > {{ allowed }}
        and list_min(list_transform(
            range({{ allowed }} + 1, len(walks.entries) + 1),
            lambda i:
                walks.entries[i] // scale.width - walks.entries[i - {{ allowed }}] // scale.width
        )) <= {{ minutes }} * 60000000::bigint // scale.step
{%- endmacro %}

{# Walks on which touches of one moment and name count once. #}
{% macro journeys_once(walks) -%}
    select * replace (
        list_filter(entries, lambda e, i: i = 1 or e <> entries[i - 1]) as entries
    )
    from {{ walks }}
{%- endmacro %}

{# Missed: (conversion_kind, unit_kind, touches, is_open, journeys), a row for each distinct path,
   whose `touches` are codes. A journey is a run of touches without a conversion of the kind between
   them and without a gap longer than the lookback. It ended with nothing when the lookback has
   passed after its last touch, and no conversion came. Where it has not passed by `until`, nobody
   knows yet: is_open, which is no null. What a conversion reaches a part of is no missed journey. #}
{% macro journeys_missed(walks, windows, kinds, scale, until) -%}
    with sold as (
        select
            windows.conversion_kind,
            windows.unit_kind,
            windows.unit_id,
            list_sort(list(
                (epoch_us(windows.converted_at) - epoch_us(scale.origin)) // scale.step
            )) as ends
        from {{ windows }} as windows
        cross join {{ scale }} as scale
        group by windows.conversion_kind, windows.unit_kind, windows.unit_id
    ),

    spans as (
        select
            kinds.conversion_kind,
            kinds.unit_kind,
            epoch_us(timestamp '1970-01-01' + kinds.lookback) // scale.step as lookback,
            (epoch_us({{ until }}) - epoch_us(scale.origin)) // scale.step as until_moment,
            scale.width
        from {{ kinds }} as kinds
        cross join {{ scale }} as scale
    ),

    tried as (
        select
            spans.*,
            walks.entries,
            sold.ends
        from {{ walks }} as walks
        inner join spans
            on walks.unit_kind = spans.unit_kind
        left join sold
            on
                spans.conversion_kind = sold.conversion_kind
                and walks.unit_kind = sold.unit_kind
                and walks.unit_id = sold.unit_id
    ),

    started as (
        select
            *,
            case
                when ends is null and entries[-1] // width - entries[1] // width <= lookback then [1]
                else list_filter(
                    range(1, len(entries) + 1),
                    lambda i:
                        i = 1
                        or entries[i] // width - entries[i - 1] // width > lookback
                        or len(list_filter(
                            coalesce(ends, []),
                            lambda e:
                                entries[i - 1] // width <= e and e < entries[i] // width
                        )) > 0
                )
            end as starts
        from tried
    ),

    runs as (
        select
            conversion_kind,
            unit_kind,
            lookback,
            until_moment,
            width,
            entries,
            ends,
            unnest(starts) as first_place,
            unnest(list_transform(starts, lambda s, i: coalesce(starts[i + 1] - 1, len(entries))))
                as last_place
        from started
    ),

    ended as (
        select
            *,
            entries[last_place] // width as last_moment,
            case
                when ends is not null
                    then list_min(list_filter(ends, lambda e: e >= entries[last_place] // width))
            end as next_moment
        from runs
    )

    select
        conversion_kind,
        unit_kind,
        list_transform(entries[first_place:last_place], lambda e: cast(e % width as integer))
            as touches,
        next_moment is null and last_moment + lookback > until_moment as is_open,
        count(*) as journeys
    from ended
    where next_moment is null or last_moment + lookback < next_moment
    group by all
{%- endmacro %}
