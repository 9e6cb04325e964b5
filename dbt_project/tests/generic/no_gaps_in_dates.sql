{# No date missing between the first and the last of each group. The step is a day where any two
   dates of the relation are less than a week apart, else seven days. #}
{% test no_gaps_in_dates(model, column_name, group_by=[], where='true') %}
    with dates as (
        select distinct {% for column in group_by %}{{ column }}, {% endfor %}{{ column_name }}
        from {{ model }}
        where {{ where }}
    ),

    followed as (
        select
            dates.*,
            lead({{ column_name }}) over (
                {% if group_by %}partition by {{ group_by | join(', ') }} {% endif -%}
                order by {{ column_name }}
            ) as next_date
        from dates
    ),

    steps as (
        select case when min(next_date - {{ column_name }}) < 7 then 1 else 7 end as step_days
        from followed
    )

    select
        'after ' || cast({{ column_name }} as varchar) || ' comes ' || cast(next_date as varchar)
        || ', expected a step of ' || step_days || ' days' as reason,
        {% for column in group_by %}{{ column }}, {% endfor -%}
        {{ column_name }},
        next_date
    from followed
    cross join steps
    where next_date - {{ column_name }} <> step_days
{% endtest %}
