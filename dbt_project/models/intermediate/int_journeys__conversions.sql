-- What journeys lead to: orders of the ledger, and the stages of opportunities. Money is of the
-- ledger alone: each line belongs to one conversion of the kinds sale, order or won.
with

identified as (
    select * from {{ ref('int_journeys__identified') }}
),

merged as (
    select * from identified
    where unit_kind = 'person'
),

sales as (
    select
        sold.order_id,
        sold.line_number,
        sold.date_day,
        sold.territory_id,
        sold.product_id,
        sold.customer_kind,
        -- Who bought under an earlier key is the same person.
        coalesce(merged.unit_id, sold.customer_id) as customer_id,
        sold.rep_id,
        sold.opportunity_id,
        sold.net_revenue,
        sold.cost,
        sold.landed_currency,
        -- A sale known by its day comes after the touches of that day, as its place counts days.
        coalesce(
            sold.sold_at,
            timezone('UTC', timezone(
                coalesce(sold.time_zone, 'UTC'),
                cast(sold.date_day + {{ days_of('sold.grain') }} as timestamp)
            )) - interval 1 microsecond
        ) as sold_at
    from {{ ref('stg_raw__sales') }} as sold
    left join merged
        on sold.customer_id = merged.person_id
    where sold.booked_by = 'company'
),

opportunities as (
    select * from {{ ref('stg_raw__opportunities') }}
),

customers as (
    select * from {{ ref('stg_raw__customers') }}
),

won as (
    select opportunity_id from opportunities
    where stage = 'won' and closed_at is not null
),

orders as (
    select
        sales.order_id,
        won.opportunity_id,
        min(sales.customer_id) as customer_id,
        min(sales.customer_kind) as customer_kind,
        min(sales.territory_id) as territory_id,
        min(sales.rep_id) as seller_id,
        coalesce(
            min(sales.date_day) filter (where sales.net_revenue >= 0), min(sales.date_day)
        ) as date_day,
        coalesce(
            min(sales.sold_at) filter (where sales.net_revenue >= 0), min(sales.sold_at)
        ) as sold_at,
        count(*) filter (where sales.net_revenue >= 0) > 0 as is_sold,
        count(*) filter (where sales.net_revenue < 0) > 0 as is_returned,
        sum(sales.net_revenue) as net_revenue,
        sum(sales.net_revenue - sales.cost) as margin,
        sum(sales.net_revenue) filter (where sales.net_revenue < 0) as returned_value,
        min(sales.landed_currency) as landed_currency,
        max(sales.landed_currency) as last_currency
    from sales
    left join won
        on sales.opportunity_id = won.opportunity_id
    group by sales.order_id, won.opportunity_id
),

-- A return under a number of its own is taken off the last order of the same customer and product
-- before it.
loose as (
    select order_id from orders
    where not is_sold and customer_id is not null and opportunity_id is null
),

loose_lines as (
    select sales.* from sales
    semi join loose
        on sales.order_id = loose.order_id
),

sold_lines as (
    select
        sales.customer_id,
        sales.product_id,
        sales.sold_at,
        max((sales.order_id, won.opportunity_id)) as sold
    from sales
    semi join loose_lines
        on sales.customer_id = loose_lines.customer_id
    left join won
        on sales.opportunity_id = won.opportunity_id
    where sales.net_revenue > 0
    group by sales.customer_id, sales.product_id, sales.sold_at
),

taken_back as (
    select
        loose_lines.order_id,
        max((sold_lines.sold_at, sold_lines.sold)) as sold_last
    from loose_lines
    asof inner join sold_lines
        on loose_lines.customer_id = sold_lines.customer_id
        and loose_lines.product_id = sold_lines.product_id
        and loose_lines.sold_at >= sold_lines.sold_at
    group by loose_lines.order_id
),

returned as (
    select
        order_id,
        sold_last[2][1] as of_order_id,
        sold_last[2][2] as of_opportunity_id
    from taken_back
),

settled as (
    select
        coalesce(returned.of_order_id, orders.order_id) as order_id,
        coalesce(returned.of_opportunity_id, orders.opportunity_id) as opportunity_id,
        min(orders.customer_id) as customer_id,
        min(orders.customer_kind) as customer_kind,
        coalesce(min(orders.territory_id) filter (where orders.is_sold), min(orders.territory_id))
            as territory_id,
        min(orders.seller_id) filter (where orders.is_sold) as seller_id,
        min(orders.date_day) as date_day,
        min(orders.sold_at) as sold_at,
        bool_or(orders.is_sold) as is_sold,
        bool_or(orders.is_returned) as is_returned,
        sum(orders.net_revenue) as net_revenue,
        sum(orders.margin) as margin,
        sum(orders.returned_value) as returned_value,
        min(orders.landed_currency) as landed_currency,
        max(orders.last_currency) as last_currency
    from orders
    left join returned
        on orders.order_id = returned.order_id
    group by
        coalesce(returned.of_order_id, orders.order_id),
        coalesce(returned.of_opportunity_id, orders.opportunity_id)
),

-- Who walks the way to an order: nobody where the customer is not known, or where it is a return
-- of which no order is known.
walked as (
    select
        settled.*,
        case
            when settled.customer_id is null or not settled.is_sold then null
            when settled.customer_kind = 'B2C' then 'person'
            else 'account'
        end as unit_kind,
        case
            when settled.customer_id is null or not settled.is_sold then null
            when settled.customer_kind = 'B2C' then settled.customer_id
            else coalesce(customers.account_id, settled.customer_id)
        end as unit_id
    from settled
    left join customers
        on settled.customer_id = customers.customer_id
),

