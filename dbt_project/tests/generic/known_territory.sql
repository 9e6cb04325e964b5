{# Every territory_id stands in the territory master. `also`: values that are no territory and
   allowed ('all' of a total); `trace`: columns that tell where the row came from. #}
{% test known_territory(model, column_name, to, also=[], optional=false, trace=[]) %}
    select
        case
            when rows_checked.{{ column_name }} is null then '{{ column_name }} is missing'
            else '{{ column_name }} ''' || rows_checked.{{ column_name }} || ''' is not in the '
                || 'territory master; add it to territories or correct the rows'
        end as reason,
        rows_checked.{{ column_name }},
        count(*) as rows_found
        {%- for column in trace %},
        min(rows_checked.{{ column }}) as first_{{ column.lstrip('_') }}
        {%- endfor %}
    from {{ model }} as rows_checked
    left join {{ to }} as known
        on rows_checked.{{ column_name }} = known.territory_id
    where
        known.territory_id is null
        {% if optional %}and rows_checked.{{ column_name }} is not null{% endif %}
        {% for value in also %}and rows_checked.{{ column_name }} <> '{{ value }}'
        {% endfor %}
    group by rows_checked.{{ column_name }}
    order by 2
{% endtest %}
