"""Side effects of a call: graph values that outlive it, arrays it wrote, results that change from call to call."""
