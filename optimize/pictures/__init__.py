"""Pictures of what was searched, mapped and measured; imported only when one is drawn."""
