"""The values and classes of ModelBox's Python SDK, as flowunits and programs see them."""
