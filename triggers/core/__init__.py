"""The pure heart: frozen values in, one decision out. No tables, no settings, no clock, no input or output."""
