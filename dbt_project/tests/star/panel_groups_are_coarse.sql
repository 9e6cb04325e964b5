{{ config(severity='warn') }}
-- Too many cells: the panel counts products by brand, or all in one, where it would by category.
select
    'mix_panel groups products by ' || any_value(group_level) || ': by category it would have '
    || cast(any_value(category_cells) as varchar)
    || ' cells; raise the var mix_panel_max_cells, now {{ var('mix_panel_max_cells') }},'
    || ' or name coarser categories' as reason
from {{ ref('int_products__grouped') }}
where group_level <> 'category'
having count(*) > 0
