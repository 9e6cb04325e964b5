{# A whole number (cents; billionths of one) dealt by weights: each part is cut down to a whole
   number, and what is left over goes, one by one, to those that lost most by the cut (largest
   remainder), the earlier touch first where two lost the same. Parts sum to the total exactly,
   whatever the weights, and have its sign.

   `relation` has columns weights_<rule>, lists of doubles that sum to one; `totals` names, for each
   measure, its whole number as SQL: {'value': 'cast(value * 100 as bigint)'}. Adds, for each of
   `rules` and measures, parts_<measure>_<rule>, a list of whole numbers; null where the total is. #}
{% macro journeys_parts(relation, rules, totals) -%}
    with cut as (
        select
            *
            {%- for rule in rules %}{% for measure, total in totals.items() %},
            {#- A product that floating point has made a hair less than whole is cut one too low and
                gets it back first; one a hair too much would deal more than there is. #}
            list_transform(
                weights_{{ rule }},
                lambda w: cast(greatest(
                    floor(w * abs({{ total }}) - 1e-6 - 1e-14 * abs({{ total }})), 0
                ) as bigint)
            ) as cut_{{ measure }}_{{ rule }}
            {%- endfor %}{% endfor %}
        from {{ relation }}
    ),

    ranked as (
        select
            *
            {%- for rule in rules %}{% for measure, total in totals.items() %},
            case
                when len(weights_{{ rule }}) > 1
                    then list_slice(
                        list_grade_up(list_transform(
                            cut_{{ measure }}_{{ rule }},
                            lambda c, i: [
                                round(c - weights_{{ rule }}[i] * abs({{ total }}), 4), i
                            ]
                        )),
                        1,
                        cast(abs({{ total }}) - list_sum(cut_{{ measure }}_{{ rule }}) as bigint)
                    )
                else [cast(1 as bigint)]
            end as most_{{ measure }}_{{ rule }}
            {%- endfor %}{% endfor %}
        from cut
    )

    select
        * exclude (
            {%- for rule in rules %}{% for measure, total in totals.items() %}
            cut_{{ measure }}_{{ rule }}, most_{{ measure }}_{{ rule }},
            {%- endfor %}{% endfor %}
        )
        {%- for rule in rules %}{% for measure, total in totals.items() %},
        case
            when len(weights_{{ rule }}) = 1 then [{{ total }}]
            else list_transform(
                cut_{{ measure }}_{{ rule }},
                lambda c, i: cast(sign({{ total }}) as bigint) * (
                    c + cast(list_contains(most_{{ measure }}_{{ rule }}, i) as bigint)
                )
            )
        end as parts_{{ measure }}_{{ rule }}
        {%- endfor %}{% endfor %}
    from ranked
{%- endmacro %}
