with

bounds as (
    select * from {{ ref('int_calendar__bounded') }}
),

products as (
    select
        product_id,
        brand,
        category
    from {{ ref('stg_raw__products') }}
    where is_current
),

sold as (
    select distinct
        territory_id,
        product_id
    from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

pairs as (
    select
        count(
            distinct hash(sold.territory_id, coalesce(products.category, products.brand, 'all'))
        ) as of_category,
        count(distinct hash(sold.territory_id, coalesce(products.brand, 'all'))) as of_brand
    from sold
    left join products
        on sold.product_id = products.product_id
),

periods as (
    select
        ({{ panel_period('bounds.last_day') }} - {{ panel_period('bounds.first_day') }})
        // case
            when '{{ var('mix_panel_grain') }}' = 'week' or bounds.grain = 'week' then 7
            else 1
        end + 1 as periods
    from bounds
),

level as (
    select
        pairs.of_category * coalesce(periods.periods, 0) as category_cells,
        case
            when pairs.of_category * periods.periods <= {{ var('mix_panel_max_cells') | int }}
                then 'category'
            when pairs.of_brand * periods.periods <= {{ var('mix_panel_max_cells') | int }}
                then 'brand'
            else 'all'
        end as group_level
    from pairs
    cross join periods
),

final as (
    select
        products.product_id,
        case level.group_level
            when 'category' then coalesce(products.category, products.brand, 'all')
            when 'brand' then coalesce(products.brand, 'all')
            else 'all'
        end as product_group,
        level.group_level,
        level.category_cells
    from products
    cross join level
)

select * from final
