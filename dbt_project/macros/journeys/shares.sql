{# Rules: how a conversion is shared among the touches of its path, as one list of weights a rule
   beside the list `touches`. Weights of a list sum to one, up to the last bit of a double. #}

{# `relation` holds a row a conversion: touches (list of structs with occurred_at and
   `name`; at least one), converted_at, lead_at, opportunity_at. `other` says, as SQL on an element t,
   that it is not the direct channel; `position` are the weights of first touch, those between, last
   touch, `half_life` is in days.

   w_shaped: 30 % to the first touch, 30 % to the last touch up to the lead, 30 % to the last one up
   to the opportunity, 10 % to all others alike. A milestone counts when it is known, no later than
   the conversion and some touch comes before it; parts of milestones that lack, or of others where
   there are none, are spread over what is there in proportion. Without any milestone: as
   `position`. #}
{% macro journeys_weights(
    relation, name='code', other='true', half_life=7, position=(0.4, 0.2, 0.4)
) -%}
    with placed as (
        select
            *,
            len(touches) as many,
            touches[len(touches)].occurred_at as last_touch_at,
            list_transform(touches, lambda t: t.{{ name }}) as names,
            list_transform(touches, lambda t: {{ other }}) as others,
            case
                when lead_at <= converted_at
                    then len(list_filter(touches, lambda t: t.occurred_at <= lead_at))
                else 0
            end as lead_place,
            case
                when opportunity_at <= converted_at
                    then len(list_filter(touches, lambda t: t.occurred_at <= opportunity_at))
                else 0
            end as opportunity_place
        from {{ relation }}
    ),

    drafted as (
        select
            *,
            list_transform(touches, lambda t, i: case when i = 1 then 1.0::double else 0 end)
                as draft_first,
            list_transform(touches, lambda t, i: case when i = many then 1.0::double else 0 end)
                as draft_last,
            case
                when list_contains(others, true)
                    then many + 1 - list_position(list_reverse(others), true)
                else many
            end as other_place,
            list_transform(touches, lambda t: 1.0::double) as draft_linear,
            list_transform(
                touches,
                lambda t, i: case
                    when many = 1 then 1.0::double
                    when many = 2 and {{ position[0] }} + {{ position[2] }} = 0 then 0.5
                    when i = 1 then {{ position[0] }}
                    when i = many then {{ position[2] }}
                    else {{ position[1] }} / (many - 2)
                end
            ) as draft_position,
            list_transform(
                touches,
                lambda t: pow(
                    2.0::double,
                    -(epoch_us(last_touch_at) - epoch_us(t.occurred_at))
                    / {{ half_life * 86400 * 1000000.0 }}
                )
            ) as draft_time_decay,
            list_transform(
                touches,
                lambda t, i:
                    1.0::double / len(list_filter(names, lambda n: n is not distinct from names[i]))
            ) as draft_shapley
        from placed
    ),

    shaped as (
        select
            *,
            list_transform(
                touches,
                lambda t, i: case when i = other_place then 1.0::double else 0 end
            ) as draft_last_non_direct,
            case
                when lead_place = 0 and opportunity_place = 0 then draft_position
                else list_transform(
                    touches,
                    lambda t, i:
                        case when i = 1 then 0.3 else 0 end
                        + case when i = lead_place then 0.3 else 0 end
                        + case when i = opportunity_place then 0.3 else 0 end
                        + case
                            when i in (1, lead_place, opportunity_place) then 0
                            else 0.1::double / (
                                many - len(list_distinct(list_filter(
                                    [1, lead_place, opportunity_place], lambda p: p > 0
                                )))
                            )
                        end
                )
            end as draft_w_shaped
        from drafted
    )

    select
        * exclude (
            names, others, lead_place, opportunity_place, other_place, many, last_touch_at,
            draft_first, draft_last, draft_last_non_direct, draft_linear, draft_position,
            draft_time_decay, draft_w_shaped, draft_shapley
        ),
        draft_first as weights_first,
        draft_last as weights_last,
        draft_last_non_direct as weights_last_non_direct,
        {%- for rule in ['linear', 'position', 'time_decay', 'w_shaped', 'shapley'] %}
        list_transform(draft_{{ rule }}, lambda w: w / list_sum(draft_{{ rule }}))
            as weights_{{ rule }}{{ ',' if not loop.last }}
        {%- endfor %}
    from shaped
{%- endmacro %}
