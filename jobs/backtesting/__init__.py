"""What the job backtest hides, and the rankings with which it compares the prospects."""
