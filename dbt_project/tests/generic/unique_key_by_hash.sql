{# unique_combination for many rows: counts hashes first, and reads whole rows of those only that
   meet twice. `beside` is a model after this one: the test then stops what comes after both, and
   the tests of `beside` are told in the same build. #}
{% test unique_key_by_hash(model, columns, trace=[], beside=none) %}
    -- beside {{ beside }}
    with twice as (
        select hash({{ columns | join(', ') }}) as key_hash
        from {{ model }}
        group by key_hash
        having count(*) > 1
    )

    select
        count(*) || ' rows share one key ({{ columns | join(", ") }}); keep one of them'
        {%- for column in trace %}
            || '{{ "; " ~ column ~ " " }}'
            || coalesce(string_agg(cast({{ column }} as varchar), ', ' order by {{ column }}), '')
        {%- endfor %} as reason,
        {{ columns | join(', ') }},
        count(*) as rows_found
    from {{ model }}
    where hash({{ columns | join(', ') }}) in (select key_hash from twice)
    group by {{ columns | join(', ') }}
    having count(*) > 1
    order by {{ columns | join(', ') }}
{% endtest %}
