-- Under every rule territories, with (unattributed), hold ledger, conversions and spend.
{{ journeys_not_whole(ref('attr_territories'), 'territory') }}
