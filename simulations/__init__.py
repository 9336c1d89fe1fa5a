"""Questions asked of the twin: forecasts as a service, the virtual lab, experiments. No screens of its own."""
