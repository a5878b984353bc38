"""Input that is meant to harm, sent to a whole gateway; after each piece of it the gateway must be well."""
