"""The collector: events as other tools' clients post them, kept and passed on."""
