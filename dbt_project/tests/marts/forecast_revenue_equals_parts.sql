-- Net revenue of territories, products, channels and the total is the sum of its series.
{{ unequal_totals("select *, 'net_revenue' as measure from " ~ ref('fcst_revenue')) }}
