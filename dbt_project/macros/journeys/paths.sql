{# What is done to a path before it is credited. `touches` is a list; of an element `t`, `field` is
   what names it ('' where it is the name itself, '.channel' of a struct), and `other` says, as SQL
   on t, that it is not the direct channel. In this order: direct touches are left out of a path that
   holds another (`drop_direct`), of a name several times in a row the first touch is kept
   (`collapse`), the last `longest` touches are kept, or with `keep_first` the first one and the last
   `longest` less one. The result is `touches` again. #}
{% macro journeys_trimmed(
    relation, field='', other='true', drop_direct=false, collapse=false, longest=none,
    keep_first=false
) -%}
    {%- set steps = [] -%}
    {%- if drop_direct -%}
    {%- set _ = steps.append(
        'case when len(list_filter(touches, lambda t: ' ~ other ~ ')) > 0 '
        ~ 'then list_filter(touches, lambda t: ' ~ other ~ ') else touches end'
    ) -%}
    {%- endif -%}
    {%- if collapse -%}
    {%- set _ = steps.append(
        'list_filter(touches, lambda t, i: i = 1 or t' ~ field
        ~ ' is distinct from touches[i - 1]' ~ field ~ ')'
    ) -%}
    {%- endif -%}
    {%- if longest is not none -%}
    {%- set kept = longest - 1 if keep_first else longest -%}
    {%- set _ = steps.append(
        'case when len(touches) <= ' ~ longest ~ ' then touches else '
        ~ ('touches[:1] || ' if keep_first else '')
        ~ 'touches[len(touches) - ' ~ kept ~ ' + 1:] end'
    ) -%}
    {%- endif -%}
    select * from {% for step in steps %}(select * replace ({{ steps[-loop.index] }} as touches) from {% endfor %}
    {{- relation }}{{ ')' * (steps | length) }}
{%- endmacro %}