single as (
    select
        case when customer_kind = 'B2C' or unit_id is null then 'sale' else 'order' end
            as conversion_kind,
        case
            when unit_id is null then '(nobody) ' || date_day || ' ' || territory_id
            else order_id
        end as conversion_id,
        unit_kind,
        unit_id,
        date_day,
        case when unit_id is null then cast(date_day as timestamp) else sold_at end
            as converted_at,
        case when is_sold and (net_revenue > 0 or not is_returned) then 1 else 0 end
            as conversions,
        net_revenue,
        margin,
        returned_value,
        landed_currency,
        last_currency,
        territory_id,
        case when unit_id is not null then seller_id end as seller_id
    from walked
    where opportunity_id is null
),

ordered as (
    select
        conversion_kind,
        conversion_id,
        unit_kind,
        unit_id,
        date_day,
        converted_at,
        sum(conversions) as conversions,
        sum(net_revenue) as net_revenue,
        sum(margin) as margin,
        sum(returned_value) as returned_value,
        min(landed_currency) as landed_currency,
        max(last_currency) as last_currency,
        min(territory_id) as territory_id,
        min(seller_id) as seller_id
    from single
    group by conversion_kind, conversion_id, unit_kind, unit_id, date_day, converted_at
),

booked as (
    select
        opportunity_id,
        min(date_day) as date_day,
        sum(net_revenue) as net_revenue,
        sum(margin) as margin,
        sum(returned_value) as returned_value,
        min(landed_currency) as landed_currency,
        max(last_currency) as last_currency
    from settled
    where opportunity_id is not null
    group by opportunity_id
),

staged as (
    select
        opportunities.*,
        case
            when opportunities.account_id is not null then 'account'
            when opportunities.person_id is not null then coalesce(identified.unit_kind, 'person')
            when customers.customer_kind = 'B2C' then 'person'
            when opportunities.customer_id is not null then 'account'
        end as unit_kind,
        coalesce(
            opportunities.account_id,
            identified.unit_id,
            opportunities.person_id,
            case when customers.customer_kind <> 'B2C' then customers.account_id end,
            opportunities.customer_id
        ) as unit_id
    from opportunities
    left join identified
        on opportunities.person_id = identified.person_id
    left join customers
        on opportunities.customer_id = customers.customer_id
),

calendar as (
    select
        first_day,
        cast(last_day + days_in_period - 1 as date) as last_day
    from {{ ref('int_calendar__bounded') }}
),

stages as (
    {% for conversion_kind, moment in [
        ('lead', 'created_at'), ('qualified', 'qualified_at'), ('opportunity', 'proposal_at'),
        ('won', 'closed_at'),
    ] %}
    select
        *,
        '{{ conversion_kind }}' as conversion_kind,
        {{ moment }} as converted_at
    from staged
    where
        {{ moment }} is not null
        {%- if conversion_kind == 'won' %}
        and stage = 'won'
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        conversion_kind,
        conversion_id,
        unit_kind,
        unit_id,
        date_day,
        converted_at,
        cast(conversions as bigint) as conversions,
        cast(net_revenue as decimal(18, 2)) as value,
        cast(margin as decimal(18, 2)) as margin,
        cast(coalesce(returned_value, 0) as decimal(18, 2)) as returned_value,
        cast(null as decimal(18, 2)) as expected_value,
        case when landed_currency = last_currency then landed_currency end as landed_currency,
        territory_id,
        seller_id,
        cast(null as varchar) as opportunity_id,
        cast(null as timestamp) as lead_at,
        cast(null as timestamp) as opportunity_at
    from ordered
    union all
    select
        stages.conversion_kind,
        stages.opportunity_id as conversion_id,
        stages.unit_kind,
        stages.unit_id,
        coalesce(
            case when stages.conversion_kind = 'won' then booked.date_day end,
            cast(stages.converted_at as date)
        ) as date_day,
        stages.converted_at,
        case
            when
                stages.conversion_kind = 'won'
                and booked.net_revenue <= 0
                and booked.returned_value < 0
                then 0
            -- Spend of these days is in no ratio either.
            when
                cast(stages.converted_at as date)
                not between calendar.first_day and calendar.last_day
                and (stages.conversion_kind <> 'won' or booked.opportunity_id is null)
                then 0
            else 1
        end as conversions,
        case when stages.conversion_kind = 'won' then coalesce(booked.net_revenue, 0) else 0 end
            as value,
        case
            when stages.conversion_kind <> 'won' or booked.opportunity_id is null then 0
            else booked.margin
        end as margin,
        case when stages.conversion_kind = 'won' then coalesce(booked.returned_value, 0) else 0 end
            as returned_value,
        stages.amount as expected_value,
        case
            when stages.conversion_kind <> 'won' or booked.opportunity_id is null
                then stages.landed_currency
            when booked.landed_currency = booked.last_currency then booked.landed_currency
        end as landed_currency,
        stages.territory_id,
        stages.seller_id,
        stages.opportunity_id,
        stages.created_at as lead_at,
        stages.proposal_at as opportunity_at
    from stages
    cross join calendar
    left join booked
        on stages.opportunity_id = booked.opportunity_id
)

select * from final
