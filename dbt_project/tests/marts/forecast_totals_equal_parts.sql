-- Means of territories, products, channels and the total are the sums of their series, to the cent.
{{ unequal_totals("select * from " ~ ref('fcst_volume')) }}
