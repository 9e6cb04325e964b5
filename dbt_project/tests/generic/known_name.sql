{# Every id that rows name stands in a master table; for models of (date_day, _source, named_by,
   named_id). With `when_listed` only if the master holds any row: a company that keeps no list
   of campaigns names them all the same. #}
{% test known_name(
    model, column_name, named, to, in_words, id=none, when_listed=false, counted='lines'
) %}
    select
        '{{ named }} ''' || named.named_id || ''' is not in {{ in_words }}; add it there or correct '
        || 'the rows' as reason,
        named.named_id as {{ named }},
        min(named.date_day) as first_date,
        min(named._source) as first_source,
        sum(named.{{ counted }}) as rows_found
    from {{ model }} as named
    where
        named.named_by = '{{ named }}'
        and named.named_id not in (
            select {{ id or named }} from {{ to }}
            where {{ id or named }} is not null
        )
        {%- if when_listed %}
        and (select count(*) from {{ to }}) > 0
        {%- endif %}
    group by named.named_id
    order by 2
{% endtest %}
