"""Services of the shop: prices, discounts, orders. No request, no response."""
