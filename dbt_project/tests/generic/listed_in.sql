{# Every id of a column stands in a master table, if that table holds any row: a company that keeps no
   list names its campaigns all the same. `date` is the day of a row; `trace` are columns
   that lead to one row as an example, the first by that day. #}
{% test listed_in(model, column_name, to, in_words, id=none, date='date_day', trace=[]) %}
    select
        '{{ column_name }} ''' || named.{{ column_name }} || ''' is not in {{ in_words }}; add it '
        || 'there or correct the rows' as reason,
        named.{{ column_name }},
        count(*) as rows_found,
        min(named.{{ date }}) as first_date
        {%- for column in trace %},
        arg_min(named.{{ column }}, named.{{ date }}) as first_{{ column.lstrip('_') }}
        {%- endfor %}
    from {{ model }} as named
    where
        named.{{ column_name }} is not null
        and named.{{ column_name }} not in (
            select {{ id or column_name }} from {{ to }}
            where {{ id or column_name }} is not null
        )
        and (select count(*) from {{ to }}) > 0
    group by named.{{ column_name }}
    order by 2
{% endtest %}
