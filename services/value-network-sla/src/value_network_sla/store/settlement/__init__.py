"""How are value networks, incomes, statements, contests, the audit log and evidence kept?"""
