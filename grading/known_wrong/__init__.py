"""Wrong answers that students are known to give: `KNOWN_WRONG = {question: {mistake: answer}}`, one module per exercise."""
