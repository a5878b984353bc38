"""The campaign: canaries in every field, along every path, so that whatever a gateway keeps says where it came from."""
