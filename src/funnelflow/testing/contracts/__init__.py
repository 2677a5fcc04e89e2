"""What every notifier, criterion and store must do, as classes of tests to be subclassed."""
