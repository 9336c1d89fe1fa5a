"""What several pages share: the shell around them and the charts."""
