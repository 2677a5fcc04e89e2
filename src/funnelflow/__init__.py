"""funnelflow: a sales funnel as a file, and a machine that moves contacts and says why."""
