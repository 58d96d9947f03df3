"""What other agents publish on the same broker (Telegraf, collectd), read into samples of nodes."""
