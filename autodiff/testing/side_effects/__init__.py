"""What a call leaves behind: graph values that outlive it, arrays it wrote, results that change from call to call."""
