"""网上大厅、应用和部门系统: our page in theirs, or their page with our invitation (minan/3.4.1)."""
