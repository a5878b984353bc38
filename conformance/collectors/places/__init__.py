"""Discovery: what the gateway's processes have open, write to and talk to, compared with what is declared."""
